// One hub process under load: a thousand connected sites, fifty uploads at once beside a Python gRPC server that does the same, durable
// rounds of ten large updates, a transfer that is cut again and again.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { hubEnvironment, hubNodeFlags, nodeFlags } from '../runtime.mjs';
import { lessIsBetter, type Measurement, median, moreIsBetter } from './measurement.ts';

const uploaders = 50;
/** 4 MB of float32. */
const uploadValues = 1_000_000;
const turns = 7;
/** A hub runs for days, and its peer would: both are slower at first. */
const warmUpTurns = 2;
/** A ResNet-18: 46.8 MB. */
const roundValues = 11_689_472;
const roundSites = 10;
const roundTurns = 3;
const cutValues = 11_250_000;
/** More than a hub hashes and commits without its threads. */
const firstValues = 2_000_000;

const startedSchema = z.object({ invites: z.array(z.string()), projectHash: z.string() });
const uploadSchema = z.object({
  seconds: z.number(),
  bytes: z.number(),
  errors: z.number(),
  open: z.number(),
  p95Ms: z.number(),
});
const grpcSchema = z.object({ seconds: z.number(), bytes: z.number(), p95Ms: z.number(), megabytes: z.number() });
type GrpcTurn = z.infer<typeof grpcSchema>;

export interface HubFigures {
  /** Failed uploads and lost connections. */
  readonly errors: number;
  readonly heartbeatP95Ms: number;
  /** The hub's most, in MB. */
  readonly rssMb: number;
  /** Ours over the Python gRPC server's; null without one. */
  readonly throughputRatio: number | null;
  readonly rssRatio: number | null;
  readonly roundSeconds: number;
  /** Of a transfer that is cut 20 times: bytes sent again, of its own. */
  readonly resentShare: number;
}

