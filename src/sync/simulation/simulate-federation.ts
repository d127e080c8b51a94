// A federation played on a virtual clock: the hub and the sites are those of src/sync, every frame, signature, database row and file is
// real; time, network and training times are imagined. Runs in a process of its own (virtual-clock.ts).
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { seededRandom } from '../aggregation/seeded-random.ts';
import { type Hub, openHub } from '../hub/hub.ts';
import { openCardCheck } from '../site/card-check.ts';
import { openSite, type Site } from '../site/site.ts';
import type { SiteWork } from '../site/site-work.ts';
import { spreadSites } from './churn.ts';
import { countedUpdates } from './counted-updates.ts';
import type { SimulationOutcome, SimulationProgress } from './outcome.ts';
import type { Scenario } from './scenario.ts';
import type { SimulatedTask } from './simulated-task.ts';
import { openTargetWatch } from './target-watch.ts';
import { trainingSeconds } from './training-times.ts';
import type { VirtualClock } from './virtual-clock.ts';
import { openVirtualNetwork, type SiteNetwork } from './virtual-network.ts';

/** Heartbeats of all ends would be most of a long simulation's work; lines that die do so audibly here. */
const pingMs = 600_000;
const graceMs = 10_000;
const hourMs = 3_600_000;

class HubKilled extends Error {}

