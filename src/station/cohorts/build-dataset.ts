// A cohort version as one tensor file: pixels, labels, splits and patient numbers, without any identity.
import { createHmac } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import type { Cohort } from '../../contract/cohort.ts';
import { type DatasetHeader, datasetHeaderSchema } from '../../contract/dataset.ts';
import type { Frame } from '../../contract/dicom.ts';
import { Fault } from '../../contract/fault.ts';
import { decodeTensorLayout, tensorHeaderBytes } from '../../contract/safetensors.ts';
import { isDiskFull, stationFault } from '../faults.ts';
import type { LibraryForCohorts } from './cohort-library.ts';
import type { CohortItem } from './cohort-store.ts';
import { openDatasetWriter } from './dataset-writer.ts';
import { cohortFaults } from './faults.ts';
import { imageValues } from './image-values.ts';

export interface DatasetOptions {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Where data set files are kept. */
  readonly folder: string;
  readonly signal: AbortSignal;
  onProgress(progress: { done: number; total: number }): void;
}

export interface Dataset {
  readonly file: string;
  readonly header: DatasetHeader;
  /** Images of the cohort that could not be decoded and are not in the file. */
  readonly leftOut: number;
  readonly warnings: readonly string[];
}

/** Changes whenever the same frame would give other numbers, so that old files are not taken for new ones. */
const preprocessingVersion = 1;
/** Frames decoded ahead of the writer. */
const ahead = 8;

/**
 * Writes the data set, or finds it written: its name comes from the cohort's hash and the shape.
 * @throws Fault 214 when no training image can be read, 603 when the disk is full; the signal's reason when aborted.
 */
export async function buildDatasetFile(
  parts: DatasetOptions & {
    cohort: Cohort;
    items: readonly CohortItem[];
    library: LibraryForCohorts;
    pseudonymKey: Uint8Array;
  },
): Promise<Dataset> {
  const { cohort, height, width, channels, folder, signal } = parts;
  signal.throwIfAborted();
  const name = `${cohort.hash.slice(0, 40)}-${height}x${width}x${channels}-v${preprocessingVersion}.safetensors`;
  const file = path.join(folder, name);
  const present = await readWritten(file);
  if (present !== null) return datasetOf(file, present);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return datasetOf(file, await write(file, parts));
  } catch (error) {
    throw isDiskFull(error) ? stationFault.diskFull() : error;
  }
}

interface Written {
  header: DatasetHeader;
  leftOut: number;
}

async function write(file: string, parts: Parameters<typeof buildDatasetFile>[0]): Promise<Written> {
  const { cohort, library, pseudonymKey: key, height, width, channels, signal, onProgress } = parts;
  const items = inKeyedOrder(parts.items, key, ({ sopInstanceUID }) => `example/${sopInstanceUID}`);
  const patients = inKeyedOrder(
    [...new Set(items.map(({ patient }) => patient))],
    key,
    (patient) => `patient/${patient}`,
  );
  const patientNumber = new Map(patients.map((patient, index) => [patient, index]));
  const classes = cohort.classes.map(({ name }) => name);
  const writer = await openDatasetWriter(file, {
    classes,
    examples: items.length,
    height,
    width,
    channels,
    cohortHash: cohort.hash,
  });
  let leftOut = 0;
  let trained = 0;
  let firstReason: string | null = null;
  try {
    const decoded = decodedAhead(items, library);
    for (const [index, item] of items.entries()) {
      signal.throwIfAborted();
      const frame = await decoded();
      const image = frame instanceof Error ? frame : valuesOrError(frame, { height, width, channels });
      if (image instanceof Error) {
        leftOut += 1;
        firstReason ??= image instanceof Fault ? image.message : 'the image is not well formed.';
      } else {
        const patient = patientNumber.get(item.patient) ?? 0;
        await writer.add(image, { label: item.label, split: item.split, patient });
        if (item.split === 'train') trained += 1;
      }
      onProgress({ done: index + 1, total: items.length });
    }
    if (trained === 0) throw cohortFaults.nothingDecodes(items.length, firstReason ?? 'there is none.');
    return { header: await writer.finish(leftOut), leftOut };
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

/** Gives the frames of `items` in their order, a few being decoded in advance; a refusal comes as an error. */
function decodedAhead(items: readonly CohortItem[], library: LibraryForCohorts): () => Promise<Frame | Error> {
  const pending: Promise<Frame | Error>[] = [];
  let next = 0;
  return async () => {
    while (pending.length < ahead && next < items.length) {
      const item = items[next];
      next += 1;
      if (item === undefined) break;
      // Of a multi-frame instance the middle frame stands for all.
      const middle = Math.max(1, Math.ceil(item.frames / 2));
      pending.push(library.frame(item.sopInstanceUID, middle).catch(errorOf));
    }
    const first = pending.shift();
    if (first === undefined) throw new Error('more frames asked for than there are items');
    return first;
  };
}

function valuesOrError(frame: Frame, shape: { height: number; width: number; channels: number }): Uint16Array | Error {
  try {
    return imageValues(frame, shape);
  } catch (error) {
    return errorOf(error);
  }
}

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** An order that tells nothing about patients or dates, the same every time at this site. */
function inKeyedOrder<Item>(items: readonly Item[], key: Uint8Array, nameOf: (item: Item) => string): Item[] {
  return items
    .map((item) => ({ item, rank: createHmac('sha256', key).update(nameOf(item)).digest('hex') }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .map(({ item }) => item);
}

function datasetOf(file: string, { header, leftOut }: Written): Dataset {
  const warnings =
    leftOut === 0
      ? []
      : [
          `${leftOut} ${leftOut === 1 ? 'image' : 'images'} of the cohort could not be read and ${leftOut === 1 ? 'is' : 'are'} left out.`,
        ];
  return { file, header, leftOut, warnings };
}

/** What a finished file says of itself; null where there is none, or one that is damaged and has to be written again. */
async function readWritten(file: string): Promise<Written | null> {
  let handle;
  try {
    handle = await open(file, 'r');
  } catch {
    return null;
  }
  try {
    const { size } = await handle.stat();
    const first = Buffer.alloc(8);
    await handle.read(first, 0, 8, 0);
    const head = Buffer.alloc(tensorHeaderBytes(first, size));
    await handle.read(head, 0, head.length, 0);
    const { metadata } = decodeTensorLayout(head, size);
    const header = datasetHeaderSchema.parse(JSON.parse(metadata['imagiq'] ?? ''));
    return { header, leftOut: Number(metadata['leftOut'] ?? 0) };
  } catch {
    return null;
  } finally {
    await handle.close();
  }
}
