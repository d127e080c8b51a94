// MedNIST as the task of a simulated federation: the product's trainer trains and evaluates, one job after the other, in its own process.
// What was trained once from the same trunk with the same seed is not trained again.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { z } from 'zod';
import { projectSchema, type Project } from '../../src/contract/federation.ts';
import type { Evaluation } from '../../src/contract/training.ts';
import { readSplit } from '../../src/station/cohorts/read-split.ts';
import { localHyperParameters } from '../../src/station/federated-schedule.ts';
import { decodeWeights, encodeWeights, parameterCount } from '../../src/sync/aggregation/weights.ts';
import type { SimulatedTask } from '../../src/sync/simulation/simulated-task.ts';
import type { SiteWork } from '../../src/sync/site/site-work.ts';
import { initialWeights, metricsOf, startTrainer, weightSpecifications } from '../../src/trainer/client.ts';
import { mednistClasses } from './mednist.ts';
import type { playOrderSchema } from './play-order.ts';

type Order = z.infer<typeof playOrderSchema>;
type Trained = { readonly weights: Uint8Array; readonly examples: number; readonly loss: number };

export interface MednistTask extends SimulatedTask {
  /** Of the last trunk that was scored, on the test set. */
  trunkMetrics(): Promise<{ readonly accuracy: number; readonly auc: number }>;
  readonly parameters: number;
}

export function openMednistTask(folder: string): { taskOf(order: Order): MednistTask; close(): void } {
  const trainer = startTrainer();
  const trained = new Map<string, Promise<Trained>>();
  let jobs = 0;
  const shared = { engine: 'compiled', provider: 'cpu', threads: 1 } as const;
  const weightsFile = (weights: Uint8Array): string => {
    const file = path.join(folder, `${createHash('sha256').update(weights).digest('hex')}.safetensors`);
    writeFileSync(file, weights);
    return file;
  };

  const train = (
    order: Order,
    site: number,
    epochs: Partial<Order['hyperParameters']>,
    seed: number,
    from: Uint8Array,
  ): Promise<Trained> => {
    const datasetFile = order.siteFiles[site]!;
    const hyperParameters = { ...order.hyperParameters, ...epochs };
    const key = createHash('sha256')
      .update(JSON.stringify([datasetFile, order.network.name, hyperParameters, seed]))
      .update(from)
      .digest('hex');
    const known = trained.get(key);
    if (known !== undefined) return known;
    const made = (async () => {
      jobs += 1;
      const runFolder = path.join(folder, `job-${jobs}`);
      mkdirSync(runFolder, { recursive: true });
      const outcome = await trainer.train({
        ...shared,
        job: 'train',
        runFolder,
        datasetFile,
        network: order.network,
        hyperParameters,
        seed,
        initialWeightsFile: weightsFile(from),
        evaluate: false,
      });
      const weights = new Uint8Array(readFileSync(outcome.weightsFile));
      rmSync(runFolder, { recursive: true, force: true });
      return { weights, examples: outcome.examples, loss: outcome.epochs.at(-1)?.loss ?? 0 };
    })();
    trained.set(key, made);
    return made;
  };
  const evaluate = (
    order: Order,
    datasetFile: string,
    weights: Uint8Array,
    split: 'validation' | 'test',
  ): Promise<Evaluation> =>
    trainer.evaluate({
      ...shared,
      job: 'evaluate',
      datasetFile,
      network: order.network,
      weightsFile: weightsFile(weights),
      split,
    });

  return {
    taskOf(order) {
      const project = projectOf(order);
      const initial = firstWeights(order);
      let lastTrunk = initial;
      const workOf = (site: number): SiteWork => ({
        async trainUpdate({ trunkWeights, trunkVersion, turn }) {
          const parameters = localHyperParameters(project, trunkVersion);
          const seed = (order.scenario.seed + 7_919 * (turn + 1) + site) >>> 0;
          return train(order, site, parameters, seed, trunkWeights);
        },
        // The images are public ones, and what is measured is the accuracy.
        probeLeak: async () => ({
          isRecognised: false,
          failure: null,
          sentence: 'No leak probe was run: the images are public.',
          similarity: null,
          images: 0,
        }),
        trainLocalOnly: () =>
          train(order, site, { epochs: order.localOnlyEpochs, schedule: 'cosine' }, order.scenario.seed, initial),
        async evaluate({ weights, split }) {
          const { metrics, probabilities, labels } = await evaluate(order, order.siteFiles[site]!, weights, split);
          return { metrics, probabilities, labels: Int32Array.from(labels) };
        },
        async measure({ probabilities, split }) {
          const { labels, patients } = readSplit(order.siteFiles[site]!, split);
          return metricsOf(probabilities, Int32Array.from(labels), patients, mednistClasses);
        },
        layoutOf: (network, classes) => weightSpecifications(network, classes),
        datasetFingerprint: async (cohort) =>
          createHash('sha256').update(`${cohort} ${order.siteFiles[site]}`).digest('hex'),
      });
      return {
        project,
        initialWeights: initial,
        workOf,
        async score(weights) {
          lastTrunk = weights;
          return (await evaluate(order, order.centralFile, weights, 'test')).metrics.auc?.value ?? 0;
        },
        targetScore: order.targetAuc,
        async trunkMetrics() {
          const { metrics } = await evaluate(order, order.centralFile, lastTrunk, 'test');
          return { accuracy: metrics.accuracy?.value ?? 0, auc: metrics.auc?.value ?? 0 };
        },
        parameters: parameterCount(decodeWeights(initial)),
      };
    },
    close: () => trainer.close(),
  };
}

function firstWeights({ network, scenario }: Order): Uint8Array {
  const values = initialWeights(network, mednistClasses.length, scenario.seed);
  const specifications = weightSpecifications(network, mednistClasses.length);
  return encodeWeights(
    new Map(specifications.map(({ name, shape }) => [name, { shape: [...shape], values: values.get(name)! }])),
  );
}

function projectOf({ scenario, network, hyperParameters }: Order): Project {
  return projectSchema.parse({
    id: 'mednist',
    title: 'MedNIST',
    classes: mednistClasses,
    network,
    hyperParameters,
    ...scenario.project,
    seed: scenario.seed,
  });
}
