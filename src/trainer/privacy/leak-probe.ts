// Would an update give an image away? Attacks the site's own next gradient as an eavesdropper could who knows the network,
// its weights and the labels, and compares what comes out with the true image and with others.
import type { LeakProbe, LeakProbeJob } from '../../contract/leak-probe.ts';
import type { HyperParameters } from '../../contract/training.ts';
import { openCompiledStore } from '../engines/compiled/compiled-store.ts';
import { StepInputs } from '../engines/step-inputs.ts';
import { jobStopped, nothingToTrainOn } from '../faults.ts';
import { planNetwork } from '../networks/plan.ts';
import { stepNames } from '../networks/training-program.ts';
import { initialWeights, weightSpecifications } from '../networks/weights.ts';
import { batchSource } from '../run/batches.ts';
import { classWeightsFor } from '../run/class-weights.ts';
import { checkImagesFit, openDatasetFile } from '../run/dataset-file.ts';
import { randomStream, shuffled } from '../run/random.ts';
import type { RunControl } from '../run/run-control.ts';
import { readWeightsFile } from '../run/weights-file.ts';
import { clippedGradients, normName, sumName } from './clipped-gradients.ts';
import { invertGradient } from './gradient-inversion.ts';
import { privacyFault } from './faults.ts';
import { refuseBatchNorm } from './group-norm-twin.ts';
import { matchedGradients } from './matched-gradients.ts';
import { cryptographicChance } from './noise.ts';
import { gradientName } from './private-update.ts';
import { likenessOf } from './recognition.ts';
import { structuralSimilarity } from './structural-similarity.ts';

/** Other images that the guess is compared with. */
const mostOthers = 99;
/** Fewer tries say nothing: they are made also where the time is over, up to so many times the time. */
const leastIterations = 20;
const mostOvertime = 10;

/**
 * Runs the probe. The attack takes `maxSeconds`, and up to ten times as long where it had time for too few tries otherwise; how
 * many it made is told.
 * @throws Fault 350–353 (data set), 355 (weights), 361 (stopped), 365 (class weights), 682 (batch norm with a privacy promise), 683.
 */
export async function probeLeak(job: LeakProbeJob, { control }: { readonly control: RunControl }): Promise<LeakProbe> {
  const startedAt = performance.now();
  const dataset = openDatasetFile(job.datasetFile);
  try {
    const { network, seed, privacy } = job;
    checkImagesFit(dataset.header, network);
    const { mean, standardDeviation, classes: names } = dataset.header;
    const classes = names.length;
    const order = shuffled(dataset.examplesOf('train'), seed, 0);
    if (order.length === 0) throw nothingToTrainOn();
    const batchSize = Math.min(job.batch, order.length);
    const { height, width, channels } = network.input;
    const size = height * width * channels;
    const batch = { ...batchSource(dataset, batchSize, seed).batchAt(order, 0, null), learningRate: 0 };

    const plan = planNetwork(network, classes);
    const weights =
      job.weightsFile === null
        ? initialWeights(network, classes, seed)
        : readWeightsFile(job.weightsFile, weightSpecifications(network, classes));
    const hyperParameters: HyperParameters = { ...job.hyperParameters, batchSize, privacy };
    const classWeights = classWeightsFor(dataset, dataset.examplesOf('train'), hyperParameters, () => {});
    const matched = matchedGradients(plan, batchSize, hyperParameters);
    const weightInputs = plan.weights.map(({ name, shape }) => ({ name, shape }));
    const store = await openCompiledStore(weightInputs, 'cpu', job.threads);
    try {
      for (const { name } of weightInputs) store.write(name, weights.get(name)!);
      const program = await store.add(matched);
      const inputs = new StepInputs(matched.step, { network, classes, batchSize, hyperParameters, classWeights });
      const known = new Map([...inputs.of(batch, 1)].map(([name, values]) => [name, values.slice()]));
      const trainable = plan.weights.filter(({ kind }) => kind === 'trainable');
      const target = new Map<string, Float32Array>();
      if (privacy === null) {
        const made = await program.run(known);
        for (const { name } of trainable) target.set(name, made.get(gradientName(name))!);
      } else {
        const noisy = await privateGradient({ ...job, privacy, hyperParameters }, weights, batch, classes);
        for (const { name } of trainable) target.set(name, noisy.get(name)!);
      }
      known.delete(stepNames.images);
      const lowest = (0 - mean) / standardDeviation;
      const highest = (1 - mean) / standardDeviation;
      let [workedMs, sinceMs] = [0, performance.now()];
      const { images, match, iterations } = await invertGradient({
        plan,
        store,
        program,
        known,
        target,
        batchSize,
        random: randomStream(seed, 0x6c65616b),
        iterations: job.iterations,
        range: [lowest, highest],
        async timeShare(iteration) {
          workedMs += performance.now() - sinceMs;
          // A probe that the workstation's rules hold back is not given less time for it.
          await control.turn();
          sinceMs = performance.now();
          if (control.isStopped) throw jobStopped();
          const share = workedMs / (job.maxSeconds * 1_000);
          return iteration < leastIterations ? share / mostOvertime : share;
        },
      });
      const picture = (values: Float32Array): Float32Array =>
        values.map((value) => Math.min(1, Math.max(0, value * standardDeviation + mean)));
      const guesses = Array.from({ length: batchSize }, (_, index) =>
        picture(images.subarray(index * size, (index + 1) * size)),
      );
      if (batchSize === 1) {
        const read = readOffFirstLayer(plan, target);
        if (read !== null) guesses[0] = picture(read);
      }
      const others: Float32Array[] = [];
      const single = batchSource(dataset, 1, seed);
      const ownPatients = new Set(Array.from(order.subarray(0, batchSize), (example) => dataset.patients[example]!));
      for (let place = batchSize; place < order.length && others.length < mostOthers; place += 1) {
        if (ownPatients.has(dataset.patients[order[place]!]!)) continue;
        others.push(picture(single.batchAt(order, place, null).images.slice()));
      }
      const likeness = (a: Float32Array, b: Float32Array) => structuralSimilarity(a, b, network.input);
      const pairs = Array.from({ length: batchSize }, (_, index) => {
        const truth = picture(batch.images.slice(index * size, (index + 1) * size));
        const [guess, similarity] = guesses
          .map((candidate) => [candidate, likeness(candidate, truth)] as const)
          .reduce((best, candidate) => (candidate[1] > best[1] ? candidate : best));
        // An other image may choose among the guesses as the true one did, or chance would look like a leak.
        const chance = others.map((other) =>
          guesses.reduce((most, candidate) => Math.max(most, likeness(candidate, other)), -1),
        );
        return {
          truth: bytesOf(truth, channels),
          guess: bytesOf(guess, channels),
          similarity,
          peakSignalToNoise: peakSignalToNoise(guess, truth),
          others: others.length,
          ...likenessOf(similarity, chance),
        };
      }).toSorted((a, b) => b.similarity - a.similarity);
      return {
        height,
        width,
        match,
        iterations,
        pairs,
        isRecognised: pairs.some(({ isRecognised }) => isRecognised),
        seconds: (performance.now() - startedAt) / 1_000,
      };
    } finally {
      await store.close();
    }
  } finally {
    dataset.close();
  }
}

