// Broken frames for a whole hub and a whole site, each in a process of its own, over real sockets: one frame at a time, and after each a
// good question, whose answer shows that the end is alive, or the end of the connection. What the end remembers is compared afterwards.
import { type ChildProcess, fork } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { WebSocket } from 'ws';
import { hubFault } from '../../src/sync/hub/faults.ts';
import { openHubDatabase } from '../../src/sync/hub/hub-database.ts';
import { hubKeysIn } from '../../src/sync/hub/hub-keys.ts';
import { encodeChunk } from '../../src/sync/protocol/chunk-frame.ts';
import { openDoor } from '../../src/sync/protocol/door.ts';
import { openFrameQueue, type FrameQueue } from '../../src/sync/protocol/frame-queue.ts';
import { greetSite } from '../../src/sync/protocol/handshake.ts';
import { wireLimits, wireVersion } from '../../src/sync/protocol/limits.ts';
import { createMessageSeal, type MessageSeal } from '../../src/sync/protocol/message-seal.ts';
import { dial } from '../../src/sync/site/dial.ts';
import { plainSealing } from '../../src/sync/site/key-sealing.ts';
import { openSiteKeys } from '../../src/sync/site/site-keys.ts';
import { count, fail, type FrameReport, newFrameReport, took } from './frame-report.ts';
import type { VictimNews, VictimOrder } from './frame-victim.ts';
import { type Attack, attackOn, byKind, brokenMessage } from './mutate-frames.ts';
import { seeded } from './mutate.ts';
import type { RecordedSession } from './recorded-session.ts';

const hangMs = 10_000;
const memoryEvery = 500;
const mb = (bytes: number): number => Math.round(bytes / 1e6);
/** What an end says when something was thrown in it that is no fault: one that it should have refused by name. */
const failedInside = 'The other end failed inside';

interface Victim {
  readonly port: number;
  readonly failures: string[];
  isAlive(): boolean;
  memory(): Promise<{ rss: number; peakRss: number }>;
  end(): Promise<void>;
}

