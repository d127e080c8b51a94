// Broken frames for the reader that hub, site and peer have in common (seal, schema, transfers with a folder on disk), in this process:
// without sockets, so many thousand a second. What the reader hands on is looked at as hub and site look at it first: whether somebody signed it.
import { EventEmitter } from 'node:events';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { WebSocket } from 'ws';
import { openBlobFolder } from '../../src/sync/protocol/blob-folder.ts';
import { type ChannelOrder, openChannel } from '../../src/sync/protocol/channel.ts';
import { encodeChunk } from '../../src/sync/protocol/chunk-frame.ts';
import { isSignatureOf } from '../../src/sync/protocol/device-keys.ts';
import { wireFault } from '../../src/sync/protocol/faults.ts';
import { openFrameQueue } from '../../src/sync/protocol/frame-queue.ts';
import { createMessageSeal, type MessageSeal } from '../../src/sync/protocol/message-seal.ts';
import { fromHubSchema, fromPeerSchema, fromSiteSchema, type WireMessage } from '../../src/sync/protocol/messages.ts';
import type { StatementKind } from '../../src/sync/protocol/statement.ts';
import { count, fail, type FrameReport, newFrameReport, took } from './frame-report.ts';
import { type Attack, attackOn, byKind } from './mutate-frames.ts';
import { type Random, seeded } from './mutate.ts';

const schemas = { hub: fromSiteSchema, site: fromHubSchema, peer: fromPeerSchema } as const;
export type Reader = keyof typeof schemas;

const statementKinds: readonly StatementKind[] = [
  'update',
  'receipt',
  'trunk',
  'model',
  'site-card',
  'address',
  'project-answer',
  'ledger-head',
  'ledger-witness',
  'masked-offer',
  'masked-roster',
  'mask-shares',
  'masked-update',
  'unmasking',
  'revealed-shares',
];

/** Turns of the event loop that a question is waited for. */
const turns = 50;
const blobBytes = 2_000;
/** Of every session: what distinguishes them is the counter. */
const keys = { in: randomBytes(32), out: randomBytes(32), foreign: randomBytes(32) };
const mb = (bytes: number): number => Math.round(bytes / 1e6);

/** A socket whose other end is this program. */
class LocalSocket extends EventEmitter {
  readyState: number = WebSocket.OPEN;
  readonly bufferedAmount = 0;
  closedWith: number | null = null;
  sent: string[] = [];
  send(data: unknown, done?: (error?: Error) => void): void {
    if (typeof data === 'string') this.sent.push(data);
    done?.();
  }
  close(code: number, reason = ''): void {
    this.closedWith = code;
    this.end(code, reason);
  }
  terminate(): void {
    this.end(1006, '');
  }
  ping(): void {}
  pause(): void {}
  resume(): void {}
  private end(code: number, reason: string): void {
    if (this.readyState === WebSocket.CLOSED) return;
    this.readyState = WebSocket.CLOSED;
    this.emit('close', code, Buffer.from(reason));
  }
}

/** What was signed in a recorded session, and by whom as what: nothing else may ever pass for signed. */
interface SignedBefore {
  readonly statements: ReadonlySet<string>;
  readonly signatures: ReadonlyMap<string, { readonly key: string; readonly kind: string }>;
  readonly keys: readonly string[];
}

type Signed = Readonly<Record<'statement' | 'signature', string>>;
function* signedIn(value: unknown): Generator<Signed> {
  if (typeof value !== 'object' || value === null) return;
  const { statement, signature } = value as Record<string, unknown>;
  if (typeof statement === 'string' && typeof signature === 'string') yield { statement, signature };
  for (const inner of Object.values(value)) yield* signedIn(inner);
}

const isSignedAs = ({ statement, signature }: Signed, kind: string, key: string): boolean =>
  isSignatureOf(Buffer.from(`imagiq.sync.v1 ${kind}\n${statement}`), signature, key);

function signedBefore(messages: readonly object[], keys: readonly string[]): SignedBefore {
  const statements = new Set<string>();
  const signatures = new Map<string, { key: string; kind: string }>();
  for (const signed of signedIn(messages)) {
    statements.add(signed.statement);
    if (signatures.has(signed.signature)) continue;
    const by = keys
      .flatMap((key) => statementKinds.map((kind) => ({ key, kind })))
      .find(({ key, kind }) => isSignedAs(signed, kind, key));
    if (by !== undefined) signatures.set(signed.signature, by);
  }
  return { statements, signatures, keys };
}

