// The same scenario with real processes, sockets and seconds: a hub and every site a process of its own, and kills that are kills.
// The network is the machine's loopback: the scenario's latency, bandwidth and cuts are not played.
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fault } from '../../contract/fault.ts';
import { simulationFault } from './faults.ts';
import { spreadSites } from './churn.ts';
import { countedUpdates } from './counted-updates.ts';
import { logisticWork } from './logistic-work.ts';
import type { SimulationOutcome, SimulationProgress } from './outcome.ts';
import { openTargetWatch } from './target-watch.ts';
import { type FromProcess, fromProcessSchema, type ProcessOrder } from './process-messages.ts';
import type { Scenario } from './scenario.ts';

/** Each site is a process of some 100 MB. */
export const mostProcessSites = 32;

const workerFile = fileURLToPath(new URL('./process-worker.ts', import.meta.url));

interface SiteProcess {
  readonly child: ChildProcess;
  last: Extract<FromProcess, { kind: 'site' }> | null;
  hasVanished: boolean;
}

/** @throws Fault 572 for too many sites, 571 when the hub does not start. */
export async function runProcesses(
  scenario: Scenario,
  options: { readonly onProgress?: (progress: SimulationProgress) => void; readonly signal?: AbortSignal } = {},
): Promise<SimulationOutcome> {
  if (scenario.sites > mostProcessSites) {
    throw simulationFault.tooManyProcesses(mostProcessSites, scenario.sites);
  }
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-processes-'));
  const children = new Set<ChildProcess>();
  const timers: NodeJS.Timeout[] = [];
  try {
    return await conduct(scenario, folder, children, timers, options);
  } finally {
    for (const timer of timers) clearTimeout(timer);
    await Promise.all([...children].map(killed));
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function conduct(
  scenario: Scenario,
  folder: string,
  children: Set<ChildProcess>,
  timers: NodeJS.Timeout[],
  {
    onProgress,
    signal,
  }: { readonly onProgress?: (progress: SimulationProgress) => void; readonly signal?: AbortSignal },
): Promise<SimulationOutcome> {
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1_000;
  const at = (second: number, act: () => void): void =>
    void timers.push(setTimeout(act, Math.max(0, second - seconds()) * 1_000));
  const { targetScore } = logisticWork(scenario);
  const curve: SimulationOutcome['curve'] = [];
  const hubFolder = path.join(folder, 'hub');
  let hub: ChildProcess | null = null;
  let port = 0;
  let hubDeaths = 0;
  const target = openTargetWatch(targetScore);
  let isFinished = false;
  let done = { joined: 0, updates: 0, commits: 0 };
  const told = (more: Partial<typeof done>): void => {
    done = { ...done, ...more };
    onProgress?.({ seconds: seconds(), ...done });
  };
  let settle = (): void => {};
  let fail = (_fault: Fault): void => {};
  const over = new Promise<void>((resolve, reject) => {
    settle = resolve;
    fail = reject;
  });
  signal?.addEventListener('abort', () => fail(simulationFault.notEnded('it was stopped')), { once: true });
  // Awaited below; what fails before is thrown there.
  over.catch(() => {});

  const start = (order: ProcessOrder, hear: (message: FromProcess) => void): ChildProcess => {
    const child = fork(workerFile, [], { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    children.add(child);
    child.on('message', (raw) => hear(fromProcessSchema.parse(raw)));
    child.on('error', () => {});
    child.send(order);
    return child;
  };
  const startHub = (): Promise<readonly string[]> =>
    new Promise((resolve, reject) => {
      let because = '';
      const child = start({ role: 'hub', folder: hubFolder, port, scenario }, (message) => {
        if (message.kind === 'failed') {
          because = `: ${message.reason}`;
          // It may have been ready before.
          fail(simulationFault.notEnded(`its hub failed${because}`));
        } else if (message.kind === 'ready') {
          port = message.port;
          resolve(message.invites);
        } else if (message.kind === 'site-enrolled') {
          told({ joined: done.joined + 1 });
        } else if (message.kind === 'update-accepted') {
          told({ updates: done.updates + 1 });
        } else if (message.kind === 'committed') {
          const { version, updates, score } = message;
          curve.push({ seconds: seconds(), version, updates, score });
          told({ commits: version });
          target.take(seconds(), score);
          isFinished ||= message.isFinished;
          if (isFinished || target.reachedAt !== null) settle();
        }
      });
      child.once('exit', () => reject(simulationFault.notEnded(`its hub did not start${because}`)));
      hub = child;
    });

  const invites = await startHub();
  for (const second of scenario.hub.killAtSeconds) {
    at(second, () => {
      if (hub === null) return;
      const dead = hub;
      hub = null;
      hubDeaths += 1;
      void killed(dead).then(() =>
        at(seconds() + scenario.hub.downSeconds, () => void startHub().catch((thrown: Fault) => fail(thrown))),
      );
    });
  }
  const vanishing = spreadSites(scenario.churn.vanishShare * scenario.sites, scenario.sites);
  const sites = invites.map((invite, site): SiteProcess => {
    const one: SiteProcess = {
      child: start({ role: 'site', folder: path.join(folder, `site-${site}`), site, invite, scenario }, (message) => {
        if (message.kind === 'site') one.last = message;
        if (message.kind === 'failed') fail(simulationFault.notEnded(`site ${site + 1} failed: ${message.reason}`));
      }),
      last: null,
      hasVanished: false,
    };
    if (vanishing.has(site)) {
      at(scenario.churn.vanishAtSeconds, () => {
        one.hasVanished = true;
        void killed(one.child);
      });
    }
    return one;
  });
  at(scenario.untilSeconds, () => settle());
  await over;
  const end = seconds();
  await Promise.all([...children].map(killed));
  const counted = countedUpdates(hubFolder);
  return {
    hasReachedTarget: target.reachedAt !== null,
    isFinished,
    seconds: end,
    secondsToTarget: target.reachedAt,
    targetScore,
    commits: curve.length,
    updates: {
      accepted: counted.accepted,
      bytes: counted.bytes,
      refused: sites.reduce((sum, { last }) => sum + (last?.refused ?? 0), 0),
      lost: sites.reduce(
        (sum, { last }) =>
          sum + (last === null ? 0 : Math.max(0, last.accepted - (counted.bySite.get(last.fingerprint) ?? 0))),
        0,
      ),
      duplicated: counted.duplicated,
    },
    linesCut: 0,
    hubDeaths,
    vanished: sites.filter(({ hasVanished }) => hasVanished).length,
    curve,
    sites: sites.map(({ last, hasVanished }, site) => ({
      site: `Site ${site + 1}`,
      accepted: last?.accepted ?? 0,
      refused: last?.refused ?? 0,
      meanStaleness: last?.meanStaleness ?? 0,
      bytesSent: last?.bytesSent ?? 0,
      bytesReceived: last?.bytesReceived ?? 0,
      hasVanished,
      scoreboard: null,
    })),
  };
}

function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
