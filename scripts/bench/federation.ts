// Federations of eight hospitals on MedNIST, played with the real hub, sites, protocol and trainer on a virtual clock: how much sooner
// asynchronous commits reach the same AUC than rounds, what is lost when sites vanish and the hub dies, and how far the trunk is behind
// central training when the hospitals' classes differ.
import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Network, networkSchema } from '../../src/contract/network.ts';
import { type Scenario, scenarioSchema } from '../../src/sync/simulation/scenario.ts';
import { synchronousTwin } from '../../src/sync/simulation/run-scenario.ts';
import { startTrainer } from '../../src/trainer/client.ts';
import { dealOut, type FederatedDatasets, hasMednist, readMednist, side } from './mednist.ts';
import type { Measurement } from './measurement.ts';
import { type Played, playedSchema, type PlayOrder } from './play-order.ts';

const sites = 8;
/** Virtual: what matters is how the sites' times compare. */
const secondsPerUpdate = 60;
const learningRate = 3e-3;
/** Local epochs between two updates where accuracy is compared, and the updates of a commit. */
const gapEpochs = 3;
const gapBuffer = 8;

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
  /** Sites whose ensemble has a lower AUC than their own model, on their own validation images, in all three federations. */
  readonly ensemblesBelowLocalOnly: number;
  readonly bytesRatio: number;
}

