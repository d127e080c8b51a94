// Predictions of images that a site's own studies gave, and where a classifier looked in them.
import { fullScale } from '../../contract/dataset.ts';
import type { PredictJob, Prediction } from '../../contract/model-jobs.ts';
import { compileProgram } from '../compile/compile-program.ts';
import { inputName, openOnnxSession, outputName, tensorOf } from '../engines/compiled/onnx-session.ts';
import { processorKernels } from '../engines/compiled/processor-kernels.ts';
import { layOut } from '../engines/compiled/tensor-layout.ts';
import { notFinite } from '../faults.ts';
import { gradCamNames, gradCamProgram, mappedLayer } from '../networks/grad-cam.ts';
import { planNetwork } from '../networks/plan.ts';
import { weightSpecifications } from '../networks/weights.ts';
import type { SessionCache } from './session-cache.ts';
import { readWeightsFile, type Weights } from './weights-file.ts';

/** @throws Fault 354 (outputs not finite), 355 (weights), 300–349 (network, engine) */
export async function predictImages(job: PredictJob, sessions: SessionCache): Promise<Prediction> {
  const { network, classes, count, heatOf } = job;
  const weights = readWeightsFile(job.weightsFile, weightSpecifications(network, classes));
  const images = Float32Array.from(job.images, (value) => (value / fullScale - job.mean) / job.standardDeviation);
  const session = await sessions.openForPrediction({ ...job, images: count, engine: 'compiled', provider: 'auto' });
  session.setWeights(weights);
  const probabilities = new Float32Array(await session.predict(images, count));
  if (!probabilities.every(Number.isFinite)) throw notFinite('an output of the network', 'while predicting');
  if (heatOf === null) return { probabilities, heat: null };
  return { probabilities, heat: await heatMaps(job, images, probabilities, weights) };
}

async function heatMaps(
  { network, classes, count, heatOf, threads }: PredictJob,
  images: Float32Array,
  probabilities: Float32Array,
  weights: Weights,
): Promise<Float32Array<ArrayBuffer>> {
  const plan = planNetwork(network, classes);
  const compiled = compileProgram(gradCamProgram(plan), {
    layoutOf: () => 'plain',
    processor: await processorKernels(),
  });
  const session = await openOnnxSession(compiled, 'cpu', threads);
  try {
    const { height, width, channels } = network.input;
    const place = mappedLayer(plan);
    const heat = new Float32Array(count * height * width);
    const port = (name: string) => compiled.inputs.get(name)!;
    const given: Record<string, ReturnType<typeof tensorOf>> = {};
    for (const [name, values] of weights) {
      const laid = new Float32Array(values.length);
      // A weight that the heat does not depend on is no input of the graph.
      if (compiled.inputs.has(name)) {
        layOut(values, port(name), laid);
        given[inputName(name)] = tensorOf(laid, port(name));
      }
    }
    for (let image = 0; image < count; image += 1) {
      const scores = probabilities.subarray(image * classes, (image + 1) * classes);
      const target = new Float32Array(classes);
      const wanted = (typeof heatOf === 'number' ? heatOf : heatOf?.[image]) ?? -1;
      target[wanted < 0 ? scores.indexOf(Math.max(...scores)) : wanted] = 1;
      const pixels = images.slice(image * height * width * channels, (image + 1) * height * width * channels);
      const out = new Float32Array(place.height * place.width);
      await session.run(
        {
          ...given,
          [inputName(gradCamNames.images)]: tensorOf(pixels, port(gradCamNames.images)),
          [inputName(gradCamNames.target)]: tensorOf(target, port(gradCamNames.target)),
        },
        { [outputName(gradCamNames.heat)]: tensorOf(out, compiled.outputs.get(gradCamNames.heat)!) },
      );
      heat.set(enlargedHeat(out, place, { height, width }), image * height * width);
    }
    return heat;
  } finally {
    await session.close();
  }
}

/** 0…1 at the size of the input, linear between the places of the map. */
export function enlargedHeat(
  heat: Float32Array,
  from: { height: number; width: number },
  { height, width }: { height: number; width: number },
): Float32Array {
  const most = Math.max(...heat);
  const at = (row: number, column: number): number => heat[row * from.width + column]!;
  return Float32Array.from({ length: height * width }, (_, place) => {
    const clamp = (value: number, size: number): number => Math.min(size - 1, Math.max(0, value));
    const y = clamp(((Math.floor(place / width) + 0.5) * from.height) / height - 0.5, from.height);
    const x = clamp((((place % width) + 0.5) * from.width) / width - 0.5, from.width);
    const [top, left] = [Math.floor(y), Math.floor(x)];
    const [bottom, right] = [clamp(top + 1, from.height), clamp(left + 1, from.width)];
    const upper = at(top, left) + (at(top, right) - at(top, left)) * (x - left);
    const lower = at(bottom, left) + (at(bottom, right) - at(bottom, left)) * (x - left);
    return most > 0 ? (upper + (lower - upper) * (y - top)) / most : 0;
  });
}
