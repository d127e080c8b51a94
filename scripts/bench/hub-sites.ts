// The sites of the hub's bench, all in one process: the wire as sites speak it, without their work.
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { encodeWeights } from '../../src/sync/aggregation/weights.ts';
import { type BlobFolder, openBlobFolder } from '../../src/sync/protocol/blob-folder.ts';
import { type Channel, openChannel } from '../../src/sync/protocol/channel.ts';
import { createDeviceKeys, type DeviceKeys } from '../../src/sync/protocol/device-keys.ts';
import { siteKeptBytes, keepFreedMemory } from '../../src/sync/protocol/freed-memory.ts';
import { parseInvite } from '../../src/sync/protocol/invite-link.ts';
import { fromHubSchema } from '../../src/sync/protocol/messages.ts';
import { signStatement } from '../../src/sync/protocol/statement.ts';
import { dial } from '../../src/sync/site/dial.ts';
import { breakableLine } from '../../test/integration/sync/faults/breakable-line.ts';

interface BenchSite {
  readonly keys: DeviceKeys;
  readonly socket: WebSocket;
  readonly channel: Channel;
}
const { folder } = JSON.parse(process.argv[2] ?? '{}') as { folder: string };
keepFreedMemory(siteKeptBytes);
const blobs: BlobFolder = openBlobFolder(folder);
const sites: BenchSite[] = [];
/** Of no round: it only measures how soon the hub answers. */
let watcher: BenchSite | null = null;
/** Of all sites, added up. */
const told = { versions: 0 };

async function connect(invite: string, keys: DeviceKeys, isEnrolled: boolean, name: string): Promise<BenchSite> {
  const { url, hubFingerprint, code } = parseInvite(invite);
  const line = await dial({
    url,
    hubFingerprint,
    keys,
    site: name,
    inviteCode: isEnrolled ? null : code,
    lastModelSequence: 0,
    address: null,
    agent: null,
  });
  const channel = openChannel({
    ...line,
    incoming: fromHubSchema,
    blobs,
    mayReceive: () => {},
    maySend: () => {},
    receive: (message) => {
      if (message.kind === 'trunk-committed') told.versions += 1;
      return null;
    },
  });
  return { keys, socket: line.socket, channel };
}

/** An update's bytes like no other's, as one of the hub's project. */
function newUpdate(values: number): string {
  const numbers = new Float32Array(values);
  const noise = new Uint32Array(randomBytes(4 * Math.min(values, 4_096)).buffer, 0, Math.min(values, 1_024));
  for (let index = 0; index < values; index += 1) numbers[index] = noise[index % noise.length]! / 2 ** 40;
  return blobs.put(encodeWeights(new Map([['weights', { shape: [values], values: numbers }]])));
}

/** As often as a thousand sites that ping every 20 s; `grpc-upload.py` does the same. */
const heartbeatEveryMs = 20;

/** Milliseconds from ping to pong, on one site after the other, while `work` goes on. */
async function heartbeats(work: Promise<unknown>, of: readonly BenchSite[] = sites): Promise<number[]> {
  const times: number[] = [];
  const over = new AbortController();
  void work.finally(() => over.abort());
  for (let index = 0; !over.signal.aborted; index = (index + 37) % of.length) {
    const { socket } = of[index]!;
    if (socket.readyState !== WebSocket.OPEN) continue;
    const started = performance.now();
    await Promise.race([
      new Promise<void>((resolve) => {
        socket.once('pong', () => resolve());
        socket.ping();
      }),
      sleep(10_000),
    ]);
    times.push(performance.now() - started);
    await sleep(heartbeatEveryMs);
  }
  return times;
}

