// A provider earns its place: a few steps of the very network, from the same weights on the same noise, must give the
// CPU's losses, its gradients, and what the optimiser makes of them. The weights alone would say little: three steps hardly move them.
import { initialWeights } from '../../networks/weights.ts';
import { slotNames } from '../../networks/optimisers.ts';
import { slotName } from '../../networks/training-program.ts';
import { randomStream, standardNormals } from '../../run/random.ts';
import type { Batch, NamedTensors, PredictionOptions, Predictor, SessionOptions, TrainingSession } from '../engine.ts';

const steps = 3;
/** All relative; float32 sums in another order differ by less on well-conditioned first steps. */
const maxLossDifference = 2e-3;
const maxGradientDifference = 5e-2;
/** Adam makes a full stride of any gradient, also of one that is but rounding: some of the strides may differ wholly. */
const maxUpdateDifference = 0.25;
const maxStatisticsDifference = 2e-2;
const maxProbabilityDifference = 5e-3;
/** Gradients that are smaller than this share of all gradients' root mean square may be rounding: of a bias before batch norm the true one is 0. */
const negligible = 1e-3;
/** Of those above this share the optimiser's stride is compared. */
const telling = 1e-2;

export type SelfTest =
  | { readonly isRight: true; readonly speedUp: number }
  | { readonly isRight: false; readonly reason: string };

/** Compares a session with one on the CPU. Both are left with weights and optimiser state that mean nothing. */
export async function selfTest(
  candidate: TrainingSession,
  cpu: TrainingSession,
  options: SessionOptions,
): Promise<SelfTest> {
  const weights = initialWeights(options.network, options.classes, 1);
  const batch = noiseBatch(options);
  const [found, expected] = [await trial(candidate, weights, batch), await trial(cpu, weights, batch)];
  const wrong =
    wrongLoss(found.losses, expected.losses) ??
    wrongFirstStep(found, expected, weights, slotNames(options.hyperParameters.optimiser)[0]!);
  return wrong === null
    ? { isRight: true, speedUp: expected.lastMs / found.lastMs }
    : { isRight: false, reason: wrong };
}

/** As `selfTest`, of predictions alone. */
export async function predictionTest(
  candidate: Predictor,
  cpu: Predictor,
  { network, classes, batchSize }: PredictionOptions,
): Promise<SelfTest> {
  const weights = initialWeights(network, classes, 1);
  const { height, width, channels } = network.input;
  const images = standardNormals(randomStream(1), batchSize * height * width * channels);
  const predictions = async (session: Predictor) => {
    session.setWeights(weights);
    await session.predict(images, batchSize);
    const start = performance.now();
    const probabilities = (await session.predict(images, batchSize)).slice();
    return { probabilities, milliseconds: performance.now() - start };
  };
  const [found, expected] = [await predictions(candidate), await predictions(cpu)];
  const difference = norm(minus(found.probabilities, expected.probabilities)) / norm(expected.probabilities);
  if (!(difference <= maxProbabilityDifference))
    return { isRight: false, reason: 'its predictions differ from the CPU’s' };
  return { isRight: true, speedUp: expected.milliseconds / found.milliseconds };
}

interface Trial {
  readonly losses: readonly number[];
  /** After the first step. */
  readonly weights: NamedTensors;
  readonly optimiser: NamedTensors;
  readonly lastMs: number;
}

async function trial(session: TrainingSession, start: Map<string, Float32Array>, batch: Batch): Promise<Trial> {
  session.setWeights(start);
  const losses = [await session.step(batch)];
  const [weights, optimiser] = [session.weights(), session.optimiserState()];
  let lastMs = Number.POSITIVE_INFINITY;
  while (losses.length < steps) {
    const begunAt = performance.now();
    losses.push(await session.step(batch));
    lastMs = performance.now() - begunAt;
  }
  return { losses, weights, optimiser, lastMs };
}

function wrongLoss(found: readonly number[], expected: readonly number[]): string | null {
  for (const [step, loss] of found.entries()) {
    const right = expected[step]!;
    const difference = Math.abs(loss - right) / Math.max(1, Math.abs(right));
    if (!(difference <= maxLossDifference)) return `its loss of step ${step + 1} is ${loss}, the CPU's ${right}`;
  }
  return null;
}

/** Gradients as the optimiser's first slot has them after one step, then what each weight was moved by. */
function wrongFirstStep(found: Trial, expected: Trial, start: NamedTensors, slot: string): string | null {
  const gradients = new Map([...start.keys()].map((name) => [name, expected.optimiser.get(slotName(slot, name))]));
  const all = [...gradients.values()].filter((values) => values !== undefined);
  const usual = Math.hypot(...all.map(norm)) / Math.sqrt(all.reduce((sum, values) => sum + values.length, 0));
  for (const [name, before] of start) {
    const gradient = gradients.get(name);
    const update = minus(expected.weights.get(name)!, before);
    const difference = norm(minus(found.weights.get(name)!, expected.weights.get(name)!));
    const rounding = Math.sqrt(before.length) * usual;
    if (gradient === undefined) {
      // Statistics of batch norm.
      const size = norm(expected.weights.get(name)!);
      if (!(difference <= maxStatisticsDifference * Math.max(size, 1e-3)))
        return `its statistics ${name} differ from the CPU's`;
      continue;
    }
    const off = norm(minus(found.optimiser.get(slotName(slot, name))!, gradient));
    if (!(off <= maxGradientDifference * norm(gradient) + negligible * rounding))
      return `its gradient of ${name} differs from the CPU's`;
    const isTelling = norm(gradient) > telling * rounding;
    if (!Number.isFinite(difference) || (isTelling && !(difference <= maxUpdateDifference * norm(update))))
      return `its update of ${name} differs from the CPU's`;
  }
  return null;
}

function noiseBatch({ network, batchSize, classes }: SessionOptions): Batch {
  const { height, width, channels } = network.input;
  const labelsOf = { classification: 1, 'multi-label': classes, segmentation: height * width };
  const known = network.task === 'multi-label' ? 2 : Math.min(classes, 200);
  return {
    images: standardNormals(randomStream(1), batchSize * height * width * channels),
    labels: Uint8Array.from({ length: batchSize * labelsOf[network.task] }, (_, index) => index % known),
    exampleWeights: new Float32Array(batchSize).fill(1),
    learningRate: 1e-3,
  };
}

function minus(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, index) => value - b[index]!);
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