async function startVictim(order: VictimOrder): Promise<Victim> {
  const child: ChildProcess = fork(path.join(import.meta.dirname, 'frame-victim.ts'), [JSON.stringify(order)], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let isAlive = true;
  const ended = new Promise<void>((resolve) =>
    child.once('exit', () => {
      isAlive = false;
      resolve();
    }),
  );
  const failures: string[] = [];
  const waiting: ((news: VictimNews) => void)[] = [];
  const next = (): Promise<VictimNews> =>
    new Promise((resolve, reject) => {
      waiting.push(resolve);
      void ended.then(() => reject(new Error(`the ${order.kind} died`)));
    });
  child.on('message', (news: VictimNews) => {
    if ('failed' in news) failures.push(news.failed);
    else waiting.shift()?.(news);
  });
  const ready = await next();
  return {
    port: 'port' in ready ? ready.port : 0,
    failures,
    isAlive: () => isAlive,
    async memory() {
      child.send('memory');
      const news = await next();
      return 'rss' in news ? news : { rss: 0, peakRss: 0 };
    },
    async end() {
      if (!isAlive) return;
      child.send('end');
      await ended;
    },
  };
}

/** A connection to the victim, seen from the attacker. */
interface Line {
  readonly socket: WebSocket;
  readonly seal: MessageSeal;
  /** A chunk that the victim waits for. */
  readonly chunk: Buffer;
  readonly ended: Promise<{ readonly code: number; readonly reason: string }>;
  readonly heard: { kind: string; re?: number; fault?: { code: number } }[];
  /** A good question that is refused by name. */
  readonly probe: object;
  lastSealed: string;
  isOpen: boolean;
  wake: () => void;
}

function lineOf(socket: WebSocket, frames: FrameQueue, seal: MessageSeal, probe: object): Line & { chunk: Buffer } {
  const line = {
    socket,
    seal,
    probe,
    chunk: Buffer.alloc(0),
    heard: [] as Line['heard'],
    lastSealed: '',
    isOpen: true,
    wake: () => {},
    ended: new Promise<{ code: number; reason: string }>((resolve) =>
      socket.once('close', (code: number, reason: Buffer) => {
        line.isOpen = false;
        line.wake();
        resolve({ code, reason: reason.toString('utf8') });
      }),
    ),
  };
  frames.handOver((frame) => {
    if (!('text' in frame)) return;
    line.heard.push(JSON.parse(seal.open(frame.text)) as Line['heard'][number]);
    line.wake();
  });
  return line;
}

const say = (line: Line, json: string): void => {
  line.lastSealed = line.seal.seal(json);
  line.socket.send(line.lastSealed);
};

function send(line: Line, attack: Attack): void {
  const { socket, seal } = line;
  switch (attack.form) {
    case 'sealed':
      return say(line, attack.json);
    case 'changed':
      return socket.send(attack.change(Buffer.from(seal.seal(attack.json))), { binary: false });
    case 'foreign':
      return socket.send(createMessageSeal(randomBytes(32), randomBytes(32)).seal(attack.json));
    case 'replayed':
      return socket.send(line.lastSealed);
    case 'skipped':
      seal.seal('{}');
      return say(line, attack.json);
    case 'chunk':
      return socket.send(attack.change(Buffer.from(line.chunk)));
  }
}

/** Waits until the line has heard what `isIt` names, or is closed. @returns false when neither happened in time. */
async function heard(line: Line, isIt: (message: Line['heard'][number]) => boolean): Promise<boolean> {
  const end = Date.now() + hangMs;
  while (line.isOpen && !line.heard.some(isIt)) {
    const left = end - Date.now();
    if (left <= 0) return false;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, left);
      line.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
  return true;
}

async function fuzzEnd(order: {
  readonly against: string;
  readonly victim: VictimOrder;
  readonly messages: readonly object[];
  readonly frames: number;
  /** Fewer frames where they take longer. */
  readonly longestMs: number | undefined;
  readonly seed: number;
  readonly connect: (victim: Victim) => Promise<Line>;
  /** Frames before the seal, one a connection. */
  readonly knock?: { readonly frames: number; readonly knock: (victim: Victim, report: FrameReport) => Promise<void> };
  /** What the end remembers, as text. */
  readonly remembered: () => Promise<string> | string;
}): Promise<FrameReport> {
  const { messages, frames } = order;
  const report = newFrameReport(order.against);
  const random = seeded(order.seed);
  const session = byKind(messages);
  const before = await order.remembered();
  const started = performance.now();
  const victim = await startVictim(order.victim);
  report.rssStartMb = mb((await victim.memory()).rss);
  let line: Line | null = null;
  let id = 1_000_000;
  try {
    const end = started + (order.longestMs ?? Infinity);
    while (report.frames < frames && performance.now() < end) {
      if (line === null || !line.isOpen) {
        line = await order.connect(victim);
        report.connections += 1;
      }
      const attack = attackOn(session, random);
      // To leave is a member's right, and no mutation of its frames.
      if ('json' in attack && /"leave"/.test(attack.json)) continue;
      for (const way of attack.how) count(report.ways, way);
      report.frames += 1;
      line.heard.length = 0;
      const from = performance.now();
      send(line, attack);
      id += 1;
      say(line, JSON.stringify({ ...line.probe, id }));
      const isAnswered = await heard(line, ({ re }) => re === id);
      took(report, attack.how, performance.now() - from);
      const how = attack.how.join(' + ');
      if (!isAnswered) {
        fail(report, 'hangs', how, `no answer within ${hangMs} ms`);
        line.socket.terminate();
      }
      if (line.isOpen) {
        const answers = line.heard.filter(({ re }) => re !== undefined && re !== id);
        const refused = answers.find(({ kind }) => kind === 'refused');
        if (refused?.fault?.code === 414)
          fail(report, 'crashes', how, `${failedInside}: ${'json' in attack ? attack.json : ''}`);
        count(
          report.outcomes,
          refused !== undefined
            ? `refused with ${refused.fault?.code}`
            : answers.length > 0
              ? `answered with ${answers[0]!.kind}`
              : 'nothing follows',
        );
      } else {
        const { code, reason } = await line.ended;
        if (reason.startsWith(failedInside))
          fail(report, 'crashes', how, `${reason}: ${'json' in attack ? attack.json : ''}`);
        count(report.outcomes, `closed with ${code}`);
      }
      if (report.frames % memoryEvery === 0) report.rssPeakMb = mb((await victim.memory()).peakRss);
    }
    line?.socket.terminate();
    for (let knocks = 0; knocks < (order.knock?.frames ?? 0); knocks += 1) await order.knock!.knock(victim, report);
    const { rss, peakRss } = await victim.memory();
    report.rssEndMb = mb(rss);
    report.rssPeakMb = mb(peakRss);
  } catch (thrown) {
    if (victim.isAlive()) throw thrown;
    fail(report, 'crashes', 'the last frames', String(thrown));
  }
  for (const failure of victim.failures) fail(report, 'crashes', 'a frame', failure);
  await victim.end();
  const after = await order.remembered();
  if (after !== before) fail(report, 'accepted', 'all frames', differenceOf(before, after));
  report.seconds = Math.round((performance.now() - started) / 1_000);
  return report;
}

function differenceOf(before: string, after: string): string {
  const [one, other] = [before.split('\n'), after.split('\n')];
  const gone = one.filter((text) => !other.includes(text));
  const come = other.filter((text) => !one.includes(text));
  return `${gone.map((text) => `- ${text}`).join('\n')}\n${come.map((text) => `+ ${text}`).join('\n')}`.slice(0, 2_000);
}

/** A member of the recorded federation turns against its hub. */
export function fuzzHub(
  session: RecordedSession,
  order: {
    readonly frames: number;
    readonly longestMs?: number;
    readonly handshakes: number;
    readonly seed: number;
    readonly name: string;
  },
): Promise<FrameReport> {
  const keys = openSiteKeys(path.join(session.siteFolder, 'keys'), plainSealing);
  const random = seeded(order.seed + 1);
  const said = (kind: string): object => session.handshakes.find((one) => 'kind' in one && one.kind === kind)!;
  return fuzzEnd({
    against: order.name,
    victim: { kind: 'hub', folder: session.hubFolder },
    messages: session.fromSite,
    frames: order.frames,
    longestMs: order.longestMs,
    seed: order.seed,
    async connect({ port }) {
      const { socket, frames, seal } = await dial({
        url: `ws://127.0.0.1:${port}`,
        hubFingerprint: session.hubFingerprint,
        keys,
        site: session.siteName,
        inviteCode: null,
        lastModelSequence: 1_000,
        agent: null,
        address: null,
      });
      const unknown = { kind: 'get-begin', hash: '0'.repeat(64), offset: 0, transfer: '0'.repeat(32) };
      const line = lineOf(socket, frames, seal, unknown);
      const bytes = randomBytes(300);
      const hash = createHash('sha256').update(bytes).digest('hex');
      say(line, JSON.stringify({ kind: 'put-begin', id: 1, hash, bytes: bytes.length }));
      await heard(line, ({ re }) => re === 1);
      const have = line.heard.find(({ re }) => re === 1) as { transfer?: string } | undefined;
      const transfer = have?.transfer ?? '0'.repeat(32);
      line.chunk = Buffer.from(encodeChunk({ transfer, offset: 0, payload: bytes }));
      return line;
    },
    knock: {
      frames: order.handshakes,
      async knock({ port }, report) {
        const socket = new WebSocket(`ws://127.0.0.1:${port}`, wireVersion, { perMessageDeflate: false });
        let isSecond = false;
        const other = session.handshakes[Math.floor(random() * session.handshakes.length)]!;
        // Half of them break the first frame, the others the second; an overheard one is broken by being overheard.
        const first =
          random() < 0.5
            ? brokenMessage(said('open'), other, random)
            : { json: JSON.stringify(said('open')), how: ['an overheard handshake'] };
        const second =
          random() < 0.8
            ? brokenMessage(said('authenticate'), other, random).json
            : JSON.stringify(said('authenticate'));
        for (const way of first.how) count(report.ways, way);
        report.frames += 1;
        const from = performance.now();
        socket.on('error', () => {});
        socket.once('open', () => socket.send(first.json));
        socket.on('message', () => {
          if (!isSecond) socket.send(second);
          isSecond = true;
        });
        const code = await new Promise<number | null>((resolve) => {
          const timer = setTimeout(() => resolve(null), wireLimits.handshakeMs + hangMs);
          socket.once('close', (closedWith) => {
            clearTimeout(timer);
            resolve(closedWith);
          });
        });
        took(report, first.how, performance.now() - from);
        if (code === null) fail(report, 'accepted', first.how.join(' + '), `let in: ${second}`);
        else count(report.outcomes, `handshake closed with ${code}`);
        socket.terminate();
      },
    },
    remembered: () => rowsOf(session.hubFolder),
  });
}

/** To whom a member seals its own models is its own to say: envelopes are left out. */
const tables = 'settings projects trunk updates models answers maskedOffers maskedBuffers maskedUpdates'.split(' ');

/** Everything in the hub's rows but who was seen when, and the ledger, which is to tell of the attempts. */
async function rowsOf(folder: string): Promise<string> {
  const db = await openHubDatabase(folder, { mustExist: true });
  const lines: string[] = [];
  for (const table of tables) {
    // The address is new at each start.
    for (const row of await db.all(`SELECT * FROM ${table}`)) lines.push(`${table} ${JSON.stringify(row)}`);
  }
  for (const row of await db.all('SELECT fingerprint, site, state, role, endedBecause FROM members'))
    lines.push(`members ${JSON.stringify(row)}`);
  // The words that go with a head carry the time of each exchange.
  for (const row of await db.all('SELECT site, whose, entries, hash FROM heads'))
    lines.push(`heads ${JSON.stringify(row)}`);
  for (const row of await db.all('SELECT codeHash, usedBy FROM invites')) lines.push(`invites ${JSON.stringify(row)}`);
  await db.close();
  return lines.filter((line) => !line.startsWith('settings {"key":"url"')).join('\n');
}

/** The hub of the recorded federation, or whoever has its keys and its place, turns against a site. */
export async function fuzzSite(
  session: RecordedSession,
  order: { readonly frames: number; readonly longestMs?: number; readonly seed: number; readonly name: string },
): Promise<FrameReport> {
  const keys = hubKeysIn(session.hubFolder, session.hubFingerprint);
  const arrived: Line[] = [];
  let wake = (): void => {};
  const server = createServer();
  const last = (kind: string): object => session.fromHub.findLast((one) => 'kind' in one && one.kind === kind)!;
  const door = openDoor({
    server,
    maxStrangers: 16,
    cannotListen: hubFault.cannotListen,
    async welcome(socket) {
      const frames = openFrameQueue(socket, { frames: 8, bytes: wireLimits.handshakeFrameBytes });
      const { seal } = await greetSite<object>({
        socket,
        frames,
        keys,
        federation: 'ImagiQ',
        blobBytes: 100_000,
        time: new Date().toISOString(),
        admit: () => ({}),
      });
      const line = lineOf(socket, frames, seal, { kind: 'put-begin', hash: '0'.repeat(64), bytes: 10 });
      say(line, JSON.stringify(last('members-changed')));
      // Nothing is asked for: a chunk belongs to no transfer, or to one that the frame itself makes up.
      line.chunk = Buffer.from(encodeChunk({ transfer: 'a'.repeat(32), offset: 0, payload: session.chunk }));
      arrived.push(line);
      wake();
    },
  });
  await door.open(session.port, '127.0.0.1');
  try {
    return await fuzzEnd({
      against: order.name,
      victim: { kind: 'site', folder: session.siteFolder },
      messages: session.fromHub,
      frames: order.frames,
      longestMs: order.longestMs,
      seed: order.seed,
      async connect() {
        while (arrived.length === 0) await new Promise<void>((resolve) => (wake = resolve));
        return arrived.shift()!;
      },
      remembered: () => membershipIn(session),
    });
  } finally {
    door.close();
  }
}

/** What the site holds true and has done. Which members are there is the hub's word, and the bench drops and measures as they come and go. */
function membershipIn({ siteFolder, fromHub }: RecordedSession): string {
  const federations = path.join(siteFolder, 'federations');
  const file = path.join(federations, readdirSync(federations)[0]!, 'membership.json');
  const state = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  const held = 'standing project trunk approval answer turn trainedFrom spool accepted refused own role'.split(' ');
  // A hub may end a buffer of masks whenever it likes: the same update is then masked, and entered in the ledger, once more.
  const spool = state['spool'] as object[];
  state['spool'] = spool.map((update) => ({ ...update, isEntered: false }));
  const said = JSON.stringify(fromHub);
  const candidates = state['candidates'] as { readonly model: string; readonly author: string | null }[];
  const invented = candidates.filter(
    ({ model }) => !said.includes(model) && model !== (state['own'] as { model: string }).model,
  );
  return [...held.map((name) => `${name} ${JSON.stringify(state[name])}`), `invented ${JSON.stringify(invented)}`].join(
    '\n',
  );
}
