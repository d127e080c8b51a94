// A run exported by PyTorch (its images, labels, first weights and losses), to be repeated by our engine.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Network, WeightSpecification } from '../../contract/network.ts';
import { referenceRunUnusable } from '../faults.ts';
import { initialWeights, weightSpecifications } from '../networks/weights.ts';

const runSchema = z.object({
  x: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  y: z.array(z.number()),
  parameters: z.record(z.string(), z.array(z.number())),
  losses: z.array(z.number()),
  lr: z.number().positive(),
  momentum: z.number().min(0).lt(1),
});

export interface ReferenceRun {
  readonly batch: number;
  readonly classes: number;
  /** [batch, height, width, channels] */
  readonly images: Float32Array;
  /** The class of each image, or of each pixel. */
  readonly labels: Int32Array | Uint8Array;
  /** Those of a run of our own may still be on their way. */
  readonly weights: ReadonlyMap<string, Float32Array> | Promise<ReadonlyMap<string, Float32Array>>;
  /** Of its SGD. */
  readonly learningRate: number;
  readonly momentum: number;
  readonly losses: readonly number[];
}

/** Reads an export; PyTorch's parameters are those of the network in the same order. @throws Fault 367 when they are not */
export function readReferenceRun(folder: string, network: Network): ReferenceRun {
  try {
    return decodeRun(folder, network);
  } catch (error) {
    throw referenceRunUnusable(error instanceof Error ? error.message : String(error), error);
  }
}

function decodeRun(folder: string, network: Network): ReferenceRun {
  const run = runSchema.parse(JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')));
  const floats = (name: string) => {
    const bytes = readFileSync(join(folder, `${name}.f32`));
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  };
  const [batch, channels, height, width] = run.x;
  const classes = run.y[1]!;
  const targets = floats('y');
  const labels =
    network.task === 'segmentation'
      ? Uint8Array.from(targets)
      : Int32Array.from({ length: batch }, (_, row) => targets.subarray(row * classes, (row + 1) * classes).indexOf(1));
  const images = reordered(floats('x'), [batch, channels, height, width], [0, 2, 3, 1]);
  const weights = initialWeights(network, classes, 0);
  const trainable = weightSpecifications(network, classes).filter(({ kind }) => kind === 'trainable');
  const parameters = Object.entries(run.parameters);
  if (parameters.length !== trainable.length) throw new Error('it is of another network');
  for (const [index, [name, shape]] of parameters.entries()) {
    weights.set(trainable[index]!.name, converted(floats(name), shape, trainable[index]!));
  }
  return {
    batch,
    classes,
    images,
    labels,
    weights,
    learningRate: run.lr,
    momentum: run.momentum,
    losses: run.losses,
  };
}

/**
 * Relative L2 distance of a first step's gradient from PyTorch's in double precision (`scripts/bench/torch-gradients.py`
 * has written it to the folder), over all parameters together.
 */
export function gradientError(
  folder: string,
  network: Network,
  classes: number,
  gradient: ReadonlyMap<string, Float32Array>,
): number {
  const { parameters } = runSchema.parse(JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')));
  const trainable = weightSpecifications(network, classes).filter(({ kind }) => kind === 'trainable');
  let distance = 0;
  let size = 0;
  for (const [index, [name, shape]] of Object.entries(parameters).entries()) {
    const bytes = readFileSync(join(folder, `${name}.g64`));
    const doubles = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    const exact = converted(doubles, shape, trainable[index]!);
    const found = gradient.get(trainable[index]!.name)!;
    for (const [place, value] of exact.entries()) {
      distance += (found[place]! - value) ** 2;
      size += value ** 2;
    }
  }
  return Math.sqrt(distance / size);
}

/** From OIHW and [out, in] to HWIO and [in, out]. */
function converted<Values extends Float32Array | Float64Array>(
  values: Values,
  shape: readonly number[],
  target: WeightSpecification,
): Values {
  if (values.length !== target.shape.reduce((total, size) => total * size, 1))
    throw new Error(`${target.name} has another size`);
  if (shape.length === 4) return reordered(values, shape, [2, 3, 1, 0]);
  return shape.length === 2 ? reordered(values, shape, [1, 0]) : values;
}

/** A transposed copy: axis i of the result is axis order[i] of the values. */
function reordered<Values extends Float32Array | Float64Array>(
  values: Values,
  shape: readonly number[],
  order: readonly number[],
): Values {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((total, size) => total * size, 1));
  const sizes = order.map((axis) => shape[axis]!);
  const steps = order.map((axis) => strides[axis]!);
  const result = values.slice() as Values;
  for (let place = 0; place < result.length; place += 1) {
    let rest = place;
    let source = 0;
    for (let axis = sizes.length - 1; axis >= 0; axis -= 1) {
      source += (rest % sizes[axis]!) * steps[axis]!;
      rest = Math.floor(rest / sizes[axis]!);
    }
    result[place] = values[source]!;
  }
  return result;
}
