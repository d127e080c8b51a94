// A data set, opened for reading in pieces: labels in memory, images and masks from the disk as batches need them.
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync } from 'node:fs';
import path from 'node:path';
import {
  type DatasetHeader,
  datasetHeaderSchema,
  mostSlices,
  notLabelled,
  splitCodes,
} from '../../contract/dataset.ts';
import { Fault } from '../../contract/fault.ts';
import type { Network } from '../../contract/network.ts';
import { decodeTensorLayout, tensorHeaderBytes, type TensorLayout } from '../../contract/safetensors.ts';
import type { SplitName } from '../../contract/training.ts';
import { datasetDoesNotFit, datasetForOtherTask, datasetMalformed, datasetUnreadable } from '../faults.ts';
import type { SlicePlace } from '../metrics/segmentation-state.ts';
import { type ExamplePixels, pixelsInFile, pixelsInShards } from './example-pixels.ts';
import { readBytes, reasonOf, tensorAt } from './tensor-place.ts';

export interface DatasetFile {
  readonly header: DatasetHeader;
  /**
   * Classification: class by example index. Multi-label: 0 or 1, [examples, classes]. Empty for a segmentation, whose labels are
   * masks.
   */
  readonly labels: Int32Array | Uint8Array;
  /** By example index. */
  readonly patients: Int32Array;
  /** SHA-256 (hex) over header, labels, splits and file size: tells data sets apart without reading the images. */
  readonly identity: string;
  /** Where these examples lie in their volumes; null where that is not known of all of them. */
  placesOf(examples: Int32Array): SlicePlace[] | null;
  /** These examples volume by volume and slice by slice, others as they come; null where the place of one is not known. */
  inVolumes(examples: Int32Array): Int32Array | null;
  /** Example indices of a split, ascending. */
  examplesOf(split: SplitName): Int32Array;
  /** Reads one image (row-major H×W×C, 0…65535) to `into`, which must be exactly as long. @throws Fault 350, 351 */
  readImage(example: number, into: Uint16Array): void;
  /** Reads the mask of a segmentation's image (row-major H×W, class or 255) to `into`. @throws Fault 350, 351 */
  readMask(example: number, into: Uint8Array): void;
  close(): void;
}

/**
 * Opens a data set and checks all of it except pixels. Shards are checked against their hash when they are first read.
 * @throws Fault 350 (unreadable), 351 or 610 (malformed).
 */
export function openDatasetFile(file: string): DatasetFile {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    throw datasetUnreadable(reasonOf(error), error);
  }
  let pixels: ExamplePixels | null = null;
  try {
    const fileBytes = fstatSync(descriptor).size;
    const first = readBytes(descriptor, 0, Math.min(8, fileBytes));
    const layout = decodeTensorLayout(readBytes(descriptor, 0, tensorHeaderBytes(first, fileBytes)), fileBytes);
    const header = decodeHeader(layout);
    const { examples } = header;
    const bytesOf = (name: string, elementType: string, shape: readonly number[]): Uint8Array<ArrayBuffer> => {
      const { start, end } = tensorAt(layout, name, elementType, shape);
      return readBytes(descriptor, start, end - start);
    };
    const patients = new Int32Array(bytesOf('patients', 'I32', [examples]).buffer);
    const split = bytesOf('split', 'U8', [examples]);
    if (!split.every((code) => code <= splitCodes.test)) throw datasetMalformed('an image belongs to no known split');
    const labels = labelsIn(header, bytesOf);
    pixels =
      header.version === 1
        ? pixelsInFile(descriptor, layout, header)
        : pixelsInShards(path.dirname(file), header, new Int32Array(bytesOf('place', 'I32', [examples, 2]).buffer));
    const identity = createHash('sha256')
      .update(JSON.stringify(header))
      .update(new Uint8Array(labels.buffer))
      .update(split)
      .update(String(fileBytes))
      .digest('hex');
    const opened = pixels;
    const places = layout.tensors.has('volumes') ? placesIn(examples, bytesOf) : null;
    return {
      header,
      labels,
      patients,
      identity,
      placesOf: (chosen) => (places?.areKnown(chosen) === true ? Array.from(chosen, places.at) : null),
      inVolumes: (chosen) => (places?.areKnown(chosen) === true ? places.inOrder(chosen) : null),
      examplesOf: (name) => Int32Array.from(split.keys()).filter((example) => split[example] === splitCodes[name]),
      readImage: (example, into) => opened.readImage(example, into),
      readMask(example, into) {
        opened.readMask(example, into);
        for (const value of into)
          if (value >= header.classes.length && value !== notLabelled) throw datasetMalformed('a mask names no class');
      },
      close() {
        opened.close();
        closeSync(descriptor);
      },
    };
  } catch (error) {
    pixels?.close();
    closeSync(descriptor);
    throw error instanceof Fault ? error : datasetUnreadable(reasonOf(error), error);
  }
}

