// Predictions by one compiled inference graph, as many images at a time as it was compiled for.
import { inferenceNames, outputSize } from '../../networks/inference-program.ts';
import type { NetworkPlan } from '../../networks/plan.ts';
import { batchMisshapen } from '../faults.ts';
import { inputName, type OnnxSession, outputName, tensorOf, type Tensor } from './onnx-session.ts';

/**
 * As `Predictor.predict`.
 * @param weights the graph's inputs but the images, by their names in the graph
 * @throws Fault 322
 */
export async function predictInChunks(
  session: OnnxSession,
  weights: Readonly<Record<string, Tensor>>,
  { plan, batchSize }: { plan: NetworkPlan; batchSize: number },
  images: Float32Array,
  count: number,
): Promise<Float32Array> {
  const { height, width, channels } = plan.network.input;
  const size = height * width * channels;
  const results = outputSize(plan);
  if (images.length !== count * size) throw batchMisshapen('the images', images.length, count * size);
  const imagePort = session.compiled.inputs.get(inferenceNames.images)!;
  const outputPort = session.compiled.outputs.get(inferenceNames.probabilities)!;
  const probabilities = new Float32Array(count * results);
  const chunk = new Float32Array(batchSize * size);
  const result = tensorOf(new Float32Array(batchSize * results), outputPort);
  for (let start = 0; start < count; start += batchSize) {
    const part = Math.min(batchSize, count - start);
    chunk.set(images.subarray(start * size, (start + part) * size));
    const inputs = { ...weights, [inputName(inferenceNames.images)]: tensorOf(chunk, imagePort) };
    await session.run(inputs, { [outputName(inferenceNames.probabilities)]: result });
    probabilities.set((result.data as Float32Array).subarray(0, part * results), start * results);
  }
  return probabilities;
}
