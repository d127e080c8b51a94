// Federations of eight hospitals on MedNIST, played with the real hub, sites, protocol and trainer on a virtual clock: how much sooner
// asynchronous commits reach the same AUC than rounds, what is lost when sites vanish and the hub dies, and how far the trunk is behind
// central training when the hospitals' classes differ.
import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { newProjectValues } from '../../src/contract/project-draft.ts';
import { type Network, networkSchema } from '../../src/contract/network.ts';
import { type Scenario, scenarioSchema } from '../../src/sync/simulation/scenario.ts';
import { synchronousTwin } from '../../src/sync/simulation/run-scenario.ts';
import { startTrainer, type TrainerProcess } from '../../src/trainer/client.ts';
import { dealOut, type FederatedDatasets, hasMednist, type Mednist, readMednist, side } from './mednist.ts';
import type { Measurement } from './measurement.ts';
import { type Played, playedSchema, type PlayOrder } from './play-order.ts';

const sites = 8;
/** Virtual: what matters is how the sites' times compare. */
const secondsPerUpdate = 60;
/** Of Adam, in central training; races are trained with the app's own. */
const learningRate = 3e-3;
/**
 * Where accuracy is compared, hospitals' classes differ. Adam begins anew with each update and makes every site's step equally long, however
 * little it still has to learn, so that the trunk settles elsewhere than in rounds of plain gradients; momentum does not.
 */
const gapTraining = {
  epochs: 1,
  optimiser: 'sgd',
  learningRate: 0.1,
  clipNorm: 1,
  // Weighing up the three images of a class that a site has makes noise of them.
  balanceClasses: false,
  schedule: 'cosine',
} as const;
const gapCommits = 120;
/** A slow hospital's images count like a quick one's. */
const gapRule = {
  bufferSize: 8,
  maxStalenessCommits: 100,
  combination: { kind: 'mean', of: 'sites' },
  staleness: { kind: 'constant' },
} as const;
/**
 * Each with its own deal and initial weights: of 600 test images one is 0.17 points, so a single federation says little of a gap of half a
 * point; and rounds come to a target in two or three of them, so that a single one says little of how much sooner others are there.
 */
const seeds = [1, 2, 3];
/** Nobody waits for a second update; what a stale one counts is a new project's own. The slowest of 20× is some 80 commits late. */
const { staleness, stalenessEffect } = newProjectValues;
const raceRule = { bufferSize: 1, staleness, stalenessEffect, maxStalenessCommits: 200 } as const;

/** Updates that travel in an eighth of the bytes of float32, and less. */
const smallUpdates = { updateCodec: 'top-k', updateCompression: 'zstd' } as const;

/** What can be measured by itself: the whole takes about a quarter of an hour on an idle core. */
export const federationParts = ['speeds', 'losses', 'gap-1', 'gap-0.3', 'gap-0.1', 'bytes'] as const;
export type FederationPart = (typeof federationParts)[number];

export interface FederationFigures {
  readonly speedup1x: number | null;
  readonly speedup4x: number | null;
  readonly speedup20x: number | null;
  readonly speedupWithLosses: number | null;
  readonly lost: number;
  readonly duplicated: number;
  readonly gapAlpha1: number;
  readonly gapAlpha03: number;
  readonly gapAlpha01: number;
  /** Sites whose ensemble has a lower AUC (accuracy, where all are of one class) than their own model, on their own validation images. */
  readonly ensemblesBelowLocalOnlyAlpha1: number;
  readonly ensemblesBelowLocalOnlyAlpha03: number;
  readonly ensemblesBelowLocalOnlyAlpha01: number;
  /** Bytes of an update's file over those of its float32 values, with `smallUpdates`. */
  readonly bytesRatio: number;
  /** Accuracy with float32 less that with `smallUpdates`, of the same federations with two seeds, in points. */
  readonly smallUpdatesCost: number;
}