/** Plays the scenario; its training times, not its training, come from it. The same scenario and task give the same outcome. */
export async function simulateFederation(
  clock: VirtualClock,
  scenario: Scenario,
  task: SimulatedTask,
  onProgress: (progress: SimulationProgress) => void,
): Promise<SimulationOutcome> {
  // In memory where the system has such a folder: a simulated hospital's disk need not survive a power cut.
  const folder = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir(), 'imagiq-simulation-'));
  try {
    return await play(clock, scenario, task, folder, onProgress);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function play(
  clock: VirtualClock,
  scenario: Scenario,
  task: SimulatedTask,
  folder: string,
  onProgress: (progress: SimulationProgress) => void,
): Promise<SimulationOutcome> {
  const network = openVirtualNetwork(clock);
  const curve: SimulationOutcome['curve'][number][] = [];
  const startMs = clock.now();
  const seconds = (): number => (clock.now() - startMs) / 1_000;
  const at = (second: number, act: () => void): void => clock.at(startMs + second * 1_000, act);
  let isFinished = false;
  let hubDeaths = 0;
  let linesCut = 0;
  let isDoomed = false;
  const done = { joined: 0, updates: 0, commits: 0 };
  const target = openTargetWatch(task.targetScore);

  const judge = (of: Hub, commit: { version: number; updates: number; isFinished: boolean }): void => {
    isFinished ||= commit.isFinished;
    const second = seconds();
    const { version, updates } = commit;
    void clock.hold(
      (async () => {
        const weights = await of.trunkWeights();
        if (weights === null) return;
        const score = await task.score(weights);
        curve.push({ seconds: second, version, updates, score });
        target.take(second, score);
      })(),
    );
  };
  const hubFolder = path.join(folder, 'hub');
  let hub: Hub | null = null;
  const startHub = async (): Promise<void> => {
    const opened = await openHub({
      folder: hubFolder,
      port: 0,
      publicUrl: 'ws://127.0.0.1:1',
      project: task.project,
      initialWeights: task.initialWeights,
      pingMs,
      onStep() {
        if (!isDoomed) return;
        void killHub();
        throw new HubKilled('the hub was killed');
      },
    });
    opened.watch((news) => {
      if (news.kind === 'site-enrolled') done.joined += 1;
      if (news.kind === 'update-accepted' && !news.isDuplicate) done.updates += 1;
      if (news.kind === 'trunk-committed') {
        done.commits = news.version;
        judge(opened, news);
      }
      onProgress({ seconds: seconds(), ...done });
    });
    // Committed as the hub died, before it could say so.
    const { trunkVersion, isFinished } = await opened.status();
    if (trunkVersion > (curve.at(-1)?.version ?? 0)) judge(opened, { version: trunkVersion, updates: 0, isFinished });
    hub = opened;
    network.setHub(opened.server);
  };
  const killHub = async (): Promise<void> => {
    const dead = hub;
    if (dead === null) return;
    isDoomed = false;
    hub = null;
    hubDeaths += 1;
    network.setHub(null);
    // Nothing that it was doing goes on; its folder is as a kill leaves it.
    await clock.hold(dead.close());
    at(seconds() + scenario.hub.downSeconds, () => void clock.hold(startHub()));
  };
  for (const second of scenario.hub.killAtSeconds) {
    at(second, () => {
      isDoomed = true;
      // With nothing to die in, it dies between two steps.
      at(second + scenario.hub.downSeconds, () => {
        if (isDoomed) void killHub();
      });
    });
  }

  await startHub();
  const times = trainingSeconds(scenario);
  const vanishing = spreadSites(scenario.churn.vanishShare * scenario.sites, scenario.sites);
  const approved = new Set<number>();
  // A thousand machines would check a thousand cards each; here it is one machine, and each card's signature is checked once.
  const checkCard = openCardCheck();
  const sites: { readonly name: string; site: Site; network: SiteNetwork; hasVanished: boolean }[] = [];
  for (let index = 0; index < scenario.sites; index += 1) {
    const random = seededRandom(scenario.seed * 1_000 + index);
    const line = network.siteNetwork({
      latencyMs: scenario.network.latencyMs * (0.75 + 0.5 * random()),
      bytesPerMs: scenario.network.megabitsPerSecond * 125,
    });
    const name = `Site ${index + 1}`;
    const site = await openSite({
      folder: path.join(folder, `site-${index}`),
      siteName: name,
      work: timed(task.workOf(index), clock, () => times(index, random)),
      random,
      pingMs,
      agent: line.agent,
      checkCard,
      onLedger: () => {},
      onChange: ({ federation, project, cohort }) => {
        if (project !== null && cohort === null && !approved.has(index)) {
          approved.add(index);
          void site.approve(federation, 'simulated').catch(() => approved.delete(index));
        }
      },
    });
    const one = { name, site, network: line, hasVanished: false };
    sites.push(one);
    const invite = await hub!.createInvite();
    const join = (): void =>
      void site.join(invite).catch(() => {
        if (!one.hasVanished) clock.at(clock.now() + 5_000, join);
      });
    at(random() * scenario.churn.joinWithinSeconds, join);
    againAndAgain(scenario.network.cutsPerHour, random, () => {
      if (!one.hasVanished && line.cut()) linesCut += 1;
    });
    againAndAgain(scenario.churn.awayPerHour, random, () => {
      if (one.hasVanished) return;
      line.setReachable(false);
      at(seconds() + scenario.churn.awaySeconds, () => {
        if (!one.hasVanished) line.setReachable(true);
      });
    });
    if (vanishing.has(index)) {
      at(scenario.churn.vanishAtSeconds, () => {
        one.hasVanished = true;
        line.setReachable(false);
        void site.close();
      });
    }
  }

  /** At random moments, `perHour` on average. */
  function againAndAgain(perHour: number, random: () => number, act: () => void): void {
    if (perHour === 0) return;
    const next = (): void =>
      clock.at(clock.now() + (-Math.log(1 - random()) * hourMs) / perHour, () => {
        act();
        next();
      });
    next();
  }

  // With a bench the sites go on after the last commit: they judge each other's models.
  const isBenchDone = (): boolean =>
    !scenario.project.peerModels ||
    sites.every(({ site, hasVanished }) => hasVanished || site.memberships()[0]?.state === 'finished');
  await clock.run(
    () => hub !== null && ((isFinished && isBenchDone()) || target.reachedAt !== null),
    startMs + scenario.untilSeconds * 1_000,
  );
  const end = seconds();
  // Receipts that are on their way arrive.
  await clock.run(() => false, clock.now() + graceMs);
  const outcomes = sites.map(({ name, site, hasVanished }): SimulationOutcome['sites'][number] => {
    const membership = site.memberships()[0];
    return {
      site: name,
      accepted: membership?.updates.accepted ?? 0,
      refused: membership?.updates.refused ?? 0,
      meanStaleness: membership?.meanStaleness ?? 0,
      bytesSent: membership?.bytesSent ?? 0,
      bytesReceived: membership?.bytesReceived ?? 0,
      hasVanished,
      scoreboard: membership?.scoreboard ?? null,
    };
  });
  network.setHub(null);
  await Promise.race([
    Promise.all(sites.map(({ site }) => site.close())),
    clock.run(() => false, clock.now() + hourMs),
  ]);
  const { trunkVersion } = await hub!.status();
  await hub!.close();
  const counted = countedUpdates(hubFolder);
  const lost = outcomes.reduce(
    (sum, { accepted }, index) =>
      sum + Math.max(0, accepted - (counted.bySite.get(sites[index]!.site.fingerprint) ?? 0)),
    0,
  );
  return {
    hasReachedTarget: target.reachedAt !== null,
    isFinished,
    seconds: end,
    secondsToTarget: target.reachedAt,
    targetScore: task.targetScore,
    commits: trunkVersion,
    updates: {
      accepted: counted.accepted,
      bytes: counted.bytes,
      refused: outcomes.reduce((sum, { refused }) => sum + refused, 0),
      lost,
      duplicated: counted.duplicated,
    },
    linesCut,
    hubDeaths,
    vanished: sites.filter(({ hasVanished }) => hasVanished).length,
    curve,
    sites: outcomes,
  };
}

/** The same work, and the time that it takes. */
function timed(work: SiteWork, clock: VirtualClock, nextSeconds: () => number): SiteWork {
  return {
    ...work,
    async trainUpdate(order) {
      await clock.sleep(nextSeconds() * 1_000);
      return clock.hold(work.trainUpdate(order));
    },
    probeLeak: (order) => clock.hold(work.probeLeak(order)),
    trainLocalOnly: (order) => clock.hold(work.trainLocalOnly(order)),
    evaluate: (order) => clock.hold(work.evaluate(order)),
    measure: (order) => clock.hold(work.measure(order)),
  };
}
