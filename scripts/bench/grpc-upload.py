# A gRPC server of Debian's python3-grpcio that does what the hub does with blobs (hash, write, sync, put in place, sync the folder), as
# many connections, and clients that send at once. One turn for each line on stdin.
import concurrent.futures, hashlib, json, multiprocessing, os, sys, tempfile, time
import grpc

CONNECTIONS, COUNT, SIZE = (int(word) for word in sys.argv[1:4])
# Seconds, as in hub-sites.ts.
HEARTBEAT_EVERY = 0.02
OPTIONS = [("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20)]


def serve(pipe):
    folder = tempfile.TemporaryDirectory()
    place = os.open(folder.name, os.O_RDONLY)

    def put(request, context):
        name = os.path.join(folder.name, hashlib.sha256(request).hexdigest())
        with open(name + ".part", "wb") as file:
            file.write(request)
            file.flush()
            os.fsync(file.fileno())
        os.rename(name + ".part", name)
        os.fsync(place)
        return b"stored"

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=16), options=OPTIONS)
    methods = {
        "Put": grpc.unary_unary_rpc_method_handler(put),
        "Beat": grpc.unary_unary_rpc_method_handler(lambda request, context: b""),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Hub", methods),))
    pipe.send(server.add_insecure_port("127.0.0.1:0"))
    server.start()
    while pipe.recv() == "memory":
        # Between the turns: the bench removes the hub's as well.
        for name in os.listdir(folder.name):
            os.remove(os.path.join(folder.name, name))
        with open("/proc/self/status") as status:
            pipe.send(int(next(line.split()[1] for line in status if line.startswith("VmHWM"))) / 1024)
    server.stop(None)
    folder.cleanup()


def turn(channels):
    blobs = [os.urandom(SIZE) for _ in range(COUNT)]
    beats = []
    started = time.perf_counter()
    calls = [channel.unary_unary("/bench.Hub/Put").future(blob) for channel, blob in zip(channels, blobs)]
    index = 0
    while not all(call.done() for call in calls):
        beat = time.perf_counter()
        channels[index].unary_unary("/bench.Hub/Beat")(b"", timeout=60)
        beats.append(1000 * (time.perf_counter() - beat))
        index = (index + 37) % len(channels)
        time.sleep(HEARTBEAT_EVERY)
    for call in calls:
        call.result()
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "bytes": COUNT * SIZE, "p95Ms": sorted(beats)[int(0.95 * (len(beats) - 1))]}


def main():
    multiprocessing.set_start_method("spawn")
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(there,), daemon=True)
    server.start()
    port = here.recv()
    channels = [
        grpc.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS + [("bench.channel", index)])
        for index in range(CONNECTIONS)
    ]
    for channel in channels:
        grpc.channel_ready_future(channel).result(60)
    for _ in sys.stdin:
        figures = turn(channels)
        here.send("memory")
        print(json.dumps(figures | {"megabytes": here.recv()}), flush=True)
    here.send("stop")
    server.join(10)


if __name__ == "__main__":
    main()
