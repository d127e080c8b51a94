// A hub without manners: the keys and the place of a true one, and a test says what it says.
import { createServer } from 'node:http';
import { openFrameQueue } from '../../../src/sync/protocol/frame-queue.ts';
import { openDoor } from '../../../src/sync/protocol/door.ts';
import { greetSite } from '../../../src/sync/protocol/handshake.ts';
import { wireLimits } from '../../../src/sync/protocol/limits.ts';
import type { FromHub, FromSite } from '../../../src/sync/protocol/messages.ts';
import { hubFault } from '../../../src/sync/hub/faults.ts';
import { hubKeysIn } from '../../../src/sync/hub/hub-keys.ts';

type Asked<K extends FromSite['kind']> = Extract<FromSite, { kind: K }>;

export interface UntrueHub {
  /** Resolves with the next site that comes. */
  nextSite(): Promise<{
    say(message: FromHub): void;
    /** Resolves with the next question of the kind that it asks. */
    asks<K extends FromSite['kind']>(kind: K): Promise<Asked<K>>;
    readonly ended: Promise<number>;
  }>;
  close(): Promise<void>;
}

export async function untrueHub(order: {
  readonly folder: string;
  readonly fingerprint: string;
  readonly port: number;
}): Promise<UntrueHub> {
  const keys = hubKeysIn(order.folder, order.fingerprint);
  type Arrived = Awaited<ReturnType<UntrueHub['nextSite']>>;
  const arrived: Arrived[] = [];
  const waiting: ((site: Arrived) => void)[] = [];
  const door = openDoor({
    server: createServer(),
    maxStrangers: 16,
    cannotListen: hubFault.cannotListen,
    async welcome(socket) {
      const asked: FromSite[] = [];
      let wake = (): void => {};
      // After the handshake, which bears no seal.
      socket.on('message', (data: Buffer, isBinary: boolean) => {
        const text = data.toString('utf8');
        if (isBinary || text.startsWith('{')) return;
        asked.push(JSON.parse(text.slice(43)) as FromSite);
        wake();
      });
      const frames = openFrameQueue(socket, { frames: 8, bytes: wireLimits.handshakeFrameBytes });
      const greeting = {
        socket,
        frames,
        keys,
        federation: 'ImagiQ',
        blobBytes: 1_000_000,
        time: new Date(0).toISOString(),
      };
      const { seal } = await greetSite<object>({ ...greeting, admit: () => ({}) });
      const site: Arrived = {
        say: (message) => socket.send(seal.seal(JSON.stringify(message))),
        async asks<K extends FromSite['kind']>(kind: K) {
          for (;;) {
            const at = asked.findIndex((one) => one.kind === kind);
            if (at !== -1) return asked.splice(at, 1)[0] as Asked<K>;
            await new Promise<void>((resolve) => (wake = resolve));
          }
        },
        ended: new Promise((resolve) => socket.once('close', resolve)),
      };
      const next = waiting.shift();
      if (next === undefined) arrived.push(site);
      else next(site);
    },
  });
  await door.open(order.port, '127.0.0.1');
  return {
    nextSite() {
      const site = arrived.shift();
      return site === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(site);
    },
    async close() {
      door.close();
    },
  };
}
