// A data set file, opened for reading in pieces: labels in memory, images from the disk as batches need them.
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type DatasetHeader, datasetHeaderSchema, splitCodes } from '../../contract/dataset.ts';
import { Fault } from '../../contract/fault.ts';
import type { Network } from '../../contract/network.ts';
import { decodeTensorLayout, tensorHeaderBytes, type TensorLayout } from '../../contract/safetensors.ts';
import type { SplitName } from '../../contract/training.ts';
import { datasetDoesNotFit, datasetMalformed, datasetUnreadable } from '../faults.ts';

export interface DatasetFile {
  readonly header: DatasetHeader;
  /** By example index. */
  readonly labels: Int32Array;
  readonly patients: Int32Array;
  /** SHA-256 (hex) over header, labels, splits and file size: tells data sets apart without reading the images. */
  readonly identity: string;
  /** Example indices of a split, ascending. */
  examplesOf(split: SplitName): Int32Array;
  /** Reads one image (row-major H×W×C, 0…65535) to `into`, which must be exactly as long. */
  readImage(example: number, into: Uint16Array): void;
  close(): void;
}

/**
 * Opens a data set and checks all of it except the pixels, any value of which is valid.
 * @throws Fault 350 (unreadable), 351 or 610 (malformed).
 */
export function openDatasetFile(file: string): DatasetFile {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    throw datasetUnreadable(reasonOf(error), error);
  }
  try {
    const fileBytes = fstatSync(descriptor).size;
    const first = readBytes(descriptor, 0, Math.min(8, fileBytes));
    const head = readBytes(descriptor, 0, tensorHeaderBytes(first, fileBytes));
    const layout = decodeTensorLayout(head, fileBytes);
    const header = decodeHeader(layout);
    const { examples, height, width, channels, classes } = header;
    const images = tensorAt(layout, 'images', 'U16', [examples, height, width, channels]);
    const labels = int32At(descriptor, tensorAt(layout, 'labels', 'I32', [examples]));
    const patients = int32At(descriptor, tensorAt(layout, 'patients', 'I32', [examples]));
    const { start, end } = tensorAt(layout, 'split', 'U8', [examples]);
    const split = readBytes(descriptor, start, end - start);
    if (!labels.every((label) => label >= 0 && label < classes.length)) {
      throw datasetMalformed('a label names no class');
    }
    if (!split.every((code) => code <= splitCodes.test)) throw datasetMalformed('an image belongs to no known split');
    const identity = createHash('sha256')
      .update(JSON.stringify(header))
      .update(new Uint8Array(labels.buffer))
      .update(split)
      .update(String(fileBytes))
      .digest('hex');
    const imageBytes = height * width * channels * 2;
    return {
      header,
      labels,
      patients,
      identity,
      examplesOf: (name) => Int32Array.from([...split.keys()].filter((example) => split[example] === splitCodes[name])),
      // Synchronous on purpose: an image is a few kilobytes of page cache, cheaper to copy than to wait for.
      readImage(example, into) {
        const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
        fillBytes(descriptor, images.start + example * imageBytes, bytes);
      },
      close: () => closeSync(descriptor),
    };
  } catch (error) {
    closeSync(descriptor);
    throw error instanceof Fault ? error : datasetUnreadable(reasonOf(error), error);
  }
}

/** @throws Fault 352 when the images are not what the network takes. */
export function checkImagesFit({ height, width, channels }: DatasetHeader, { input }: Network): void {
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

function tensorAt(
  { tensors }: TensorLayout,
  name: string,
  elementType: string,
  shape: readonly number[],
): { start: number; end: number } {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw datasetMalformed(`it has no ${name}`);
  if (tensor.elementType !== elementType || tensor.shape.join() !== shape.join()) {
    throw datasetMalformed(
      `${name} are ${tensor.elementType} [${tensor.shape.join(', ')}] instead of ${elementType} [${shape.join(', ')}]`,
    );
  }
  return tensor;
}

function int32At(descriptor: number, { start, end }: { start: number; end: number }): Int32Array {
  const bytes = readBytes(descriptor, start, end - start);
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

function readBytes(descriptor: number, position: number, length: number): Uint8Array {
  // Own buffer (never Node's shared pool), so that typed arrays of any width can look at it from its beginning.
  const bytes = new Uint8Array(length);
  fillBytes(descriptor, position, bytes);
  return bytes;
}

function fillBytes(descriptor: number, position: number, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.byteLength) {
    const count = readSync(descriptor, bytes, done, bytes.byteLength - done, position + done);
    if (count === 0) throw datasetUnreadable('it became shorter while it was read');
    done += count;
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return code === 'ENOENT' ? 'it does not exist' : `the system answered ${code}`;
}