/** @param isQuick fewer images and commits: to see that it works, not to quote. @param parts empty: all. */
export async function federation(
  isQuick: boolean,
  parts: readonly FederationPart[] = [],
): Promise<{ figures: Partial<FederationFigures>; measurements: Measurement[] } | null> {
  if (!hasMednist()) {
    console.log('MedNIST is not in ../shared/data/mednist-2400: nothing to measure.');
    return null;
  }
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-bench-federation-'));
  const player = openPlayer(folder);
  const trainer = startTrainer();
  try {
    const images = await readMednist(isQuick ? 120 : 400, 1);
    const bench = { isQuick, folder, player, trainer, deal: dealer(images, folder) };
    const figures: Partial<FederationFigures> = {};
    for (const part of parts.length > 0 ? parts : federationParts)
      Object.assign(figures, await measuredPart(part, bench));
    return { figures, measurements: measured(figures, isQuick) };
  } finally {
    trainer.close();
    player.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

interface Bench {
  readonly isQuick: boolean;
  readonly folder: string;
  readonly player: ReturnType<typeof openPlayer>;
  readonly trainer: TrainerProcess;
  readonly deal: (alpha: number, seed: number) => FederatedDatasets;
}

/** Each deal once. */
function dealer(images: Mednist, folder: string): Bench['deal'] {
  const dealt = new Map<string, FederatedDatasets>();
  return (alpha, seed) => {
    const key = `alpha-${alpha}-${seed}`;
    const data = dealt.get(key) ?? dealOut(images, sites, alpha, seed, path.join(folder, key));
    dealt.set(key, data);
    return data;
  };
}

async function measuredPart(part: FederationPart, bench: Bench): Promise<Partial<FederationFigures>> {
  switch (part) {
    case 'speeds': {
      const [one, four, twenty] = [
        await against(bench, race(1)),
        await against(bench, race(4)),
        await against(bench, race(20)),
      ];
      return { speedup1x: one.speedup, speedup4x: four.speedup, speedup20x: twenty.speedup };
    }
    case 'losses': {
      const storm = race(4, {
        name: '30 % vanish, the hub dies twice',
        churn: { ...race(1).churn, vanishShare: 0.3, vanishAtSeconds: 2 * secondsPerUpdate },
        hub: { killAtSeconds: [secondsPerUpdate, 4 * secondsPerUpdate], downSeconds: 30 },
      });
      const { speedup, plays } = await against(bench, storm);
      const sum = (of: 'lost' | 'duplicated'): number =>
        plays.reduce((all, { outcome }) => all + outcome.updates[of], 0);
      return { speedupWithLosses: speedup, lost: sum('lost'), duplicated: sum('duplicated') };
    }
    case 'gap-1': {
      const { points, below } = await gap(bench, 1);
      return { gapAlpha1: points, ensemblesBelowLocalOnlyAlpha1: below };
    }
    case 'gap-0.3': {
      const { points, below } = await gap(bench, 0.3);
      return { gapAlpha03: points, ensemblesBelowLocalOnlyAlpha03: below };
    }
    case 'gap-0.1': {
      const { points, below } = await gap(bench, 0.1);
      return { gapAlpha01: points, ensemblesBelowLocalOnlyAlpha01: below };
    }
    case 'bytes':
      return bytes(bench);
  }
}

function orderOf({ isQuick }: Bench, data: FederatedDatasets, scenario: Scenario): PlayOrder {
  const isRace = scenario.targetShare !== null;
  return {
    scenario,
    network: groupNormNetwork,
    hyperParameters: {
      batchSize: 16,
      augment: false,
      ...(isRace ? { epochs: 1, schedule: 'constant' } : gapTraining),
    },
    siteFiles: [...data.siteFiles],
    centralFile: data.centralFile,
    targetAuc: isRace ? targetOf(isQuick) : null,
    localOnlyEpochs: 12,
  };
}

const targetOf = (isQuick: boolean): number => (isQuick ? 0.9 : 0.98);

function race(spread: number, storm: Partial<Scenario> = {}): Scenario {
  return scenarioSchema.parse({
    name: `speeds ${spread}×`,
    sites,
    training: { kind: 'logistic', secondsPerUpdate, speedSpread: spread },
    project: { trunkRule: raceRule, commits: 400 },
    // The score decides; see `targetAuc`.
    targetShare: 0.5,
    ...storm,
  });
}

const seedsOf = ({ isQuick }: Pick<Bench, 'isQuick'>): readonly number[] => (isQuick ? seeds.slice(0, 1) : seeds);

/** Time to the target in rounds over that with asynchronous commits, each the sum over the seeds; null when one did not get there. */
async function against(bench: Bench, scenario: Scenario): Promise<{ speedup: number | null; plays: Played[] }> {
  const plays: Played[] = [];
  const total = { async: 0, rounds: 0 };
  let hasMissed = false;
  for (const seed of seedsOf(bench)) {
    const even = bench.deal(1, seed);
    for (const [kind, one] of [
      ['async', { ...scenario, seed }],
      ['rounds', synchronousTwin({ ...scenario, seed })],
    ] as const) {
      const played = await bench.player.play(orderOf(bench, even, one));
      plays.push(played);
      const { secondsToTarget } = played.outcome;
      console.log(`  ${scenario.name}, seed ${seed}, ${kind}: ${secondsToTarget?.toFixed(0)} s`);
      if (secondsToTarget === null) hasMissed = true;
      else total[kind] += secondsToTarget;
    }
  }
  return { speedup: hasMissed ? null : total.rounds / total.async, plays };
}

/** A federation whose accuracy is looked at, to the end of its commits. */
function toTheEnd({ isQuick }: Bench, alpha: number, seed: number, project: Partial<Scenario['project']>): Scenario {
  return scenarioSchema.parse({
    name: `alpha ${alpha}`,
    sites,
    seed,
    training: { kind: 'logistic', secondsPerUpdate, speedSpread: 4 },
    project: {
      trunkRule: gapRule,
      commits: isQuick ? 5 : gapCommits,
      ...project,
    },
  });
}

/** Points that the trunk is behind central training, the mean of the federations; ensembles below local-only in all of them. */
async function gap(bench: Bench, alpha: number): Promise<{ points: number; below: number }> {
  const gaps = [];
  for (const seed of seedsOf(bench)) gaps.push(await gapOf(bench, alpha, seed));
  return {
    points: gaps.reduce((sum, { points }) => sum + points, 0) / gaps.length,
    below: gaps.reduce((sum, { below }) => sum + below, 0),
  };
}

async function gapOf(bench: Bench, alpha: number, seed: number): Promise<{ points: number; below: number }> {
  const data = bench.deal(alpha, seed);
  const played = await bench.player.play(orderOf(bench, data, toTheEnd(bench, alpha, seed, { peerModels: true })));
  const runFolder = path.join(bench.folder, `central-${alpha}-${seed}`);
  mkdirSync(runFolder);
  const central = await bench.trainer.train({
    job: 'train',
    runFolder,
    datasetFile: data.centralFile,
    network: groupNormNetwork,
    hyperParameters: { epochs: bench.isQuick ? 10 : 30, batchSize: 16, learningRate, augment: false },
    seed,
    provider: 'cpu',
    threads: 1,
    evaluate: true,
  });
  const centralAccuracy = central.test?.accuracy?.value ?? 0;
  const below = played.outcome.sites.filter(({ scoreboard }) => {
    const score = (model: string): number | undefined => {
      const row = scoreboard?.rows.find((one) => one.model === model);
      // A site whose validation images are all of one class has no AUC.
      return (row?.auc ?? row?.accuracy)?.value;
    };
    const [ensemble, alone] = [score('ensemble'), score('local-only')];
    // A site without a scoreboard has not shown it.
    return ensemble === undefined || alone === undefined || ensemble < alone - 1e-9;
  }).length;
  console.log(
    `  alpha ${alpha}, seed ${seed}: trunk ${played.trunk.accuracy.toFixed(4)}, central ${centralAccuracy.toFixed(4)}, sites of ${data.siteExamples.join(' ')} images, ensembles below local-only ${below}`,
  );
  return { points: 100 * (centralAccuracy - played.trunk.accuracy), below };
}

async function bytes(bench: Bench): Promise<Pick<FederationFigures, 'bytesRatio' | 'smallUpdatesCost'>> {
  const data = bench.deal(1, 1);
  const smallSeeds = bench.isQuick ? [1] : [1, 2];
  let cost = 0;
  let ratio = 0;
  for (const seed of smallSeeds) {
    const playedWith = (project: Partial<Scenario['project']>): Promise<Played> =>
      bench.player.play(orderOf(bench, data, toTheEnd(bench, 1, seed, project)));
    const whole = await playedWith({ updateCodec: 'float32' });
    const small = await playedWith(smallUpdates);
    console.log(
      `  seed ${seed}: accuracy ${whole.trunk.accuracy.toFixed(4)} with float32, ${small.trunk.accuracy.toFixed(4)} in ${small.bytesRatio.toFixed(4)} of its bytes`,
    );
    cost += (100 * (whole.trunk.accuracy - small.trunk.accuracy)) / smallSeeds.length;
    ratio += small.bytesRatio / smallSeeds.length;
  }
  return { bytesRatio: ratio, smallUpdatesCost: cost };
}

function measured(figures: Partial<FederationFigures>, isQuick: boolean): Measurement[] {
  const note = isQuick ? 'quick: fewer images and commits' : `virtual time, real training, ${seeds.length} federations`;
  const times = (what: string, of: keyof FederationFigures): Measurement[] => {
    const ratio = figures[of];
    if (ratio === undefined) return [];
    return [
      {
        what: `${what}: time to a test AUC of ${targetOf(isQuick)} in rounds over that with asynchronous commits`,
        ours: ratio ?? 0,
        unit: '×',
        peers: [],
        ratio,
        note: ratio === null ? 'not both reached it' : note,
      },
    ];
  };
  const plain = (what: string, of: keyof FederationFigures, unit: string, more = note): Measurement[] => {
    const ours = figures[of];
    return ours === undefined || ours === null ? [] : [{ what, ours, unit, peers: [], ratio: null, note: more }];
  };
  const gapNote = isQuick ? note : `mean of ${seeds.length} federations with their own deals and initial weights`;
  const below = (alpha: string, of: keyof FederationFigures): Measurement[] =>
    plain(
      `ensembles below local-only on their own validation images, Dirichlet ${alpha}`,
      of,
      `of ${isQuick ? sites : seeds.length * sites} sites`,
    );
  return [
    ...times('equal speeds', 'speedup1x'),
    ...times('slowest 4× slower', 'speedup4x'),
    ...times('slowest 20× slower', 'speedup20x'),
    ...times('3 of 10 vanish, the hub dies twice', 'speedupWithLosses'),
    ...plain('acknowledged updates lost', 'lost', 'updates'),
    ...plain('updates counted twice', 'duplicated', 'updates'),
    ...plain('accuracy of the trunk behind central training, Dirichlet 1', 'gapAlpha1', 'points', gapNote),
    ...plain('accuracy of the trunk behind central training, Dirichlet 0.3', 'gapAlpha03', 'points', gapNote),
    ...plain('accuracy of the trunk behind central training, Dirichlet 0.1', 'gapAlpha01', 'points', gapNote),
    ...below('1', 'ensemblesBelowLocalOnlyAlpha1'),
    ...below('0.3', 'ensemblesBelowLocalOnlyAlpha03'),
    ...below('0.1', 'ensemblesBelowLocalOnlyAlpha01'),
    ...plain(
      'bytes of an update over float32',
      'bytesRatio',
      'of 1',
      'top-k of a tenth, packed with zstd; names and places included',
    ),
    ...plain(
      'what these small updates cost in accuracy',
      'smallUpdatesCost',
      'points',
      isQuick ? note : 'mean of two seeds, Dirichlet 1',
    ),
  ];
}

function openPlayer(folder: string): { play(order: PlayOrder): Promise<Played>; close(): void } {
  const child = fork(fileURLToPath(new URL('./federation-play.ts', import.meta.url)), [folder], {
    execArgv: ['--max-old-space-size=4096'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return {
    play: (order) =>
      new Promise((resolve, reject) => {
        const ended = (): void => reject(new Error('the process that plays federations ended'));
        child.once('exit', ended);
        child.once('message', (raw) => {
          child.off('exit', ended);
          const played = playedSchema.parse(raw);
          if ('failure' in played) reject(new Error(played.failure));
          else resolve(played);
        });
        child.send(order);
      }),
    close: () => void child.kill('SIGTERM'),
  };
}

/** Three convolutions with group norm: batch norm's statistics of unlike hospitals do not go together. */
const groupNormNetwork: Network = networkSchema.parse({
  name: 'three-blocks-group-norm',
  description: 'Three small convolution blocks for benchmarks.',
  input: { height: side, width: side, channels: 1 },
  layers: [
    ...block(1, 'input', 8),
    ...block(2, 'pool-1', 16),
    ...block(3, 'pool-2', 32),
    { op: 'global-average-pool', id: 'average', input: 'pool-3' },
    { op: 'dense', id: 'logits', input: 'average', units: 'classes' },
  ],
  output: 'logits',
});

function block(number: number, input: string, filters: number): object[] {
  return [
    { op: 'conv', id: `conv-${number}`, input, filters, kernel: 3, bias: false },
    { op: 'group-norm', id: `norm-${number}`, input: `conv-${number}`, groups: 4 },
    { op: 'relu', id: `relu-${number}`, input: `norm-${number}` },
    { op: 'max-pool', id: `pool-${number}`, input: `relu-${number}`, size: 2, stride: 2 },
  ];
}
