// Writes a data set file image by image, so that memory does not grow with the cohort. The header's room is kept free
// at the beginning and filled at the end, when mean, deviation and the number of images are known.
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { type DatasetHeader, splitCodes } from '../../contract/dataset.ts';
import type { SplitName } from '../../contract/training.ts';

const alignmentBytes = 8;
const scale = 65_535;

export interface DatasetWriter {
  add(image: Uint16Array, example: { label: number; split: SplitName; patient: number }): Promise<void>;
  /** Completes the file under its own name; the header's counts and moments are filled in. */
  finish(leftOut: number): Promise<DatasetHeader>;
  /** Leaves nothing behind. */
  discard(): Promise<void>;
}

export async function openDatasetWriter(
  file: string,
  plan: Omit<DatasetHeader, 'examples' | 'mean' | 'standardDeviation' | 'version'> & { examples: number },
): Promise<DatasetWriter> {
  const beside = `${file}.${process.pid}.tmp`;
  const handle = await open(beside, 'w', 0o600);
  // The longest header that can come: numbers of 17 digits, as many examples as planned.
  const widest: DatasetHeader = { ...plan, version: 1, mean: 1 / 3, standardDeviation: 1 / 3 };
  const room = Buffer.byteLength(headerText(widest, plan.examples)) + 256;
  const headerBytes = Math.ceil(room / alignmentBytes) * alignmentBytes;
  const start = 8 + headerBytes;
  const examples: { label: number; split: SplitName; patient: number }[] = [];
  const moments = { count: 0, sum: 0, squares: 0 };
  let position = start;
  return {
    async add(image, example) {
      await writeAll(handle, new Uint8Array(image.buffer, image.byteOffset, image.byteLength), position);
      position += image.byteLength;
      examples.push(example);
      if (example.split !== 'train') return;
      for (const value of image) {
        moments.sum += value / scale;
        moments.squares += (value / scale) ** 2;
      }
      moments.count += image.length;
    },
    async finish(leftOut) {
      const mean = moments.count === 0 ? 0 : moments.sum / moments.count;
      const variance = moments.count === 0 ? 1 : moments.squares / moments.count - mean * mean;
      const header: DatasetHeader = {
        ...plan,
        version: 1,
        examples: examples.length,
        mean,
        standardDeviation: Math.sqrt(Math.max(variance, 1e-12)),
      };
      await writeAll(handle, columnsOf(examples, position - start), position);
      const head = Buffer.alloc(start, 0x20);
      head.writeBigUInt64LE(BigInt(headerBytes), 0);
      head.write(headerText(header, leftOut), 8);
      await writeAll(handle, head, 0);
      await handle.sync();
      await handle.close();
      await rename(beside, file);
      return header;
    },
    async discard() {
      await handle.close().catch(() => {});
      await rm(beside, { force: true });
    },
  };
}

/** The tensor file's JSON header (contract/safetensors.ts): images first, since they are written as they come. */
function headerText(header: DatasetHeader, leftOut: number): string {
  const { examples, height, width, channels } = header;
  const entries: Record<string, unknown> = {
    __metadata__: { imagiq: JSON.stringify(header), leftOut: String(leftOut) },
  };
  let offset = 0;
  const add = (name: string, dtype: string, shape: number[], bytes: number): void => {
    const size = shape.reduce((product, side) => product * side, bytes);
    entries[name] = { dtype, shape, data_offsets: [offset, offset + size] };
    offset = aligned(offset + size);
  };
  add('images', 'U16', [examples, height, width, channels], 2);
  add('labels', 'I32', [examples], 4);
  add('split', 'U8', [examples], 1);
  add('patients', 'I32', [examples], 4);
  return JSON.stringify(entries);
}

/** Labels, splits and patients as they follow the images, each at a multiple of 8. */
function columnsOf(
  examples: readonly { label: number; split: SplitName; patient: number }[],
  imageBytes: number,
): Uint8Array {
  const gap = aligned(imageBytes) - imageBytes;
  const labels = gap;
  const splits = labels + aligned(examples.length * 4);
  const patients = splits + aligned(examples.length);
  const bytes = Buffer.alloc(patients + aligned(examples.length * 4));
  examples.forEach(({ label, split, patient }, index) => {
    bytes.writeInt32LE(label, labels + index * 4);
    bytes.writeUInt8(splitCodes[split], splits + index);
    bytes.writeInt32LE(patient, patients + index * 4);
  });
  return bytes;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / alignmentBytes) * alignmentBytes;
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}
