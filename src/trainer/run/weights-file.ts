// Weights as files: safetensors in the network's canonical order, so that equal weights are equal bytes.
import { readFileSync } from 'node:fs';
import { Fault } from '../../contract/fault.ts';
import type { WeightSpecification } from '../../contract/network.ts';
import { decodeTensorFile, encodeTensorFile, float32Tensor, float32Values } from '../../contract/safetensors.ts';
import { weightsUnusable } from '../faults.ts';

export type Weights = Map<string, Float32Array>;

/** Encodes weights in the order of their specifications. */
export function encodeWeights(
  weights: ReadonlyMap<string, Float32Array>,
  specifications: readonly WeightSpecification[],
): Uint8Array {
  const tensors = new Map(
    specifications.map(({ name, shape }) => {
      const values = weights.get(name);
      if (values === undefined) throw new Error(`the engine returned no weights named ${name}`);
      return [name, float32Tensor(values, shape)];
    }),
  );
  return encodeTensorFile({ tensors, metadata: {} });
}

/**
 * Reads a weights file, which may come from outside, for the network so specified.
 * @throws Fault 355 when it is unreadable, malformed, of another network, or holds a number that is not finite.
 */
export function readWeightsFile(file: string, specifications: readonly WeightSpecification[]): Weights {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw weightsUnusable('the file cannot be read', error);
  }
  return decodeWeights(bytes, specifications);
}

/** As `readWeightsFile`, from bytes. The values are copies. */
export function decodeWeights(bytes: Uint8Array, specifications: readonly WeightSpecification[]): Weights {
  let tensors;
  try {
    ({ tensors } = decodeTensorFile(bytes));
  } catch (error) {
    throw error instanceof Fault ? weightsUnusable(error.message, error) : error;
  }
  if (tensors.size !== specifications.length) {
    throw weightsUnusable(`they are ${tensors.size} tensors, the network has ${specifications.length}`);
  }
  const weights: Weights = new Map();
  for (const { name, shape } of specifications) {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw weightsUnusable(`${name} is missing`);
    if (tensor.elementType !== 'F32' || tensor.shape.join() !== shape.join()) {
      throw weightsUnusable(
        `${name} is ${tensor.elementType} [${tensor.shape.join(', ')}] instead of F32 [${shape.join(', ')}]`,
      );
    }
    const values = float32Values(tensor).slice();
    if (!values.every(Number.isFinite)) throw weightsUnusable(`${name} holds a number that is not finite`);
    weights.set(name, values);
  }
  return weights;
}
