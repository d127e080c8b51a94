// Asynchronous against synchronous rules on a virtual clock: the hub's real aggregation and update codec, simulated time.
// Sites train a small real task (logistic-sites.ts); only the waiting is imagined.
import { setImmediate } from 'node:timers/promises';
import { Fault } from '../../contract/fault.ts';
import { type TrunkRule, trunkRuleSchema, updateFormSchema } from '../../contract/federation.ts';
import { nextCommit } from '../aggregation/next-commit.ts';
import { seededRandom } from '../aggregation/seeded-random.ts';
import { openCommit } from '../aggregation/trunk-commit.ts';
import { unfillableBuffer, unusableTrunkRule } from '../aggregation/unusable-trunk-rule.ts';
import { decodeUpdate, encodeUpdate, updateOf } from '../aggregation/update.ts';
import type { Weights } from '../aggregation/weights.ts';
import { simulationFault } from './faults.ts';
import { logisticTask, type LogisticTask, logLoss, trainLocally } from './logistic-sites.ts';

/** As projects have it that say nothing of it. */
const form = updateFormSchema.parse({});

export interface SimulationOptions {
  /** 2…1000. */
  readonly sites: number;
  /** How many times slower the slowest site is than the fastest; speeds in between are spread evenly in the logarithm. */
  readonly slowest: number;
  /** Of the asynchronous hub; the synchronous one has the same with a buffer of all sites. */
  readonly trunkRule: TrunkRule;
  /** Sites that send the negated update, `lieScale` times as large; spread evenly over fast and slow. */
  readonly lying: number;
  /** Chance that an update gets lost on its way and is trained anew, 0…0.9. */
  readonly dropRate: number;
  /** Virtual seconds that one update of the fastest site takes, transfer included. */
  readonly secondsPerUpdate: number;
  readonly seed: number;
  /** Called after each commit: some hundred thousand times in a large federation. */
  readonly onProgress?: (progress: RuleProgress) => void;
}

export interface RuleProgress {
  readonly rule: 'asynchronous' | 'synchronous';
  /** Virtual. */
  readonly seconds: number;
  readonly commits: number;
  readonly updates: number;
  /** After so many the rule is given up. */
  readonly mostUpdates: number;
  readonly loss: number;
  /** Null while it is still looked for, in synchronous rounds of honest sites. */
  readonly targetLoss: number | null;
}