/** @param isQuick fewer images and commits: to see that it works, not to quote. */
export async function federation(
  isQuick: boolean,
): Promise<{ figures: FederationFigures; measurements: Measurement[] } | null> {
  if (!hasMednist()) {
    console.log('MedNIST is not in ../shared/data/mednist-2400: nothing to measure.');
    return null;
  }
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-bench-federation-'));
  const player = openPlayer(folder);
  const trainer = startTrainer();
  try {
    const images = await readMednist(isQuick ? 120 : 400, 1);
    const deal = (alpha: number): FederatedDatasets =>
      dealOut(images, sites, alpha, 1, path.join(folder, `alpha-${alpha}`));
    const order = (data: FederatedDatasets, scenario: Scenario, targetAuc: number | null): PlayOrder => ({
      scenario,
      network: groupNormNetwork,
      hyperParameters: {
        epochs: targetAuc === null ? gapEpochs : 1,
        batchSize: 16,
        learningRate,
        augment: false,
        schedule: scenario.targetShare === null ? 'cosine' : 'constant',
      },
      siteFiles: [...data.siteFiles],
      centralFile: data.centralFile,
      targetAuc,
      localOnlyEpochs: 12,
    });

    const even = deal(1);
    const target = isQuick ? 0.9 : 0.98;
    const race = (spread: number, storm: Partial<Scenario> = {}): Scenario =>
      scenarioSchema.parse({
        name: `speeds ${spread}×`,
        sites,
        training: { kind: 'logistic', secondsPerUpdate, speedSpread: spread },
        project: { trunkRule: { bufferSize: 4, maxStalenessCommits: 100 }, commits: 400 },
        // The score decides; see `targetAuc`.
        targetShare: 0.5,
        ...storm,
      });
    const against = async (scenario: Scenario): Promise<{ speedup: number | null; plays: Played[] }> => {
      const async = await player.play(order(even, scenario, target));
      const rounds = await player.play(order(even, synchronousTwin(scenario), target));
      const [ours, theirs] = [async.outcome.secondsToTarget, rounds.outcome.secondsToTarget];
      console.log(`  ${scenario.name}: ${ours?.toFixed(0)} s against ${theirs?.toFixed(0)} s`);
      return { speedup: ours === null || theirs === null ? null : theirs / ours, plays: [async, rounds] };
    };
    const [one, four, twenty] = [await against(race(1)), await against(race(4)), await against(race(20))];
    const storm = await against(
      race(4, {
        name: '30 % vanish, the hub dies twice',
        churn: { ...race(1).churn, vanishShare: 0.3, vanishAtSeconds: 2 * secondsPerUpdate },
        hub: { killAtSeconds: [secondsPerUpdate, 4 * secondsPerUpdate], downSeconds: 30 },
      }),
    );

    const commits = isQuick ? 5 : 40;
    const gap = async (
      alpha: number,
    ): Promise<{ points: number; trunk: number; central: number; below: number; bytesRatio: number }> => {
      const data = deal(alpha);
      const scenario = scenarioSchema.parse({
        name: `alpha ${alpha}`,
        sites,
        training: { kind: 'logistic', secondsPerUpdate, speedSpread: 4 },
        project: { trunkRule: { bufferSize: gapBuffer, maxStalenessCommits: 100 }, commits, peerModels: true },
      });
      const played = await player.play(order(data, scenario, null));
      const runFolder = path.join(folder, `central-${alpha}`);
      mkdirSync(runFolder);
      const epochs = isQuick ? 10 : 30;
      const central = await trainer.train({
        job: 'train',
        runFolder,
        datasetFile: data.centralFile,
        network: groupNormNetwork,
        hyperParameters: { epochs, batchSize: 16, learningRate, augment: false },
        seed: 1,
        provider: 'cpu',
        threads: 1,
        evaluate: true,
      });
      const centralAccuracy = central.test?.accuracy?.value ?? 0;
      const below = played.outcome.sites.filter(({ scoreboard }) => {
        const auc = (model: string): number | undefined =>
          scoreboard?.rows.find((row) => row.model === model)?.auc?.value;
        const [ensemble, alone] = [auc('ensemble'), auc('local-only')];
        // A site without a scoreboard has not shown it.
        return ensemble === undefined || alone === undefined || ensemble < alone - 1e-9;
      }).length;
      console.log(
        `  alpha ${alpha}: trunk ${played.trunk.accuracy.toFixed(4)}, central ${centralAccuracy.toFixed(4)}, sites of ${data.siteExamples.join(' ')} images, ensembles below local-only ${below}`,
      );
      return {
        points: 100 * (centralAccuracy - played.trunk.accuracy),
        trunk: played.trunk.accuracy,
        central: centralAccuracy,
        below,
        bytesRatio: played.bytesRatio,
      };
    };
    const [alpha1, alpha03, alpha01] = [await gap(1), await gap(0.3), await gap(0.1)];
    const raced = [one, four, twenty, storm].flatMap(({ plays }) => plays);
    const figures: FederationFigures = {
      speedup1x: one.speedup,
      speedup4x: four.speedup,
      speedup20x: twenty.speedup,
      speedupWithLosses: storm.speedup,
      lost: raced.reduce((sum, { outcome }) => sum + outcome.updates.lost, 0),
      duplicated: raced.reduce((sum, { outcome }) => sum + outcome.updates.duplicated, 0),
      gapAlpha1: alpha1.points,
      gapAlpha03: alpha03.points,
      gapAlpha01: alpha01.points,
      ensemblesBelowLocalOnly: alpha1.below + alpha03.below + alpha01.below,
      bytesRatio: alpha1.bytesRatio,
    };
    return { figures, measurements: measured(figures, target, isQuick) };
  } finally {
    trainer.close();
    player.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function measured(figures: FederationFigures, target: number, isQuick: boolean): Measurement[] {
  const note = isQuick ? 'quick: fewer images and commits' : 'virtual time, real training';
  const times = (what: string, ratio: number | null): Measurement => ({
    what: `${what}: time to a test AUC of ${target} in rounds over that with asynchronous commits`,
    ours: ratio ?? 0,
    unit: '×',
    peers: [],
    ratio,
    note: ratio === null ? 'not both reached it' : note,
  });
  const plain = (what: string, ours: number, unit: string, more = ''): Measurement => ({
    what,
    ours,
    unit,
    peers: [],
    ratio: null,
    note: more || note,
  });
  return [
    times('equal speeds', figures.speedup1x),
    times('slowest 4× slower', figures.speedup4x),
    times('slowest 20× slower', figures.speedup20x),
    times('3 of 10 vanish, the hub dies twice', figures.speedupWithLosses),
    plain('acknowledged updates lost', figures.lost, 'updates'),
    plain('updates counted twice', figures.duplicated, 'updates'),
    plain('accuracy of the trunk behind central training, Dirichlet 1', figures.gapAlpha1, 'points'),
    plain('Dirichlet 0.3', figures.gapAlpha03, 'points'),
    plain('Dirichlet 0.1', figures.gapAlpha01, 'points'),
    plain('ensembles below local-only on their own validation images', figures.ensemblesBelowLocalOnly, 'of 24 sites'),
    plain('bytes of an update over float32', figures.bytesRatio, 'of 1', 'the default codec, its header included'),
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
