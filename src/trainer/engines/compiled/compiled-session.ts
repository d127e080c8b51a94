// A training session on compiled graphs: one for the step, one for predictions.
import { compileProgram, type CompiledProgram } from '../../compile/compile-program.ts';
import type { Layout } from '../../compile/lowering/layout.ts';
import { inferenceProgram } from '../../networks/inference-program.ts';
import { planNetwork, valueCount } from '../../networks/plan.ts';
import type { Program } from '../../networks/program.ts';
import { centreName, correctionName, stepNames, trainingProgram } from '../../networks/training-program.ts';
import { openPrivateSession } from '../../privacy/private-session.ts';
import type { NamedTensors, SessionOptions, TrainingSession } from '../engine.ts';
import { sessionClosed, stepFailed } from '../faults.ts';
import { checkState, checkTrainable, stepCountName } from '../state-check.ts';
import { StepInputs } from '../step-inputs.ts';
import { CompiledState } from './compiled-state.ts';
import { openCompiledStore } from './compiled-store.ts';
import { inputName, openOnnxSession, outputName, tensorOf, type OnnxSession, type Tensor } from './onnx-session.ts';
import { predictInChunks } from './predictions.ts';
import { processorKernels } from './processor-kernels.ts';
import { layOut } from './tensor-layout.ts';

/** @throws Fault 300, 310, 311 when the network cannot be built or compiled, 321 when the runtime refuses the graph. */
export async function openCompiledSession(
  options: SessionOptions,
  provider: string,
  threads: number,
  /** Tests put a device in its place that fails. */
  openRuntime: typeof openOnnxSession = openOnnxSession,
): Promise<TrainingSession> {
  if (options.hyperParameters.privacy !== null)
    return openPrivateSession(options, (held) => openCompiledStore(held, provider, threads));
  const plan = planNetwork(options.network, options.classes);
  const program = trainingProgram(plan, options.batchSize, options.hyperParameters, options);
  const filters = new Set(
    [...program.state, ...program.centre, ...program.corrections]
      .filter(({ shape }) => shape.length === 4)
      .map(({ name }) => name),
  );
  const layoutOf = (name: string): Layout => (filters.has(name) ? 'filter' : 'plain');
  const kernels = await processorKernels();
  const compiledFor = (device: string, given: Program = program): CompiledProgram =>
    compileProgram(given, {
      layoutOf,
      processor: device === 'cpu' ? kernels : null,
      exactSums: device === 'webgpu' && given === program,
    });
  const open = (compiled: CompiledProgram, device: string) =>
    openRuntime(compiled, device, threads).catch((cause: unknown) => {
      throw stepFailed(device, cause);
    });

  let device = provider;
  let movedBecause: string | null = null;
  let stepSession: OnnxSession | null = await open(compiledFor(device), device);
  let predictSession: OnnxSession | null = null;
  let closed = false;
  const { compiled } = stepSession;
  const state = new CompiledState(compiled, program.state);
  const given = [...program.centre, ...program.corrections];
  const constants = new Map(given.map(({ name, shape }) => [name, new Float32Array(valueCount(shape))]));
  let isCentreSet = false;
  const stepInputs = new StepInputs(program, options);
  const loss = tensorOf(new Float32Array(1), compiled.outputs.get(stepNames.loss)!);
  const weightInputs = plan.weights.map(({ name, shape }) => ({ name, shape }));
  const weightNames = new Set(weightInputs.map(({ name }) => name));
  const slots = program.state.filter(({ name }) => !weightNames.has(name));
  const trainable = plan.weights.filter(({ kind }) => kind === 'trainable');
  let stepCount = 0;

  /** Another provider failed in the middle of a run: go on with the CPU from the very same state. */
  async function fallBack(cause: unknown): Promise<OnnxSession> {
    movedBecause = cause instanceof Error ? cause.message : String(cause);
    await stepSession?.close();
    await predictSession?.close();
    predictSession = null;
    device = 'cpu';
    stepSession = await open(compiledFor(device), device);
    return stepSession;
  }

  function setConstants(nameOf: (weight: string) => string, values: ReadonlyMap<string, Float32Array>): void {
    for (const { name } of trainable) {
      const buffer = constants.get(nameOf(name));
      if (buffer) layOut(values.get(name)!, compiled.inputs.get(nameOf(name))!, buffer);
    }
  }
  async function predictions(images: Float32Array, count: number): Promise<Float32Array> {
    if (closed) throw sessionClosed();
    const { batchSize } = options;
    predictSession ??= await open(compiledFor(device, inferenceProgram(plan, batchSize)), device);
    return predictInChunks(predictSession, state.inputs(weightNames), { plan, batchSize }, images, count);
  }

  function setCentre(weights: ReadonlyMap<string, Float32Array>): void {
    setConstants(centreName, weights);
    isCentreSet = true;
  }

  return {
    get provider() {
      return device;
    },
    get movedBecause() {
      return movedBecause;
    },
    async step(batch) {
      if (stepSession === null) throw sessionClosed();
      const given = stepInputs.of(batch, stepCount + 1);
      const inputs: Record<string, Tensor> = state.inputs();
      for (const [name, values] of [...given, ...constants])
        inputs[inputName(name)] = tensorOf(values, compiled.inputs.get(name)!);
      const outputs = { ...state.outputs(), [outputName(stepNames.loss)]: loss };
      try {
        await stepSession.run(inputs, outputs);
      } catch (cause) {
        if (device === 'cpu') throw stepFailed(device, cause);
        const session = await fallBack(cause);
        await session.run(inputs, outputs).catch((again: unknown) => {
          throw stepFailed(device, again);
        });
      }
      state.advance();
      stepCount += 1;
      return (loss.data as Float32Array)[0]!;
    },
    async predict(images, count) {
      try {
        return await predictions(images, count);
      } catch (cause) {
        // Predictions change nothing: they are made again.
        if (device === 'cpu' || closed) throw cause;
        await fallBack(cause);
        return predictions(images, count);
      }
    },
    weights: () => new Map(plan.weights.map(({ name }) => [name, state.read(name)])),
    setWeights(weights) {
      checkState(weights, weightInputs);
      for (const { name } of weightInputs) state.write(name, weights.get(name)!);
      if (!isCentreSet) setCentre(weights);
    },
    optimiserState(): NamedTensors {
      const values: NamedTensors = new Map(slots.map(({ name }) => [name, state.read(name)]));
      return values.set(stepCountName, new Float32Array([stepCount]));
    },
    setOptimiserState(given) {
      checkState(given, [...slots, { name: stepCountName, shape: [] }]);
      for (const { name } of slots) state.write(name, given.get(name)!);
      stepCount = given.get(stepCountName)![0]!;
    },
    setProximalCentre(weights) {
      checkTrainable(weights, trainable);
      setCentre(weights);
    },
    setDriftCorrection(correction) {
      checkTrainable(correction, trainable);
      setConstants(correctionName, correction);
    },
    async close() {
      if (closed) return;
      closed = true;
      await stepSession?.close();
      await predictSession?.close();
      stepSession = null;
    },
  };
}
