// A connection to a hub under test that says what it is told to, well-mannered or not, and keeps all that it hears.
import { createHash, type Hash } from 'node:crypto';
import { WebSocket } from 'ws';
import type { Invite } from '../../contract/invite.ts';
import type { MemberRole } from '../../contract/federation.ts';
import { Fault } from '../../contract/fault.ts';
import { decodeChunk } from '../protocol/chunk-frame.ts';
import type { DeviceKeys } from '../protocol/device-keys.ts';
import { wireFault } from '../protocol/faults.ts';
import { type FrameQueue, openFrameQueue } from '../protocol/frame-queue.ts';
import { greetHub, type Hello, HubRefusal } from '../protocol/handshake.ts';
import { wireLimits, wireVersion } from '../protocol/limits.ts';
import { decodeMessage, type FromHub, fromHubSchema } from '../protocol/messages.ts';
import { type Signed, signStatement } from '../protocol/statement.ts';
import { inTime, must, Nonconformity, patienceMs as defaultPatienceMs } from './check.ts';

export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** A WebSocket that the hub has opened; nothing is said on it yet. */
export interface OpenSocket {
  readonly socket: WebSocket;
  readonly frames: FrameQueue;
  readonly closed: Promise<Closing>;
}

type Kind = FromHub['kind'];
type Heard<K extends Kind> = Extract<FromHub, { kind: K }>;
type Answer = Extract<FromHub, { re: number }>;

export interface TestLine extends OpenSocket {
  readonly hello: Hello;
  readonly role: MemberRole;
  /** The certificate of membership in the welcome; null without one. */
  readonly membership: Signed | null;
  /** Sealed as section 5.1 has it. */
  say(message: object): void;
  /** A text frame under a seal that was made earlier or is wrong. */
  sealed(message: object): string;
  /** The hub's answer to a question, whichever it is. */
  ask(question: object): Promise<Answer>;
  /** The first message of the kind that came, or comes. */
  heard<K extends Kind>(kind: K): Promise<Heard<K>>;
  /** Whether one has come. */
  hasHeard(kind: Kind): boolean;
  /** SHA-256 (hex) of the payloads of one transfer in the order in which they came, once they have `bytes` bytes. A hub that dribbles is not waited for. */
  payloadHash(transfer: string, bytes: number): Promise<string>;
  /** How many bytes of it have come. */
  received(transfer: string): number;
  close(): Promise<void>;
}

/** @throws Nonconformity where the hub does not open it. */
export async function openSocket(url: string): Promise<OpenSocket> {
  // Offered so that a hub which takes it up is found out (1.3).
  const socket = new WebSocket(url, wireVersion, { perMessageDeflate: true, maxPayload: wireLimits.frameBytes });
  const frames = openFrameQueue(socket, {
    frames: wireLimits.members + 8,
    bytes: wireLimits.frameBytes,
    allBytes: wireLimits.greetingBytes,
  });
  const closed = new Promise<Closing>((resolve) =>
    socket.once('close', (code: number, reason: Buffer) => resolve({ code, reason: reason.toString('utf8') })),
  );
  const opened = new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.on('error', (error) => reject(new Nonconformity(`The connection is not opened: ${error.message}`)));
  });
  try {
    await inTime('Opening the connection', opened);
  } catch (thrown) {
    socket.terminate();
    throw thrown;
  }
  return { socket, frames, closed };
}

/** A fault that the hub tells, or a line that it closes; silence and what cannot be read are none. */
export function isRefusal(thrown: unknown): boolean {
  return thrown instanceof HubRefusal || (thrown instanceof Fault && thrown.code === closedCode);
}

const closedCode = wireFault.closed('').code;

/** Characters of all messages of a line that are kept: a hub that says more floods the kit. */
const heardLimit = 64 * 1024 * 1024;

/** Of a line that works: slower ones are none for weights of any use. */
const slowestBytesPerSecond = 64 * 1024;