/** What DP-SGD would release of this batch: clipped one by one, summed, with noise, over the size of the batch. */
async function privateGradient(
  {
    network,
    privacy,
    threads,
    hyperParameters,
  }: LeakProbeJob & { readonly privacy: NonNullable<LeakProbeJob['privacy']> },
  weights: ReadonlyMap<string, Float32Array>,
  batch: {
    readonly images: Float32Array;
    readonly labels: Int32Array | Uint8Array;
    readonly exampleWeights: Float32Array;
  },
  classes: number,
): Promise<Map<string, Float32Array>> {
  refuseBatchNorm(network);
  const plan = planNetwork(network, classes);
  const gradients = clippedGradients(plan, hyperParameters, privacy.clipNorm);
  const weightInputs = plan.weights.map(({ name, shape }) => ({ name, shape }));
  const store = await openCompiledStore([...weightInputs, ...gradients.sums], 'cpu', threads);
  try {
    for (const { name } of weightInputs) store.write(name, weights.get(name)!);
    const program = await store.add(gradients);
    const inputs = new StepInputs(gradients.step, {
      network,
      classes,
      batchSize: 1,
      hyperParameters,
      classWeights: null,
    });
    const count = batch.exampleWeights.length;
    const [imageLength, labelLength] = [batch.images.length / count, batch.labels.length / count];
    for (let index = 0; index < count; index += 1) {
      const example = {
        images: batch.images.subarray(index * imageLength, (index + 1) * imageLength),
        labels: batch.labels.subarray(index * labelLength, (index + 1) * labelLength),
        exampleWeights: Float32Array.of(1),
        learningRate: 0,
      };
      const made = await program.run(inputs.of(example, index + 1));
      if (!Number.isFinite(made.get(normName)![0]!)) throw privacyFault.gradientNotFinite();
    }
    const chance = cryptographicChance();
    const stdDev = privacy.noiseMultiplier * privacy.clipNorm;
    return new Map(
      plan.weights
        .filter(({ kind }) => kind === 'trainable')
        .map(({ name }) => [name, store.read(sumName(name)).map((sum) => (sum + chance.normal() * stdDev) / count)]),
    );
  } finally {
    await store.close();
  }
}

/**
 * Of a dense first layer with a bias the image can be read off: each unit's gradient is the image times the gradient of
 * its bias (Phong et al. 2018, DOI 10.1109/TIFS.2017.2787987). Null for any other network.
 */
function readOffFirstLayer(
  { layers }: ReturnType<typeof planNetwork>,
  target: ReadonlyMap<string, Float32Array>,
): Float32Array | null {
  const first = layers.find(({ layer, inputs }) => layer.op === 'dense' && inputs[0] === 'input');
  const kernel = target.get(`${first?.layer.id}.kernel`);
  const bias = target.get(`${first?.layer.id}.bias`);
  if (kernel === undefined || bias === undefined) return null;
  const units = bias.length;
  const unit = bias.reduce((most, value, index) => (Math.abs(value) > Math.abs(bias[most]!) ? index : most), 0);
  if (bias[unit] === 0) return null;
  return Float32Array.from(
    { length: kernel.length / units },
    (_, place) => kernel[place * units + unit]! / bias[unit]!,
  );
}

function peakSignalToNoise(a: Float32Array, b: Float32Array): number {
  const error = a.reduce((sum, value, place) => sum + (value - b[place]!) ** 2, 0) / a.length;
  return Math.min(99, -10 * Math.log10(Math.max(error, 1e-12)));
}

/** The middle channel as grey values, [height, width]. */
function bytesOf(values: Float32Array, channels: number): Uint8Array<ArrayBuffer> {
  const middle = Math.floor(channels / 2);
  return Uint8Array.from({ length: values.length / channels }, (_, place) =>
    Math.round(255 * values[place * channels + middle]!),
  );
}
