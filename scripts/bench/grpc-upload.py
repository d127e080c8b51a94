# A gRPC server of Debian's python3-grpcio that takes blobs as the hub does (hash, write, sync), and fifty clients that send at once.
import concurrent.futures, hashlib, json, multiprocessing, os, sys, tempfile, time
import grpc

COUNT, SIZE = int(sys.argv[1]), int(sys.argv[2])
OPTIONS = [("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20)]


def serve(pipe):
    folder = tempfile.mkdtemp()

    def put(request, context):
        name = os.path.join(folder, hashlib.sha256(request).hexdigest())
        with open(name, "wb") as file:
            file.write(request)
            file.flush()
            os.fsync(file.fileno())
        os.remove(name)
        return b"stored"

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=16), options=OPTIONS)
    handler = grpc.unary_unary_rpc_method_handler(put)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Hub", {"Put": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    pipe.send(port)
    pipe.recv()
    with open("/proc/self/status") as status:
        pipe.send(int(next(line.split()[1] for line in status if line.startswith("VmHWM"))) / 1024)
    server.stop(None)


def main():
    multiprocessing.set_start_method("spawn")
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(there,))
    server.start()
    port = here.recv()
    channels = [grpc.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS + [("bench.channel", index)]) for index in range(COUNT)]
    for channel in channels:
        grpc.channel_ready_future(channel).result(30)
    blobs = [os.urandom(SIZE) for _ in range(COUNT)]
    started = time.perf_counter()
    calls = [channel.unary_unary("/bench.Hub/Put").future(blob) for channel, blob in zip(channels, blobs)]
    for call in calls:
        call.result(120)
    seconds = time.perf_counter() - started
    here.send("stop")
    print(json.dumps({"seconds": seconds, "bytes": COUNT * SIZE, "megabytes": here.recv()}))
    server.join(10)
    server.kill()


if __name__ == "__main__":
    main()
