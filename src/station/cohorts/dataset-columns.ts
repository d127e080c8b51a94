// The file of a data set beside its shards: labels, splits, patient numbers and places of all examples (contract/dataset.ts).
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Cohort } from '../../contract/cohort.ts';
import { type DatasetHeader, datasetHeaderSchema, splitCodes } from '../../contract/dataset.ts';
import type { Task } from '../../contract/network.ts';
import type { Preprocessing } from '../../contract/preprocessing.ts';
import { slicePlaces, type SlicePlaces } from './slice-places.ts';
import { decodeTensorLayout, encodeTensorFile, type Tensor, tensorHeaderBytes } from '../../contract/safetensors.ts';

/** What is known of the examples of one shard. */
export interface BuiltColumns {
  /** Null where none of its images could be read. */
  readonly file: string | null;
  /** Examples that it should have held. */
  readonly planned: number;
  /** By example, as the data set's file has them (`labelColumn`). */
  readonly labels: Int32Array | Uint8Array;
  readonly splits: Uint8Array;
  readonly patients: Int32Array;
  /** By example mean and mean square. */
  readonly moments: Float32Array;
  /** By example and class pixels of the mask. */
  readonly pixels: Int32Array;
  /** By example, of a segmentation (shard-task.ts). */
  readonly places: Float32Array;
  readonly volumes: Int32Array;
}

/**
 * Labels of some examples as a data set's file has them: a class each, or of several labels rows of 0 and 1; none of masks.
 * @param labels by example the cohort's own label indices
 * @param label label index in the file by the cohort's own
 */
export function labelColumn(
  task: Task,
  labels: readonly (readonly number[])[],
  label: readonly number[],
  classes: number,
): Int32Array | Uint8Array {
  if (task === 'segmentation') return new Uint8Array();
  if (task === 'classification') return Int32Array.from(labels, ([own = 0]) => label[own] ?? 0);
  const values = new Uint8Array(labels.length * classes);
  labels.forEach((own, at) => {
    for (const index of own) values[at * classes + (label[index] ?? 0)] = 1;
  });
  return values;
}

export function datasetFileBytes({
  cohort,
  chain,
  classes,
  columns,
}: {
  cohort: Cohort;
  chain: Preprocessing;
  classes: readonly string[];
  columns: readonly BuiltColumns[];
}): { bytes: Uint8Array; header: DatasetHeader; leftOut: number } {
  const whole = columns.flatMap((column) => (column.file === null ? [] : [{ ...column, file: column.file }]));
  const examples = whole.reduce((total, { splits }) => total + splits.length, 0);
  const leftOut = columns.reduce((total, { planned }) => total + planned, 0) - examples;
  const { height, width, channels } = chain;
  const header: DatasetHeader = {
    version: 2,
    task: cohort.task,
    classes: [...classes],
    examples,
    height,
    width,
    channels,
    ...momentsOf(whole),
    cohortHash: cohort.hash,
    preprocessing: chain,
    ...(cohort.task === 'segmentation' && { classPixels: pixelsOf(whole, classes.length) }),
    shards: whole.map(({ file, splits }) => ({ file, examples: splits.length })),
  };
  const place = new Int32Array(examples * 2);
  let at = 0;
  whole.forEach(({ splits }, shard) => {
    for (let index = 0; index < splits.length; index += 1) {
      place[at * 2] = shard;
      place[at * 2 + 1] = index;
      at += 1;
    }
  });
  const tensors = new Map<string, Tensor>([
    ['split', tensor('U8', [examples], joined(new Uint8Array(examples), whole, 'splits'))],
    ['patients', tensor('I32', [examples], joined(new Int32Array(examples), whole, 'patients'))],
    ['place', tensor('I32', [examples, 2], place)],
    ...labelTensor(cohort, classes.length, whole, examples),
    ...(cohort.task === 'segmentation' ? sliceTensors(slicePlaces(whole)) : []),
  ]);
  const metadata = { imagiq: JSON.stringify(header), leftOut: String(leftOut) };
  return { bytes: encodeTensorFile({ tensors, metadata }), header, leftOut };
}

function sliceTensors({ volumes, slices, spacingMm }: SlicePlaces): [string, Tensor][] {
  return [
    ['volumes', tensor('I32', [volumes.length], volumes)],
    ['slices', tensor('I32', [slices.length], slices)],
    ['spacing', tensor('F32', [volumes.length, 3], spacingMm)],
  ];
}

function labelTensor(
  { task }: Cohort,
  classes: number,
  columns: readonly BuiltColumns[],
  examples: number,
): [string, Tensor][] {
  if (task === 'segmentation') return [];
  return task === 'multi-label'
    ? [['labels', tensor('U8', [examples, classes], joined(new Uint8Array(examples * classes), columns, 'labels'))]]
    : [['labels', tensor('I32', [examples], joined(new Int32Array(examples), columns, 'labels'))]];
}

function joined<Values extends Uint8Array | Int32Array>(
  into: Values,
  columns: readonly BuiltColumns[],
  name: 'splits' | 'patients' | 'labels',
): Values {
  let at = 0;
  for (const column of columns) {
    into.set(column[name], at);
    at += column[name].length;
  }
  return into;
}

/** Over the training split's images, which are all of one size. */
function momentsOf(columns: readonly BuiltColumns[]): { mean: number; standardDeviation: number } {
  let [count, sum, squares] = [0, 0, 0];
  for (const { splits, moments } of columns) {
    splits.forEach((split, index) => {
      if (split !== splitCodes.train) return;
      count += 1;
      sum += moments[index * 2]!;
      squares += moments[index * 2 + 1]!;
    });
  }
  const mean = count === 0 ? 0 : sum / count;
  const variance = count === 0 ? 1 : squares / count - mean * mean;
  return { mean, standardDeviation: Math.sqrt(Math.max(variance, 1e-12)) };
}

function pixelsOf(columns: readonly BuiltColumns[], classes: number): number[] {
  const total = Array.from({ length: classes }, () => 0);
  for (const { splits, pixels } of columns) {
    splits.forEach((split, index) => {
      if (split !== splitCodes.train) return;
      for (let label = 0; label < classes; label += 1) total[label]! += pixels[index * classes + label]!;
    });
  }
  return total;
}

const tensor = (elementType: Tensor['elementType'], shape: number[], values: ArrayBufferView): Tensor => ({
  elementType,
  shape,
  bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
});

/** What a finished file says of itself; null where there is none, or one that is damaged and has to be written again. */
export function readDatasetHead(file: string): { header: DatasetHeader; leftOut: number } | null {
  let handle: number;
  try {
    handle = openSync(file, 'r');
  } catch {
    return null;
  }
  try {
    const { size } = fstatSync(handle);
    const first = Buffer.alloc(8);
    readSync(handle, first, 0, 8, 0);
    const head = Buffer.alloc(tensorHeaderBytes(first, size));
    readSync(handle, head, 0, head.length, 0);
    const { metadata } = decodeTensorLayout(head, size);
    const header = datasetHeaderSchema.parse(JSON.parse(metadata['imagiq'] ?? ''));
    return { header, leftOut: Number(metadata['leftOut'] ?? 0) };
  } catch {
    return null;
  } finally {
    closeSync(handle);
  }
}