export async function fuzzReader(order: {
  readonly reader: Reader;
  readonly messages: readonly object[];
  readonly frames: number;
  /** Fewer frames where they take longer. */
  readonly longestMs?: number;
  readonly seed: number;
  readonly folder: string;
  /** Of everybody who signed something in the session. */
  readonly publicKeys: readonly string[];
}): Promise<FrameReport> {
  const { reader, messages, publicKeys } = order;
  const report = newFrameReport(`the reader of a ${reader}`);
  const random = seeded(order.seed);
  const session = byKind(messages);
  const folder = path.join(order.folder, `blobs-${reader}`);
  const blobs = openBlobFolder(folder);
  const genuine = signedBefore(messages, publicKeys);
  const started = performance.now();
  const rss = (): number => mb(process.memoryUsage.rss());
  report.rssStartMb = rss();
  let line: Line | null = null;
  const end = started + (order.longestMs ?? Infinity);
  while (report.frames < order.frames && performance.now() < end) {
    if (line === null || line.socket.readyState !== WebSocket.OPEN) {
      line = await openLine({ reader, blobs, random, report, genuine });
      report.connections += 1;
    }
    const attack = attackOn(session, random);
    for (const way of attack.how) count(report.ways, way);
    report.frames += 1;
    if (attack.form === 'chunk' && line.chunk === null) await openTransfer(line, random);
    const from = performance.now();
    await give(line, attack, report);
    took(report, attack.how, performance.now() - from);
    if (report.frames % 20_000 === 0) {
      report.rssPeakMb = Math.max(report.rssPeakMb, rss());
      sweep(folder, blobs, report);
    }
  }
  line?.socket.terminate();
  sweep(folder, blobs, report);
  report.rssEndMb = rss();
  report.rssPeakMb = Math.max(report.rssPeakMb, report.rssEndMb);
  report.seconds = Math.round((performance.now() - started) / 1_000);
  return report;
}

interface Line {
  readonly socket: LocalSocket;
  /** The attacker's end of the seal, and one of another session. */
  readonly seal: MessageSeal;
  readonly foreign: MessageSeal;
  /** A chunk that the open transfer waits for. */
  chunk: Buffer | null;
  lastSealed: string;
  /** What is being tried: the reader's hands are tied to it. */
  attack: Attack | null;
}

async function openLine(order: {
  readonly reader: Reader;
  readonly blobs: ReturnType<typeof openBlobFolder>;
  readonly random: Random;
  readonly report: FrameReport;
  readonly genuine: SignedBefore;
}): Promise<Line> {
  const { reader, blobs, report, genuine } = order;
  const local = new LocalSocket();
  const socket = local as unknown as WebSocket;
  const forged = (what: string): void => fail(report, 'accepted', howOf(line), what);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(order.random() * from.length)]!;
  const look = (message: WireMessage): void => {
    for (const signed of signedIn(message)) {
      if (genuine.statements.has(signed.statement)) continue;
      const { key, kind } = genuine.signatures.get(signed.signature) ?? {
        key: pick(genuine.keys),
        kind: pick(statementKinds),
      };
      if (isSignedAs(signed, kind, key)) forged(`${message.kind}: a statement that nobody made`);
    }
  };
  const channel: ChannelOrder<WireMessage> = {
    socket,
    frames: openFrameQueue(socket, { frames: 8, bytes: 64 * 1024 }),
    seal: createMessageSeal(keys.out, keys.in),
    incoming: schemas[reader],
    blobs,
    mayReceive: (_, bytes) => {
      if (bytes > blobBytes * 2) throw wireFault.blobTooLarge(bytes, blobBytes * 2);
    },
    maySend: (hash) => {
      if (!blobs.has(hash)) throw wireFault.unknownBlob(hash);
    },
    receive(message) {
      if (line.attack !== null && line.attack.form !== 'sealed' && line.attack.form !== 'skipped')
        forged(`${message.kind}: taken without its seal`);
      look(message);
      return null;
    },
    onUnexpected: (thrown) => fail(report, 'crashes', howOf(line), String((thrown as Error).stack ?? thrown)),
  };
  const line: Line = {
    socket: local,
    seal: createMessageSeal(keys.in, keys.out),
    foreign: createMessageSeal(keys.foreign, keys.out),
    chunk: null,
    lastSealed: '',
    attack: null,
  };
  openChannel(channel);
  say(line, line.seal.seal(JSON.stringify({ kind: 'chunk-received', transfer: '0'.repeat(32), offset: 0 })));
  return line;
}