/** @param isQuick a tenth of the sites and of the bytes: to see that it works, not to quote. Null where it cannot be measured. */
export async function hub(isQuick: boolean): Promise<{ figures: HubFigures; measurements: Measurement[] } | null> {
  if (process.platform !== 'linux') {
    console.log('Memory is read from /proc: Linux only.');
    return null;
  }
  const size = isQuick ? 10 : 1;
  const values = Math.floor(roundValues / size);
  const count = isQuick ? uploaders / 5 : uploaders;
  const measurements: Measurement[] = [];
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-bench-hub-'));
  const children: ChildProcess[] = [];
  try {
    // What is measured is not a hub's very first start: with it Node compiled the code, its threads' too, and `imagiq hub` keeps that.
    const first = await start(children, path.join(folder, 'first'), { values: firstValues, bufferSize: 1, invites: 1 });
    await first.act({ act: 'connect', invites: first.invites });
    await first.act({ act: 'round', values: firstValues, projectHash: first.projectHash });
    await first.end();
    const sites = 1_000 / size;
    const crowd = await start(children, path.join(folder, 'crowd'), {
      values: uploadValues,
      bufferSize: 1_000,
      invites: sites,
    });
    await crowd.act({ act: 'connect', invites: crowd.invites });
    const ours: z.infer<typeof uploadSchema>[] = [];
    const grpc: GrpcTurn[] = [];
    /** In the first turns too. */
    let errors = 0;
    const peer = grpcServer(children, sites, count, 4 * uploadValues);
    for (let turn = -warmUpTurns; turn < turns; turn += 1) {
      const own = uploadSchema.parse(await crowd.act({ act: 'upload', count, values: uploadValues }));
      removeFiles(path.join(folder, 'crowd', 'hub', 'blobs'));
      const theirs = await peer.turn();
      errors += own.errors + (sites - own.open);
      if (turn < 0) continue;
      ours.push(own);
      if (theirs !== null) grpc.push(theirs);
    }
    peer.end();
    const crowdMegabytes = peakMegabytes(crowd.hub);
    const rate = ({ bytes, seconds }: { bytes: number; seconds: number }): number => bytes / 1e6 / seconds;
    const peers = (value: (theirs: readonly GrpcTurn[]) => number): Measurement['peers'] =>
      grpc.length === 0 ? [] : [{ name: 'Python gRPC', value: value(grpc) }];
    measurements.push(
      moreIsBetter(
        `${count} uploads of 4 MB at once, ${sites} sites connected, hashed and synced`,
        'MB/s',
        median(ours.map(rate)),
        peers((theirs) => median(theirs.map(rate))),
      ),
      lessIsBetter(
        `the hub’s peak memory with them`,
        'MB',
        crowdMegabytes,
        peers((theirs) => Math.max(...theirs.map(({ megabytes }) => megabytes))),
        'the peer has as many connections',
      ),
      lessIsBetter(
        '95th percentile of a heartbeat meanwhile',
        'ms',
        Math.max(...ours.map(({ p95Ms }) => p95Ms)),
        peers((theirs) => Math.max(...theirs.map(({ p95Ms }) => p95Ms))),
      ),
      lessIsBetter('errors and lost connections', 'in all', errors, []),
    );
    await crowd.end();

    const rounds = await start(children, path.join(folder, 'rounds'), {
      values,
      bufferSize: roundSites,
      invites: roundSites + 1,
    });
    const [roundCutInvite = '', ...roundInvites] = rounds.invites;
    await rounds.act({ act: 'connect', invites: roundInvites });
    const seconds: number[] = [];
    for (let turn = 0; turn < roundTurns; turn += 1) {
      seconds.push(
        z
          .object({ seconds: z.number() })
          .parse(await rounds.act({ act: 'round', values, projectHash: rounds.projectHash })).seconds,
      );
    }
    measurements.push(
      lessIsBetter(
        `a durable round of ${roundSites} sites × ${((4 * roundValues) / size / 1e6).toFixed(1)} MB`,
        's',
        median(seconds),
        [],
        'signed, hashed, synced, committed',
      ),
      lessIsBetter('the hub’s peak memory with it', 'MB', peakMegabytes(rounds.hub), []),
    );
    const resent = z.object({ resentShare: z.number() }).parse(
      await rounds.act({
        act: 'cutTransfer',
        values: Math.floor(cutValues / size),
        invite: roundCutInvite,
        cuts: 20,
      }),
    );
    measurements.push(
      lessIsBetter(
        `a transfer of ${((4 * cutValues) / size / 1e6).toFixed(1)} MB cut 20 times at random: bytes sent again`,
        '%',
        100 * resent.resentShare,
        [],
        'handshakes included',
      ),
    );
    await rounds.end();
    const [throughput, memory] = measurements;
    const figures: HubFigures = {
      errors,
      heartbeatP95Ms: Math.max(...ours.map(({ p95Ms }) => p95Ms)),
      rssMb: crowdMegabytes,
      throughputRatio: throughput?.ratio ?? null,
      rssRatio: memory?.ratio ? 1 / memory.ratio : null,
      roundSeconds: median(seconds),
      resentShare: resent.resentShare,
    };
    return { figures, measurements };
  } finally {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** A hub and its sites, each a process. */
export async function start(
  children: ChildProcess[],
  folder: string,
  order: { values: number; bufferSize: number; invites: number },
) {
  const hubOrder = { folder: path.join(folder, 'hub'), ...order };
  const hubChild = forked(children, './hub-process.ts', hubOrder, hubNodeFlags, hubEnvironment);
  const { invites, projectHash } = startedSchema.parse(await nextMessage(hubChild, (message) => 'invites' in message));
  const siteChild = forked(children, './hub-sites.ts', { folder: path.join(folder, 'sites') }, [
    ...nodeFlags,
    '--expose-gc',
    // A thousand sites in one process: each would otherwise have its own collector look at the objects of all, as one did in each turn.
    '--external-memory-accounted-in-global-limit',
    '--heap-growing-percent=400',
  ]);
  return {
    hub: hubChild,
    invites,
    projectHash,
    async act(message: { act: string } & Record<string, unknown>): Promise<unknown> {
      siteChild.send(message);
      const answer = await nextMessage(siteChild, () => true);
      if ('failure' in answer) throw new Error(String(answer['failure']));
      return answer['done'];
    },
    async end(): Promise<void> {
      for (const child of [siteChild, hubChild]) {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        await ended;
      }
    },
  };
}

function forked(
  children: ChildProcess[],
  file: string,
  order: object,
  flags: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): ChildProcess {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(order)], {
    execArgv: [...flags],
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  children.push(child);
  return child;
}

function nextMessage(
  child: ChildProcess,
  isMeant: (message: Record<string, unknown>) => boolean,
): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error('a process of the bench ended'));
    const hear = (message: Record<string, unknown>): void => {
      if (!isMeant(message)) return;
      child.off('exit', ended);
      child.off('message', hear);
      resolve(message);
    };
    child.once('exit', ended);
    child.on('message', hear);
  });
}

/**
 * Between the turns, as the peer does: files that stay would have the system find new memory for each turn, which on a virtual machine
 * costs more than the transfer.
 */
function removeFiles(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) rmSync(path.join(entry.parentPath, entry.name));
}

export const peakMegabytes = (child: ChildProcess): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1_024;

function grpcServer(children: ChildProcess[], connections: number, count: number, bytes: number) {
  const script = fileURLToPath(new URL('./grpc-upload.py', import.meta.url));
  const python = spawn('/usr/bin/python3', [script, String(connections), String(count), String(bytes)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(python);
  python.on('error', () => {});
  python.stdin.on('error', () => {});
  const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
  return {
    /** Null where there is no such Python. */
    async turn(): Promise<GrpcTurn | null> {
      python.stdin.write('turn\n');
      const line = await lines.next();
      if (line.done !== true) return grpcSchema.parse(JSON.parse(line.value));
      console.log('  no Python gRPC to compare with');
      return null;
    },
    end: () => python.stdin.end(),
  };
}
