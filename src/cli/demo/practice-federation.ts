// The practice federation: one hub and four hospitals as processes of their own, from generated studies to a compared model.
import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fault } from '../../contract/fault.ts';
import type { Membership, Project } from '../../contract/federation.ts';
import { comparePooled } from '../../station/practice/pooled-comparison.ts';
import { practiceSites } from '../../station/practice/practice-studies.ts';
import { practiceParameters, practiceProject, practiceTrainer } from '../../station/practice/practice-project.ts';
import type { DemoResult } from '../report/demo-result.ts';
import { type HospitalNews, hospitalNewsSchema } from './hospital-news.ts';
import { startHub } from './hub-process.ts';
import { type HospitalRow, liveTable } from './live-table.ts';

/** The last hospital idles so much of its training time that it is ten times slower than the others. */
const slowIdleShare = 0.9;
const slowSite = 3;
/** Epochs of the central rival. */
const centralEpochs = 12;
/** Nothing in a practice federation may take longer; a hang ends it with a reason instead of waiting for ever. */
const deadlineMs = 10 * 60_000;

export interface DemoOptions {
  /** An empty or new folder that the federation lives in. */
  readonly folder: string;
  readonly commits: number;
  readonly stream: NodeJS.WriteStream;
}

type Outcome = Extract<HospitalNews, { kind: 'outcome' }>;
type Arrival = NonNullable<DemoResult['arrivals']>[number];
type CohortNews = Extract<HospitalNews, { kind: 'cohort' }>;

interface Hospital {
  readonly row: HospitalRow;
  readonly scanner: string;
  readonly speed: number;
  cohort: CohortNews | null;
  outcome: Outcome | null;
  readonly arrivals: Arrival[];
}

