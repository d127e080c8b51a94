// What a proxy before several hubs does: each connection goes to the next hub that answers.
import { createConnection, createServer, type Socket } from 'node:net';
import type { TestBench } from './federation-fixture.ts';

export async function oneAddress(bench: TestBench) {
  let ports: readonly number[] = [];
  let turn = 0;
  const connect = (from: Socket, tries: number): void => {
    const to = createConnection(ports[(turn += 1) % ports.length]!, '127.0.0.1');
    let isConnected = false;
    to.once('connect', () => {
      isConnected = true;
      from.pipe(to).pipe(from);
    });
    to.on('error', () => (isConnected || tries === 0 ? from.destroy() : connect(from, tries - 1)));
    to.on('close', () => isConnected && from.destroy());
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  };
  const server = createServer((socket) => connect(socket, 3));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  bench.keep({
    async close() {
      server.close();
    },
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as { port: number }).port}`,
    leadTo(to: readonly number[]) {
      ports = to;
    },
  };
}