export interface RuleOutcome {
  /** Virtual seconds until the target loss was reached; null when it was not within the limit. */
  readonly secondsToTarget: number | null;
  readonly commits: number;
  readonly updates: number;
  readonly dropped: number;
  /** Updates that the hub would not take: not finite, or beyond every bound, as those of a trunk that was lied apart. */
  readonly refused: number;
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

/** A lying site's update is this much larger than an honest one, and points the other way. */
const lieScale = 4;
/** Full synchronous rounds of honest sites that define the loss to reach. */
const referenceRounds = 60;
/** The target is this share of the way from the initial to the reference loss. */
const targetShare = 0.98;
/** The target counts as reached after so many commits in a row at it: one lucky commit is no model. */
const sustainedCommits = 5;
/** So often the process may hear of something else. */
const breathEveryMs = 50;
/** A rule that has not reached the target after so many updates per site is given up. */
const maxUpdatesPerSite = 400;

/**
 * Runs both rules on the same task, sites and speeds; the same options give the same result.
 * @throws Fault 570 when the rule cannot be used with so many sites.
 */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const synchronousRule = { ...options.trunkRule, bufferSize: options.sites, deadlineMs: null };
  for (const rule of [options.trunkRule, synchronousRule]) checkRule(rule, options);
  const task = logisticTask(options.sites, options.seed);
  const speeds = siteSeconds(options);
  const initialLoss = logLoss(task.initial, task.test);
  const reference = logLoss(await breathing(referenceTraining(task, options.onProgress)), task.test);
  const targetLoss = initialLoss + targetShare * (reference - initialLoss);
  const asynchronous = await breathing(
    run(options, task, speeds, targetLoss, options.trunkRule, options.trunkRule.bufferSize === options.sites),
  );
  const synchronous = await breathing(run(options, task, speeds, targetLoss, synchronousRule, true));
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

function checkRule(rule: TrunkRule, { sites }: SimulationOptions): void {
  const reason = unfillableBuffer(rule, sites) ?? unusableTrunkRule(rule)[0]?.reason ?? null;
  if (reason !== null) {
    throw simulationFault.unusableRule(reason);
  }
}

/** Does the work, and lets the process hear of something else meanwhile: a signal. */
async function breathing<Found>(work: Generator<void, Found>): Promise<Found> {
  let breathedAt = performance.now();
  for (;;) {
    const turn = work.next();
    if (turn.done === true) return turn.value;
    if (performance.now() - breathedAt < breathEveryMs) continue;
    await setImmediate();
    breathedAt = performance.now();
  }
}

/** What training to the end reaches: synchronous rounds of honest sites, without any network. */
export function referenceTrunk(task: LogisticTask): Weights {
  const work = referenceTraining(task);
  for (;;) {
    const turn = work.next();
    if (turn.done === true) return turn.value;
  }
}

function* referenceTraining(
  task: LogisticTask,
  onProgress?: SimulationOptions['onProgress'],
): Generator<void, Weights> {
  const plain = openHub(task, trunkRuleSchema.parse({ bufferSize: task.sites.length }));
  for (let round = 0; round < referenceRounds; round += 1) {
    const { trunk } = plain;
    for (let site = 0; site < task.sites.length; site += 1) {
      plain.take(site, 0, encoded(honestUpdate(trunk, task, site)), 0);
      yield;
    }
    onProgress?.({
      rule: 'synchronous',
      seconds: 0,
      commits: round + 1,
      updates: (round + 1) * task.sites.length,
      mostUpdates: referenceRounds * task.sites.length,
      loss: logLoss(plain.trunk, task.test),
      targetLoss: null,
    });
  }
  return plain.trunk;
}

/** What the hub does with updates, on virtual time. */
function openHub(task: LogisticTask, rule: TrunkRule) {
  interface Arrival {
    readonly id: string;
    readonly site: string;
    readonly acceptedAt: string;
    readonly examples: number;
    /** Trunk version that it started from. */
    readonly base: number;
    readonly update: Weights;
  }
  let buffer: readonly Arrival[] = [];
  let arrived = 0;
  const hub = {
    trunk: task.initial,
    optimizerState: null as Weights | null,
    version: 0,
    /** @returns whether it was taken, and whether a commit came of it. */
    take(site: number, base: number, bytes: Uint8Array, clockMs: number): 'refused' | 'buffered' | 'committed' {
      let update: Weights;
      try {
        update = decodeUpdate(bytes, { layout: hub.trunk, form });
      } catch (thrown) {
        if (thrown instanceof Fault) return 'refused';
        throw thrown;
      }
      const examples = task.sites[site]?.count ?? 1;
      const acceptedAt = new Date(clockMs).toISOString();
      arrived += 1;
      buffer = [...buffer, { id: String(arrived), site: String(site), acceptedAt, examples, base, update }];
      const next = nextCommit(buffer, rule, clockMs);
      if (next.updates === null) return 'buffered';
      const commit = openCommit({
        base: hub.trunk,
        rule,
        contributions: next.updates.map((one) => ({ ...one, stalenessCommits: hub.version - one.base })),
        optimizerState: hub.optimizerState,
      });
      for (const one of next.updates) commit.add(one.id, one.update);
      const { weights, optimizerState } = commit.finish();
      Object.assign(hub, { trunk: weights, optimizerState, version: hub.version + 1 });
      buffer = buffer.filter((one) => !next.updates.includes(one));
      return 'committed';
    },
  };
  return hub;
}

/** One rule until the target. @param isSynchronous sites wait for the commit: a buffer as large as the federation is a round */
function* run(
  options: SimulationOptions,
  task: LogisticTask,
  speeds: readonly number[],
  targetLoss: number,
  rule: TrunkRule,
  isSynchronous: boolean,
): Generator<void, RuleOutcome> {
  const random = seededRandom(options.seed + 1);
  const limit = maxUpdatesPerSite * options.sites;
  const liars = lyingSites(options);
  const hub = openHub(task, rule);
  let updates = 0;
  let dropped = 0;
  let refused = 0;
  let stalenessSum = 0;
  let clock = 0;
  let atTarget = 0;
  const working = speeds.map((seconds, site) => ({ site, doneAt: seconds, base: 0, trunk: hub.trunk }));
  const outcome = (secondsToTarget: number | null): RuleOutcome => ({
    secondsToTarget,
    commits: hub.version,
    updates,
    dropped,
    refused,
    meanStaleness: stalenessSum / Math.max(1, updates),
    finalLoss: logLoss(hub.trunk, task.test),
  });
  while (updates + dropped + refused < limit) {
    yield;
    const next = working.reduce((first, other) => (other.doneAt < first.doneAt ? other : first));
    clock = next.doneAt;
    const startAgain = (one: (typeof working)[number]): void => {
      Object.assign(one, { doneAt: clock + (speeds[one.site] ?? 0), base: hub.version, trunk: hub.trunk });
    };
    if (random() < options.dropRate) {
      dropped += 1;
      startAgain(next);
      continue;
    }
    const honest = honestUpdate(next.trunk, task, next.site);
    const bytes = encoded(liars.has(next.site) ? scaled(honest, -lieScale) : honest);
    const stalenessCommits = hub.version - next.base;
    const answer = hub.take(next.site, next.base, bytes, clock * 1_000);
    if (answer === 'refused') {
      refused += 1;
      startAgain(next);
      continue;
    }
    updates += 1;
    stalenessSum += stalenessCommits;
    if (answer === 'committed') {
      const loss = logLoss(hub.trunk, task.test);
      atTarget = loss <= targetLoss ? atTarget + 1 : 0;
      options.onProgress?.({
        rule: isSynchronous ? 'synchronous' : 'asynchronous',
        seconds: clock,
        commits: hub.version,
        updates,
        mostUpdates: limit,
        loss,
        targetLoss,
      });
      if (atTarget === sustainedCommits) return outcome(clock);
      if (isSynchronous) working.forEach(startAgain);
    }
    // A synchronous site waits for the commit; an asynchronous one starts again at once.
    if (!isSynchronous) startAgain(next);
    else if (answer === 'buffered') next.doneAt = Infinity;
  }
  return outcome(null);
}

function lyingSites({ sites, lying }: SimulationOptions): ReadonlySet<number> {
  return new Set(Array.from({ length: lying }, (_, index) => Math.floor(((index + 0.5) * sites) / lying)));
}

function honestUpdate(base: Weights, task: LogisticTask, site: number): Weights {
  const examples = task.sites[site];
  if (!examples) throw new RangeError(`there is no site ${site}`);
  return updateOf(base, trainLocally(base, examples));
}

function scaled(update: Weights, factor: number): Weights {
  return new Map(
    [...update].map(([name, { shape, values }]) => [name, { shape, values: values.map((value) => value * factor) }]),
  );
}

function encoded(update: Weights): Uint8Array {
  return encodeUpdate(update, form);
}
