// Asynchronous against synchronous rules on a virtual clock: the hub's real aggregation and update codec, simulated time.
// Sites train a small real task (logistic-sites.ts); only the waiting is imagined.
import { seededRandom } from '../aggregation/seeded-random.ts';
import { openCommit } from '../aggregation/trunk-commit.ts';
import { decodeUpdate, encodeUpdate, updateOf } from '../aggregation/update.ts';
import type { Weights } from '../aggregation/weights.ts';
import { logisticTask, type LogisticTask, logLoss, trainLocally } from './logistic-sites.ts';

export interface SimulationOptions {
  /** 2…1000. */
  readonly sites: number;
  /** How many times slower the slowest site is than the fastest; speeds in between are spread evenly in the logarithm. */
  readonly slowest: number;
  /** Updates per asynchronous commit. */
  readonly bufferSize: number;
  readonly stalenessExponent: number;
  /** Chance that an update gets lost on its way and is trained anew, 0…0.9. */
  readonly dropRate: number;
  /** Virtual seconds that one update of the fastest site takes, transfer included. */
  readonly secondsPerUpdate: number;
  readonly seed: number;
}

export interface RuleOutcome {
  /** Virtual seconds until the target loss was reached; null when it was not within the limit. */
  readonly secondsToTarget: number | null;
  readonly commits: number;
  readonly updates: number;
  readonly dropped: number;
  readonly meanStaleness: number;
  readonly finalLoss: number;
}

export interface SimulationResult {
  /** The loss that both must reach: what training to the end reaches, plus the tolerance. */
  readonly targetLoss: number;
  readonly initialLoss: number;
  readonly asynchronous: RuleOutcome;
  readonly synchronous: RuleOutcome;
  /** Synchronous over asynchronous time to the target; null when either did not reach it. */
  readonly speedup: number | null;
}

/** Full synchronous rounds that define the loss to reach. */
const referenceRounds = 60;
/** The target is this share of the way from the initial to the reference loss. */
const targetShare = 0.98;
/** The target counts as reached after so many commits in a row at it: one lucky commit is no model. */
const sustainedCommits = 5;
/** A rule that has not reached the target after so many updates per site is given up. */
const maxUpdatesPerSite = 400;

/** Runs both rules on the same task, sites and speeds; the same options give the same result. */
export function simulate(options: SimulationOptions): SimulationResult {
  const task = logisticTask(options.sites, options.seed);
  const speeds = siteSeconds(options);
  const initialLoss = logLoss(task.initial, task.test);
  const reference = logLoss(referenceTrunk(task), task.test);
  const targetLoss = initialLoss + targetShare * (reference - initialLoss);
  const asynchronous = run(options, task, speeds, targetLoss, options.bufferSize);
  const synchronous = run(options, task, speeds, targetLoss, options.sites);
  const speedup =
    asynchronous.secondsToTarget === null || synchronous.secondsToTarget === null
      ? null
      : synchronous.secondsToTarget / asynchronous.secondsToTarget;
  return { targetLoss, initialLoss, asynchronous, synchronous, speedup };
}

function siteSeconds({ sites, slowest, secondsPerUpdate }: SimulationOptions): number[] {
  return Array.from(
    { length: sites },
    (_, index) => secondsPerUpdate * slowest ** (sites > 1 ? index / (sites - 1) : 0),
  );
}

function referenceTrunk(task: LogisticTask): Weights {
  let trunk = task.initial;
  for (let round = 0; round < referenceRounds; round += 1) {
    const arrived = task.sites.map((_, site) => ({ site, base: 0, update: updateFrom(trunk, task, site) }));
    trunk = committed(trunk, task, arrived, 0, 0);
  }
  return trunk;
}

interface Arrival {
  readonly site: number;
  /** Trunk version that it started from. */
  readonly base: number;
  readonly update: Uint8Array;
}

/** One rule until the target: with a buffer as large as the federation, sites wait for the commit (a synchronous round). */
function run(
  options: SimulationOptions,
  task: LogisticTask,
  speeds: readonly number[],
  targetLoss: number,
  bufferSize: number,
): RuleOutcome {
  const isSynchronous = bufferSize >= options.sites;
  const random = seededRandom(options.seed + 1);
  const limit = maxUpdatesPerSite * options.sites;
  let trunk = task.initial;
  let version = 0;
  let updates = 0;
  let dropped = 0;
  let stalenessSum = 0;
  let buffer: Arrival[] = [];
  let clock = 0;
  let atTarget = 0;
  const working = speeds.map((seconds, site) => ({ site, doneAt: seconds, base: 0, trunk }));
  while (updates + dropped < limit) {
    const next = working.reduce((first, other) => (other.doneAt < first.doneAt ? other : first));
    clock = next.doneAt;
    const seconds = speeds[next.site] ?? 0;
    if (random() < options.dropRate) {
      dropped += 1;
      Object.assign(next, { doneAt: clock + seconds, base: version, trunk });
      continue;
    }
    updates += 1;
    stalenessSum += version - next.base;
    buffer.push({ site: next.site, base: next.base, update: updateFrom(next.trunk, task, next.site) });
    // A synchronous site waits for the commit; an asynchronous one starts again at once.
    next.doneAt = Infinity;
    if (buffer.length >= bufferSize) {
      trunk = committed(trunk, task, buffer, version, options.stalenessExponent);
      version += 1;
      buffer = [];
      atTarget = logLoss(trunk, task.test) <= targetLoss ? atTarget + 1 : 0;
      if (atTarget === sustainedCommits) {
        return {
          secondsToTarget: clock,
          commits: version,
          updates,
          dropped,
          meanStaleness: stalenessSum / updates,
          finalLoss: logLoss(trunk, task.test),
        };
      }
      if (isSynchronous)
        for (const site of working)
          Object.assign(site, { doneAt: clock + (speeds[site.site] ?? 0), base: version, trunk });
    }
    if (!isSynchronous) Object.assign(next, { doneAt: clock + seconds, base: version, trunk });
  }
  return {
    secondsToTarget: null,
    commits: version,
    updates,
    dropped,
    meanStaleness: stalenessSum / Math.max(1, updates),
    finalLoss: logLoss(trunk, task.test),
  };
}

function updateFrom(base: Weights, task: LogisticTask, site: number): Uint8Array {
  const examples = task.sites[site];
  if (!examples) throw new RangeError(`there is no site ${site}`);
  return encodeUpdate(updateOf(base, trainLocally(base, examples)), 'float16');
}

function committed(
  trunk: Weights,
  task: LogisticTask,
  arrivals: readonly Arrival[],
  version: number,
  exponent: number,
): Weights {
  const commit = openCommit({
    base: trunk,
    rule: { staleness: { kind: 'polynomial', exponent }, serverLearningRate: 1 },
    contributions: arrivals.map(({ site, base }, index) => ({
      id: `${site}/${index}`,
      examples: task.sites[site]?.count ?? 1,
      stalenessCommits: version - base,
    })),
  });
  arrivals.forEach(({ site, update }, index) =>
    commit.add(`${site}/${index}`, decodeUpdate(update, { layout: trunk, codec: 'float16' })),
  );
  return commit.finish().weights;
}