const acts = {
  /** All of them, fifty at a time. */
  async connect({ invites }: { invites: string[] }) {
    for (let from = 0; from < invites.length; from += 50) {
      const some = invites.slice(from, from + 50);
      sites.push(
        ...(await Promise.all(
          some.map((invite, index) => connect(invite, createDeviceKeys(), false, `Site ${from + index}`)),
        )),
      );
    }
    return { connected: sites.length };
  },
  /** Each of `count` sites brings a blob of its own to the hub, all at once. */
  async upload({ count, values }: { count: number; values: number }) {
    const hashes = Array.from({ length: count }, () => newUpdate(values));
    const bytes = hashes.reduce((sum, hash) => sum + (blobs.size(hash) ?? 0), 0);
    let errors = 0;
    // What making the updates left behind is not the transfer's.
    globalThis.gc?.();
    const started = performance.now();
    const work = Promise.all(
      hashes.map((hash, index) =>
        sites[index]!.channel.putBlob(hash).catch(() => {
          errors += 1;
        }),
      ),
    );
    const beats = await heartbeats(work);
    const seconds = (performance.now() - started) / 1_000;
    for (const hash of hashes) blobs.remove(hash);
    beats.sort((a, b) => a - b);
    const open = sites.filter(({ socket }) => socket.readyState === WebSocket.OPEN).length;
    return { seconds, bytes, errors, open, p95Ms: beats[Math.floor(0.95 * (beats.length - 1))] ?? 0 };
  },
  /** Each site sends one signed update; ends when the hub's commit of all of them is known to the last. */
  async round({ values, projectHash }: { values: number; projectHash: string }) {
    const hashes = sites.map(() => newUpdate(values));
    const all = sites.length + (watcher === null ? 0 : 1);
    const base = told.versions / all;
    const started = performance.now();
    const offers = Promise.all(
      sites.map(async ({ keys, channel }, index) => {
        const blob = hashes[index]!;
        await channel.putBlob(blob);
        const update = signStatement(
          'update',
          {
            project: 'bench',
            projectHash,
            baseVersion: base,
            blob,
            bytes: blobs.size(blob)!,
            examples: 100 + index,
            loss: 1,
            datasetFingerprint: '0'.repeat(64),
            idempotencyKey: createHash('sha256').update(`${keys.fingerprint} ${blob}`).digest('hex'),
          },
          keys,
        );
        await channel.ask({ kind: 'update-offered', update });
      }),
    );
    const beats = watcher === null ? [] : await heartbeats(offers, [watcher]);
    await offers;
    while (told.versions < (base + 1) * all) await sleep(2);
    const seconds = (performance.now() - started) / 1_000;
    for (const hash of hashes) blobs.remove(hash);
    return { seconds, longestHeartbeatMs: Math.max(0, ...beats) };
  },
  async watch({ invite }: { invite: string }) {
    watcher = await connect(invite, createDeviceKeys(), false, 'Watcher');
    return {};
  },
  /** One blob over a line that breaks `cuts` times at random bytes; counted is what came through it to the hub. */
  async cutTransfer({ values, invite, cuts }: { values: number; invite: string; cuts: number }) {
    const hash = newUpdate(values);
    const bytes = blobs.size(hash)!;
    const line = await breakableLine(Number(new URL(parseInvite(invite).url).port));
    const through = line.invite(invite);
    let site = await connect(through, createDeviceKeys(), false, 'Cut');
    const before = line.sentBytes;
    for (let cut = 0; cut < cuts; cut += 1) {
      line.cutAfter(Math.ceil(((0.5 + Math.random()) * bytes) / (cuts + 2)));
      await site.channel.putBlob(hash).catch(() => {});
      await site.channel.ended;
      site = await connect(through, site.keys, true, 'Cut');
    }
    await site.channel.putBlob(hash);
    const resentShare = (line.sentBytes - before) / bytes - 1;
    site.channel.close(1000, 'done');
    await line.close();
    return { resentShare, cuts: line.cuts };
  },
};

process.on('message', (message: { act: keyof typeof acts } & Record<string, unknown>) => {
  void (async () => {
    const act = acts[message.act] as (order: unknown) => Promise<object>;
    process.send?.({ done: await act(message) });
  })().catch((thrown: unknown) => process.send?.({ failure: String(thrown) }));
});
process.once('disconnect', () => process.exit(0));
