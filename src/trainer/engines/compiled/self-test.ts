// A provider earns its place: a few steps of the very network, from the same weights on the same noise, must give the
// CPU's losses and weights.
import { initialWeights } from '../../networks/weights.ts';
import { randomStream, standardNormals } from '../../run/random.ts';
import type { Batch, SessionOptions, TrainingSession } from '../engine.ts';

const steps = 3;
/** Relative; float32 sums in another order differ by less on well-conditioned first steps. */
const maxLossDifference = 2e-3;
const maxWeightDifference = 2e-2;

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
  for (const [step, loss] of found.losses.entries()) {
    const right = expected.losses[step]!;
    const difference = Math.abs(loss - right) / Math.max(1, Math.abs(right));
    if (!(difference <= maxLossDifference)) {
      return { isRight: false, reason: `its loss of step ${step + 1} is ${loss}, the CPU's ${right}` };
    }
  }
  const theirs = cpu.weights();
  for (const [name, values] of candidate.weights()) {
    if (!(relativeDistance(values, theirs.get(name)!) <= maxWeightDifference)) {
      return { isRight: false, reason: `its weights ${name} differ from the CPU's` };
    }
  }
  return { isRight: true, speedUp: expected.lastMs / found.lastMs };
}

async function trial(
  session: TrainingSession,
  weights: Map<string, Float32Array>,
  batch: Batch,
): Promise<{ losses: number[]; lastMs: number }> {
  session.setWeights(weights);
  const losses: number[] = [];
  let lastMs = Number.POSITIVE_INFINITY;
  for (let step = 0; step < steps; step += 1) {
    const start = performance.now();
    losses.push(await session.step(batch));
    lastMs = performance.now() - start;
  }
  return { losses, lastMs };
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

function relativeDistance(a: Float32Array, b: Float32Array): number {
  let difference = 0;
  let size = 0;
  for (let index = 0; index < a.length; index += 1) {
    difference += (a[index]! - b[index]!) ** 2;
    size += b[index]! ** 2;
  }
  return Math.sqrt(difference / Math.max(size, 1e-6));
}
