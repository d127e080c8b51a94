// The logistic task as a project and as the work of its sites, in the shapes that hub and site know.
import { createHash } from 'node:crypto';
import { projectSchema, type Project } from '../../contract/federation.ts';
import { metricsSchema } from '../../contract/metrics.ts';
import { decodeWeights, encodeWeights } from '../aggregation/weights.ts';
import type { SiteWork } from '../site/site-work.ts';
import { type Examples, logisticTask, logLoss, probabilitiesOf, trainLocally } from './logistic-sites.ts';
import type { Scenario } from './scenario.ts';
import { referenceTrunk } from './simulate.ts';
import type { SimulatedTask } from './simulated-task.ts';

/** The task of a scenario; the same scenario gives the same. */
export function logisticWork(scenario: Scenario): SimulatedTask {
  const task = logisticTask(scenario.sites, scenario.seed);
  const initial = encodeWeights(task.initial);
  const initialLoss = logLoss(task.initial, task.test);
  const { targetShare } = scenario;
  const targetLoss =
    targetShare === null ? null : initialLoss + targetShare * (logLoss(referenceTrunk(task), task.test) - initialLoss);
  return {
    project: logisticProject(scenario),
    initialWeights: initial,
    workOf: (site) => workOn(task.sites[site]!, site),
    score: async (weights) => -logLoss(decodeWeights(weights), task.test),
    targetScore: targetLoss === null ? null : -targetLoss,
  };
}

function logisticProject({ project, seed, name }: Scenario): Project {
  return projectSchema.parse({
    id: 'simulated',
    title: name || 'Simulated',
    classes: ['healthy', 'ill'],
    network: {
      name: 'logistic-regression',
      description: 'One dense layer',
      input: { height: 8, width: 8, channels: 1 },
      layers: [
        { op: 'global-average-pool', id: 'pool', input: 'input' },
        { op: 'dense', id: 'logits', input: 'pool', units: 'classes' },
      ],
      output: 'logits',
    },
    hyperParameters: {},
    ...project,
    seed,
  });
}

function workOn(examples: Examples, site: number): SiteWork {
  const labels = Int32Array.from(examples.labels);
  return {
    async trainUpdate({ trunkWeights }) {
      const trained = trainLocally(decodeWeights(trunkWeights), examples);
      return { weights: encodeWeights(trained), examples: examples.count, loss: logLoss(trained, examples) };
    },
    probeLeak: async () => ({
      isRecognised: false,
      failure: null,
      sentence: 'The examples of a simulation are made-up numbers: there is no image that could be recognised.',
      similarity: 0,
      images: 0,
    }),
    async trainLocalOnly() {
      const trained = trainLocally(new Map([['weights', { shape: [17], values: new Float32Array(17) }]]), examples);
      return { weights: encodeWeights(trained), examples: examples.count };
    },
    async evaluate({ weights }) {
      const probabilities = probabilitiesOf(decodeWeights(weights), examples);
      return { metrics: measured(probabilities, labels), probabilities, labels };
    },
    measure: async ({ probabilities }) => measured(probabilities, labels),
    layoutOf: () => [{ name: 'weights', shape: [17] }],
    datasetFingerprint: async (cohort) => createHash('sha256').update(`${cohort} ${site}`).digest('hex'),
  };
}

function measured(probabilities: Float32Array, labels: Int32Array) {
  let loss = 0;
  let right = 0;
  labels.forEach((label, index) => {
    const probability = probabilities[2 * index + label]!;
    loss -= Math.log(Math.max(probability, 1e-7)) / labels.length;
    if (probability > 0.5) right += 1 / labels.length;
  });
  return metricsSchema.parse({
    examples: labels.length,
    patients: labels.length,
    loss,
    accuracy: { value: right, low: right, high: right },
    auc: null,
    balancedAccuracy: right,
    calibrationError: 0,
    perClass: [],
    confusion: [],
  });
}
