// A TCP line to a hub on which bytes take their time: so many a millisecond in each direction, each so long on its way.
import { connect, createServer, type Socket } from 'node:net';

export interface SlowLine {
  readonly port: number;
  readonly connections: number;
  /** To the hub, and from it. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  close(): Promise<void>;
}

export async function slowLine(order: {
  readonly hubPort: number;
  readonly bytesPerMs: number;
  readonly latencyMs: number;
}): Promise<SlowLine> {
  const sockets = new Set<Socket>();
  const counts = { connections: 0, sent: 0, received: 0 };
  const carry = (from: Socket, to: Socket, count: (bytes: number) => void): void => {
    /** When the last byte has left. */
    let free = 0;
    from.on('data', (bytes) => {
      count(bytes.length);
      const now = performance.now();
      free = Math.max(free, now) + bytes.length / order.bytesPerMs;
      // No more than a moment's bytes are on the line.
      from.pause();
      setTimeout(() => from.resume(), free - now);
      setTimeout(() => to.writable && to.write(bytes), free - now + order.latencyMs);
    });
  };
  const server = createServer((near) => {
    counts.connections += 1;
    const far = connect(order.hubPort, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    carry(near, far, (bytes) => (counts.sent += bytes));
    carry(far, near, (bytes) => (counts.received += bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    get connections() {
      return counts.connections;
    },
    get sentBytes() {
      return counts.sent;
    },
    get receivedBytes() {
      return counts.received;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