/** A transfer is opened, so that chunks have one to fall into. */
async function openTransfer(line: Line, random: Random): Promise<void> {
  const { socket } = line;
  const bytes = Buffer.alloc(blobBytes);
  for (let at = 0; at < 32; at += 4) bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
  const hash = createHash('sha256').update(bytes).digest('hex');
  socket.sent = [];
  say(line, line.seal.seal(JSON.stringify({ kind: 'put-begin', id: 1, hash, bytes: blobBytes })));
  await answered(socket);
  // Refused where broken frames have opened as many as there may be.
  const [have] = socket.sent.map((text) => JSON.parse(text.slice(43)) as { transfer?: string });
  const transfer = have?.transfer ?? '0'.repeat(32);
  line.chunk = Buffer.from(encodeChunk({ transfer, offset: 0, payload: bytes.subarray(0, 1_200) }));
}

const howOf = ({ attack }: Line): string => attack?.how.join(' + ') ?? '';

function say(line: Line, text: string | Buffer): void {
  if (typeof text === 'string') line.lastSealed = text;
  line.socket.emit('message', Buffer.from(text), false);
}

async function answered(socket: LocalSocket): Promise<void> {
  for (let turn = 0; turn < turns && socket.sent.length === 0 && socket.readyState === WebSocket.OPEN; turn += 1) {
    await new Promise(setImmediate);
  }
}

async function give(line: Line, attack: Attack, report: FrameReport): Promise<void> {
  const { socket, seal } = line;
  line.attack = attack;
  socket.sent = [];
  let isQuestion = false;
  try {
    switch (attack.form) {
      case 'sealed':
        isQuestion = /"id":[1-9]/.test(attack.json);
        say(line, seal.seal(attack.json));
        break;
      case 'changed': {
        const sealed = Buffer.from(seal.seal(attack.json));
        say(line, attack.change(Buffer.from(sealed)));
        break;
      }
      case 'foreign':
        say(line, line.foreign.seal(attack.json));
        break;
      case 'replayed':
        say(line, line.lastSealed);
        break;
      case 'skipped':
        seal.seal('{}');
        say(line, seal.seal(attack.json));
        break;
      case 'chunk':
        socket.emit('message', attack.change(Buffer.from(line.chunk!)), true);
        break;
    }
  } catch (thrown) {
    fail(report, 'crashes', howOf(line), String((thrown as Error).stack ?? thrown));
  }
  if (isQuestion) await answered(socket);
  else await new Promise(setImmediate);
  count(report.outcomes, outcomeOf(socket, attack));
}

function outcomeOf(socket: LocalSocket, attack: Attack): string {
  if (socket.closedWith !== null) return `closed with ${socket.closedWith}`;
  const answers = socket.sent.map((text) => JSON.parse(text.slice(43)) as { kind: string; fault?: { code: number } });
  const refused = answers.find(({ kind }) => kind === 'refused');
  if (refused !== undefined) return `refused with ${refused.fault?.code}`;
  if (answers.length > 0) return `answered with ${answers[0]!.kind}`;
  // A message of the right form, or a chunk of a transfer that is none: nothing follows.
  return attack.form === 'chunk' ? 'a chunk passed over' : 'of the right form';
}

/** Bytes under a name that is not their hash would be accepted ones. What the frames left behind goes. */
function sweep(folder: string, blobs: ReturnType<typeof openBlobFolder>, report: FrameReport): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = path.join(folder, name);
    if (name.startsWith('unfinished') || !statSync(file).isFile()) continue;
    const hash = createHash('sha256').update(readFileSync(file)).digest('hex');
    if (hash !== path.basename(name))
      fail(report, 'accepted', 'chunks', `a blob of other bytes than its name says: ${name}`);
    rmSync(file);
  }
  blobs.dropUnfinishedBefore(Date.now() + 1_000);
}
