// Predictions alone: the inference graph and the weights, and nothing of a training, which takes several times the memory.
import { compileProgram, type CompiledProgram } from '../../compile/compile-program.ts';
import type { Layout } from '../../compile/lowering/layout.ts';
import { inferenceProgram } from '../../networks/inference-program.ts';
import { planNetwork, valueCount } from '../../networks/plan.ts';
import type { PredictionOptions, Predictor } from '../engine.ts';
import { sessionClosed, stepFailed } from '../faults.ts';
import { checkState } from '../state-check.ts';
import { inputName, type OnnxSession, openOnnxSession, type Tensor, tensorOf } from './onnx-session.ts';
import { predictInChunks } from './predictions.ts';
import { processorKernels } from './processor-kernels.ts';
import { layOut } from './tensor-layout.ts';

/** @throws Fault 300, 310, 311 when the network cannot be built or compiled, 321 when the runtime refuses the graph. */
export async function openCompiledPredictor(
  { network, classes, batchSize }: PredictionOptions,
  provider: string,
  threads: number,
  /** Tests put a device in its place that fails. */
  openRuntime: typeof openOnnxSession = openOnnxSession,
): Promise<Predictor> {
  const plan = planNetwork(network, classes);
  const held = plan.weights.map(({ name, shape }) => ({ name, shape }));
  const filters = new Set(held.filter(({ shape }) => shape.length === 4).map(({ name }) => name));
  const layoutOf = (name: string): Layout => (filters.has(name) ? 'filter' : 'plain');
  const kernels = await processorKernels();
  const program = inferenceProgram(plan, batchSize);
  const compiledFor = (device: string): CompiledProgram =>
    compileProgram(program, { layoutOf, processor: device === 'cpu' ? kernels : null });
  const openOn = (device: string, compiled = compiledFor(device)): Promise<OnnxSession> =>
    openRuntime(compiled, device, threads).catch((cause: unknown) => {
      throw stepFailed(device, cause);
    });
  const compiled = compiledFor(provider);
  const weights: Record<string, Tensor> = {};
  for (const { name, shape } of held) {
    const port = compiled.inputs.get(name);
    if (port !== undefined) weights[inputName(name)] = tensorOf(new Float32Array(valueCount(shape)), port);
  }
  let device = provider;
  let session: OnnxSession | null = await openOn(device, compiled);
  const predictions = (images: Float32Array, count: number): Promise<Float32Array> => {
    if (session === null) throw sessionClosed();
    return predictInChunks(session, weights, { plan, batchSize }, images, count);
  };
  return {
    get provider() {
      return device;
    },
    async predict(images, count) {
      try {
        return await predictions(images, count);
      } catch (cause) {
        // Predictions change nothing: they are made again.
        if (device === 'cpu' || session === null) throw cause;
        await session.close();
        device = 'cpu';
        session = await openOn(device);
        return predictions(images, count);
      }
    },
    setWeights(given) {
      checkState(given, held);
      for (const [name, values] of given) {
        const port = compiled.inputs.get(name);
        if (port !== undefined) layOut(values, port, weights[inputName(name)]!.data as Float32Array);
      }
    },
    async close() {
      await session?.close();
      session = null;
    },
  };
}
