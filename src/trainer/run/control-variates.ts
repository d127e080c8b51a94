// SCAFFOLD in a run: the correction that its control variates make, and the site's next one out of what the run did to the weights.
import { readFileSync } from 'node:fs';
import { Fault } from '../../contract/fault.ts';
import type { WeightSpecification } from '../../contract/network.ts';
import {
  decodeTensorFile,
  encodeTensorFile,
  float32Tensor,
  float32Values,
  type Tensor,
} from '../../contract/safetensors.ts';
import type { TrainJob } from '../../contract/training.ts';
import { weightsUnusable } from '../faults.ts';
import { driftCorrection, newControlVariate } from '../networks/scaffold.ts';
import { learningRateAt } from './schedule.ts';
import type { Weights } from './weights-file.ts';

export interface RunVariates {
  /** c − cᵢ, of every weight that is trained. */
  readonly correction: ReadonlyMap<string, Float32Array>;
  /** Names the variates, for the run's hash. */
  readonly identity: Uint8Array;
  /** cᵢ⁺ as a tensor file, after so many of `steps` steps from `start` to `end`. */
  next(order: {
    readonly start: Weights;
    readonly end: Weights;
    readonly done: number;
    readonly steps: number;
  }): Uint8Array;
}

/** Null for a job without. @throws Fault 355 when a file does not fit the network; RangeError for another optimiser than SGD. */
export function openVariates(job: TrainJob, specifications: readonly WeightSpecification[]): RunVariates | null {
  const { controlVariates, hyperParameters } = job;
  if (controlVariates === null) return null;
  if (hyperParameters.optimiser !== 'sgd')
    throw new RangeError(`control variates do not go with ${hyperParameters.optimiser}`);
  const trainable = specifications.filter(({ kind }) => kind === 'trainable');
  const site = read(controlVariates.siteFile, trainable);
  const trunk = read(controlVariates.trunkFile, trainable);
  return {
    correction: driftCorrection(trunk, site),
    identity: Buffer.concat([encoded(site, trainable), encoded(trunk, trainable)]),
    next({ start, end, done, steps }) {
      let learningRateSum = 0;
      for (let step = 0; step < done; step += 1) learningRateSum += learningRateAt(hyperParameters, step, steps);
      const { momentum } = hyperParameters;
      const next = newControlVariate({ siteVariate: site, trunkVariate: trunk, start, end, learningRateSum, momentum });
      return encoded(next, trainable);
    },
  };
}

function read(file: string | null, trainable: readonly WeightSpecification[]): Map<string, Float32Array> {
  const tensors = file === null ? new Map<string, Tensor>() : tensorsOf(file);
  return new Map(
    trainable.map(({ name, shape }) => {
      const tensor = tensors.get(name);
      const count = shape.reduce((product, size) => product * size, 1);
      if (tensor === undefined) return [name, new Float32Array(count)];
      if (tensor.elementType !== 'F32' || tensor.shape.join() !== shape.join()) {
        throw weightsUnusable(`the control variate of ${name} is not of the network's shape`);
      }
      const values = float32Values(tensor).slice();
      if (!values.every(Number.isFinite)) throw weightsUnusable(`the control variate of ${name} is not finite`);
      return [name, values];
    }),
  );
}

function tensorsOf(file: string): ReadonlyMap<string, Tensor> {
  try {
    return decodeTensorFile(readFileSync(file)).tensors;
  } catch (error) {
    throw weightsUnusable(error instanceof Fault ? error.message : 'the file cannot be read', error);
  }
}

function encoded(variate: ReadonlyMap<string, Float32Array>, trainable: readonly WeightSpecification[]): Uint8Array {
  const tensors = new Map(trainable.map(({ name, shape }) => [name, float32Tensor(variate.get(name)!, shape)]));
  return encodeTensorFile({ tensors, metadata: {} });
}