interface Places {
  areKnown(examples: Int32Array): boolean;
  /** By volume, then by slice, then as they come. */
  inOrder(examples: Int32Array): Int32Array;
  /** Of an example whose place is known. */
  at(example: number): SlicePlace;
}

function placesIn(
  examples: number,
  bytesOf: (name: string, elementType: string, shape: readonly number[]) => Uint8Array<ArrayBuffer>,
): Places {
  const volumes = new Int32Array(bytesOf('volumes', 'I32', [examples]).buffer);
  const slices = new Int32Array(bytesOf('slices', 'I32', [examples]).buffer);
  const spacing = new Float32Array(bytesOf('spacing', 'F32', [examples, 3]).buffer);
  volumes.forEach((volume, at) => {
    const isUsable =
      slices[at]! >= 0 && slices[at]! < mostSlices && spacing.subarray(at * 3, at * 3 + 3).every((mm) => mm > 0);
    if (volume >= 0 && !isUsable) throw datasetMalformed('a slice lies nowhere');
  });
  return {
    areKnown: (chosen) => chosen.every((example) => volumes[example]! >= 0),
    // Sorting is stable.
    inOrder: (chosen) => chosen.toSorted((a, b) => volumes[a]! - volumes[b]! || slices[a]! - slices[b]!),
    at(example) {
      const [between, rows, columns] = spacing.subarray(example * 3, example * 3 + 3);
      return { volume: volumes[example]!, slice: slices[example]!, spacingMm: [between!, rows!, columns!] };
    },
  };
}

function labelsIn(
  { task, examples, classes }: DatasetHeader,
  bytesOf: (name: string, elementType: string, shape: readonly number[]) => Uint8Array<ArrayBuffer>,
): Int32Array | Uint8Array {
  if (task === 'segmentation') return new Uint8Array();
  if (task === 'multi-label') {
    const labels = bytesOf('labels', 'U8', [examples, classes.length]);
    if (!labels.every((label) => label <= 1)) throw datasetMalformed('a label is neither 0 nor 1');
    return labels;
  }
  const labels = new Int32Array(bytesOf('labels', 'I32', [examples]).buffer);
  if (!labels.every((label) => label >= 0 && label < classes.length)) throw datasetMalformed('a label names no class');
  return labels;
}

/** @throws Fault 352, 364 when the images are not what the network takes. */
export function checkImagesFit({ height, width, channels, task }: DatasetHeader, network: Network): void {
  const { input } = network;
  if (task !== network.task) throw datasetForOtherTask(task, network.task);
  if (height !== input.height || width !== input.width || channels !== input.channels) {
    const sizes = [
      [height, width, channels],
      [input.height, input.width, input.channels],
    ].map((side) => side.join(' × '));
    throw datasetDoesNotFit(sizes[0]!, sizes[1]!);
  }
}

function decodeHeader({ metadata }: TensorLayout): DatasetHeader {
  let value: unknown;
  try {
    value = JSON.parse(metadata['imagiq'] ?? '');
  } catch {
    throw datasetMalformed('it has no header of this program');
  }
  const header = datasetHeaderSchema.safeParse(value);
  if (!header.success) throw datasetMalformed(`its header is not valid at ${header.error.issues[0]?.path.join('.')}`);
  return header.data;
}