/** Runs the whole federation; every process that it started has ended when it returns or throws. */
export async function runPracticeFederation(options: DemoOptions): Promise<DemoResult> {
  const started = Date.now();
  const project = practiceProject({ commits: options.commits });
  const children: ChildProcess[] = [];
  const trainer = practiceTrainer();
  const endAll = (): Promise<unknown> => {
    trainer.close();
    return Promise.all(children.map(endProcess));
  };
  let isInterrupted = false;
  // What waits for a process fails with its end: the way out is the same as after a failure.
  const interrupt = (): void => {
    isInterrupted = true;
    void endAll();
  };
  // More than once: npm sends a terminal's Ctrl+C a second time.
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    mkdirSync(options.folder, { recursive: true });
    const hub = await startHub(path.join(options.folder, 'hub'), project, practiceSites.length, (child) =>
      children.push(child),
    );
    if (isInterrupted) throw interrupted();
    const hospitals = practiceSites.map((site, index): Hospital => {
      const isSlow = index === slowSite;
      return {
        row: { name: site.name, speed: isSlow ? '1/10' : '1', phase: 'starting', images: null, membership: null },
        scanner: site.description,
        speed: isSlow ? 1 - slowIdleShare : 1,
        cohort: null,
        outcome: null,
        arrivals: [],
      };
    });
    const live = liveTable(
      hospitals.map(({ row }) => row),
      options.stream,
      started,
    );
    live.log(
      `Hub at ${hub.url}; ${hospitals.length} hospitals start, each a process with its own studies, database and sockets.`,
    );
    const deadline = AbortSignal.timeout(deadlineMs);
    await Promise.all(
      hospitals.map((hospital, index) => {
        const child = startHospital(options.folder, index, hospital, hub.invites[index] as string);
        children.push(child);
        return hospitalEnded(child, hospital, live, deadline, started);
      }),
    );
    live.end();
    hub.process.kill('SIGTERM');
    live.log(
      'The project is finished. Training the central rival on the pooled studies and measuring every model on the pooled test set …',
    );
    return await compare(options, project, hospitals, started, trainer);
  } catch (error) {
    throw isInterrupted ? interrupted() : error;
  } finally {
    await endAll();
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

function startHospital(folder: string, index: number, hospital: Hospital, invite: string): ChildProcess {
  const entry = fileURLToPath(new URL('../cli.ts', import.meta.url));
  const home = path.join(folder, hospital.row.name);
  const idleShare = String(1 - hospital.speed);
  const options = [
    '--home',
    home,
    'practice-hospital',
    '--site',
    String(index),
    '--name',
    hospital.row.name,
    '--invite',
    invite,
    '--idle-share',
    idleShare,
  ];
  return fork(entry, options, { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
}

function hospitalEnded(
  child: ChildProcess,
  hospital: Hospital,
  live: ReturnType<typeof liveTable>,
  deadline: AbortSignal,
  started: number,
): Promise<void> {
  const { row } = hospital;
  return new Promise((resolve, reject) => {
    let reason = '';
    deadline.addEventListener('abort', () => reject(failed(row.name, 'it did not finish in time')), { once: true });
    child.on('message', (message: unknown) => {
      const news = hospitalNewsSchema.safeParse(message);
      if (!news.success) return;
      if (news.data.kind === 'phase') row.phase = news.data.phase;
      if (news.data.kind === 'fault') reason = news.data.fault.message;
      if (news.data.kind === 'outcome') hospital.outcome = news.data;
      if (news.data.kind === 'cohort') {
        hospital.cohort = news.data;
        row.images = news.data.cohort.instances;
        live.log(`${seconds(started)} ${row.name}: ${news.data.studies} studies, ${row.images} labelled images`);
      }
      if (news.data.kind === 'membership') {
        const before = row.membership;
        row.membership = news.data.membership;
        hospital.arrivals.push(...newArrivals(before, news.data.membership, started));
        const { updates, history } = news.data.membership;
        const last = history.at(-1);
        if (last && last.trunkVersion !== before?.history.at(-1)?.trunkVersion) {
          live.log(
            `${seconds(started)} ${row.name}: trunk ${last.trunkVersion}, ${updates.accepted} updates accepted, validation AUC ${last.auc?.toFixed(3) ?? 'n/a'}, loss ${last.loss.toFixed(3)}`,
          );
        }
      }
      live.update();
    });
    child.on('exit', (code, signal) => {
      if (code === 0 && hospital.outcome) resolve();
      // A terminal's Ctrl+C may end a hospital before this process hears of it.
      else if (signal === 'SIGINT') reject(interrupted());
      else reject(failed(row.name, reason || `its process ended with code ${code}`));
    });
  });
}

async function compare(
  options: DemoOptions,
  project: Project,
  hospitals: readonly Hospital[],
  started: number,
  trainer: ReturnType<typeof practiceTrainer>,
): Promise<DemoResult> {
  const rows = await comparePooled({
    project,
    hospitals: hospitals.map(({ row, outcome }) => ({ name: row.name, ...(outcome as Outcome) })),
    folder: path.join(options.folder, 'central'),
    trainer,
    threads: os.availableParallelism(),
    centralEpochs,
    onProgress: () => {},
  });
  const local = rows.filter(({ model }) => model === 'local-only').map(({ metrics }) => metrics);
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const localMean = {
    auc: mean(local.map(({ auc }) => auc?.value ?? 0)),
    accuracy: mean(local.map(({ accuracy }) => accuracy?.value ?? 0)),
  };
  const trunk = rows.find(({ model }) => model === 'trunk')?.metrics;
  const passed = (trunk?.auc?.value ?? 0) > localMean.auc && (trunk?.accuracy?.value ?? 0) > localMean.accuracy;
  const { staleness } = project.trunkRule;
  return {
    startedAt: new Date(started).toISOString(),
    seconds: (Date.now() - started) / 1000,
    machine: {
      cores: os.availableParallelism(),
      node: process.versions.node,
      platform: `${process.platform} ${process.arch}`,
    },
    project: {
      title: project.title,
      classes: project.classes,
      network: project.network.name,
      parameters: practiceParameters(),
      commits: project.commits,
      bufferSize: project.trunkRule.bufferSize,
      stalenessExponent: staleness.kind === 'polynomial' ? staleness.exponent : 0,
    },
    sites: hospitals.map(siteOf),
    trunkHistory: hospitals.flatMap(({ row }) =>
      (row.membership?.history ?? []).map(({ trunkVersion, at, auc, accuracy, loss }) => ({
        version: trunkVersion,
        atSeconds: (Date.parse(at) - started) / 1000,
        site: row.name,
        auc,
        accuracy,
        loss,
      })),
    ),
    arrivals: hospitals.flatMap(({ arrivals }) => arrivals),
    pooled: { patients: trunk?.patients ?? 0, examples: trunk?.examples ?? 0, rows },
    localMean,
    passed,
  };
}

/** Kills a process and resolves when it is gone. */
function endProcess(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

function interrupted(): Fault {
  return new Fault({
    code: 809,
    message: 'The practice federation was interrupted. None of its processes is left running.',
    retry: 'now',
  });
}

function siteOf({ row, scanner, speed, cohort, outcome }: Hospital): DemoResult['sites'][number] {
  const { membership } = row;
  const split = cohort?.cohort.split;
  return {
    name: row.name,
    scanner,
    studies: cohort?.studies ?? 0,
    examples: {
      train: split?.train.instances ?? 0,
      validation: split?.validation.instances ?? 0,
      test: split?.test.instances ?? 0,
    },
    classCounts: (cohort?.cohort.classes ?? []).map(({ instances }) => instances),
    speed,
    updates: membership?.updates.accepted ?? 0,
    meanStaleness: membership?.meanStaleness ?? 0,
    bytesSent: membership?.bytesSent ?? 0,
    bytesReceived: membership?.bytesReceived ?? 0,
    ledgerHead: outcome?.ledgerHead ?? '',
  };
}

function seconds(started: number): string {
  return `${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s`;
}

function failed(name: string, reason: string): Fault {
  return new Fault({ code: 807, message: `The practice hospital ${name} failed: ${reason}`, retry: 'now' });
}

/** The updates accepted since the news before; their staleness is what the mean gained. */
function newArrivals(before: Membership | null, after: Membership, started: number): Arrival[] {
  const count = after.updates.accepted - (before?.updates.accepted ?? 0);
  const gained =
    after.meanStaleness * after.updates.accepted - (before?.meanStaleness ?? 0) * (before?.updates.accepted ?? 0);
  const atSeconds = (Date.now() - started) / 1000;
  return Array.from({ length: count }, () => ({
    atSeconds,
    site: after.site,
    stalenessCommits: Math.round(gained / count),
  }));
}
