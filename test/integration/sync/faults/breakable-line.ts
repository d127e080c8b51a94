// A TCP line between sites and a hub that a test cuts after so many bytes.
import { createServer, connect, type Socket } from 'node:net';
import { formatInvite, parseInvite } from '../../../../src/sync/protocol/invite-link.ts';

export interface BreakableLine {
  /** The same invite, leading through this line. */
  invite(invite: string): string;
  /** Cuts the open connections once so many more bytes have gone to the hub. */
  cutAfter(bytes: number): void;
  /** Bytes that have gone to the hub. */
  readonly sentBytes: number;
  readonly cuts: number;
  close(): Promise<void>;
}

export async function breakableLine(hubPort: number): Promise<BreakableLine> {
  const sockets = new Set<Socket>();
  let sentBytes = 0;
  let cuts = 0;
  let left = Infinity;
  const cut = (): void => {
    cuts += 1;
    left = Infinity;
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((near) => {
    const far = connect(hubPort, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (bytes) => {
      const passed = bytes.subarray(0, Math.min(bytes.length, left));
      sentBytes += passed.length;
      left -= passed.length;
      far.write(passed, () => {
        if (left === 0) cut();
      });
    });
    far.on('data', (bytes) => near.write(bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    invite: (invite) => formatInvite({ ...parseInvite(invite), url: `ws://127.0.0.1:${port}` }),
    cutAfter(bytes) {
      left = bytes;
    },
    get sentBytes() {
      return sentBytes;
    },
    get cuts() {
      return cuts;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