/** Greets the hub as this device and becomes, or comes back as, a member. @throws the hub's refusal as Fault */
export async function openLine(
  invite: Invite,
  keys: DeviceKeys,
  order: {
    readonly site: string;
    readonly code: string | null;
    /** Of the last model that it has. */
    readonly lastModelSequence?: number;
    readonly address?: Signed;
    readonly patienceMs?: number;
  },
): Promise<TestLine> {
  const open = await openSocket(invite.url);
  const { socket, frames } = open;
  const { publicKey, boxPublicKey } = keys;
  try {
    const greeted = await greetHub({
      socket,
      frames,
      keys,
      card: signStatement('site-card', { site: order.site, publicKey, boxPublicKey }, keys),
      hubFingerprint: invite.hubFingerprint,
      inviteCode: order.code,
      lastModelSequence: order.lastModelSequence ?? 0,
      address: order.address ?? null,
      wrongHub: () =>
        new Fault({ code: 451, message: 'The hub has another key than the invite names.', retry: 'never' }),
    });
    return lineOf(open, greeted, order.patienceMs);
  } catch (thrown) {
    socket.terminate();
    throw thrown;
  }
}

type Greeted = Awaited<ReturnType<typeof greetHub>>;

function lineOf(open: OpenSocket, { hello, role, membership, seal }: Greeted, patienceMs?: number): TestLine {
  const { socket, frames, closed } = open;
  const messages: FromHub[] = [];
  let heardCharacters = 0;
  const payloads = new Map<string, { bytes: number; readonly hash: Hash }>();
  const receivedOf = (transfer: string): number => payloads.get(transfer)?.bytes ?? 0;
  let broken: Error | null = null;
  let end: Closing | null = null;
  let news = Promise.withResolvers<void>();
  const tell = (): void => {
    news.resolve();
    news = Promise.withResolvers();
  };
  void closed.then((closing) => {
    end = closing;
    tell();
  });
  frames.handOver((frame) => {
    if (broken !== null) return;
    try {
      if ('text' in frame) {
        heardCharacters += frame.text.length;
        if (heardCharacters > heardLimit) throw new Error('more than anybody asked for');
        messages.push(decodeMessage(fromHubSchema, seal.open(frame.text)));
      } else {
        const { transfer, payload } = decodeChunk(frame.bytes);
        const known = payloads.get(transfer) ?? { bytes: 0, hash: createHash('sha256') };
        if (payloads.set(transfer, known).size > wireLimits.transfers) throw new Error('chunks that nobody asked for');
        known.bytes += payload.length;
        known.hash.update(payload);
      }
    } catch (thrown) {
      broken ??= thrown instanceof Error ? thrown : new Error(String(thrown));
    }
    tell();
  });

  /** What `find` finds in all that came or comes. */
  const awaited = <Value>(what: string, find: () => Value | undefined, ms = patienceMs): Promise<Value> =>
    inTime(
      what,
      (async () => {
        for (;;) {
          const found = find();
          if (found !== undefined) return found;
          if (broken !== null) throw new Nonconformity(`${what}: the hub said what cannot be read: ${broken.message}`);
          if (end !== null)
            throw new Nonconformity(`${what}: the hub closed the connection (${end.code} ${end.reason})`);
          await news.promise;
        }
      })(),
      ms,
    );

  let lastId = 0;
  return {
    ...open,
    hello,
    role,
    membership,
    say: (message) => socket.send(seal.seal(JSON.stringify(message))),
    sealed: (message) => seal.seal(JSON.stringify(message)),
    async ask(question) {
      const id = ++lastId;
      socket.send(seal.seal(JSON.stringify({ ...question, id })));
      const kind = 'kind' in question ? String(question.kind) : 'a question';
      return awaited(`The answer to ${kind}`, () =>
        messages.find((message): message is Answer => 're' in message && message.re === id),
      );
    },
    heard: (kind) =>
      awaited(`Hearing ${kind}`, () =>
        messages.find((message): message is Heard<typeof kind> => message.kind === kind),
      ),
    hasHeard: (kind) => messages.some((message) => message.kind === kind),
    async payloadHash(transfer, bytes) {
      const ms = (patienceMs ?? defaultPatienceMs) + (1_000 * bytes) / slowestBytesPerSecond;
      const isWhole = (): true | undefined => (receivedOf(transfer) >= bytes ? true : undefined);
      await awaited(`All ${bytes} bytes of a blob`, isWhole, ms);
      const received = receivedOf(transfer);
      must(received === bytes, `It sent ${received} bytes of a blob of ${bytes}.`);
      return payloads.get(transfer)!.hash.copy().digest('hex');
    },
    received: receivedOf,
    async close() {
      socket.close(1000);
      const timer = setTimeout(() => socket.terminate(), 1_000);
      await closed;
      clearTimeout(timer);
    },
  };
}
