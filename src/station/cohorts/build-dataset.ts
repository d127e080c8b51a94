// A cohort version as one tensor file: pixels, labels, splits and patient numbers, without any identity.
import { createHash, createHmac } from 'node:crypto';
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
  /**
   * Classes of the labels, in the order of the label indices: a project's, of which the cohort may lack some.
   * Default: the cohort's own.
   */
  readonly classes?: readonly string[];
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
 * @throws Fault 613 when the cohort has a class that is not among `classes`, 214 when no training image can be read, 603 when the disk is full; the signal's reason when aborted.
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
  const labels = classLabels(cohort, parts.classes);
  const shape = `${height}x${width}x${channels}`;
  const file = path.join(
    folder,
    `${datasetStem(cohort.hash)}-${shape}${labels.mark}-v${preprocessingVersion}.safetensors`,
  );
  const present = await readWritten(file);
  if (present !== null) return datasetOf(file, present);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return datasetOf(file, await write(file, parts, labels));
  } catch (error) {
    throw isDiskFull(error) ? stationFault.diskFull() : error;
  }
}

/** What the names of all data set files of a cohort version begin with. */
export function datasetStem(cohortHash: string): string {
  return cohortHash.slice(0, 40);
}

/** Which label index each of the cohort's classes has in the file. */
interface ClassLabels {
  readonly classes: readonly string[];
  /** By the cohort's own label index. */
  readonly label: readonly number[];
  /** Part of the file's name that tells another class list apart; empty for the cohort's own. */
  readonly mark: string;
}

/** Labels go by name: two sites, and the project, may list the same classes in another order. @throws Fault 613 */
export function classLabels(cohort: Pick<Cohort, 'classes'>, classes?: readonly string[]): ClassLabels {
  const own = cohort.classes.map(({ name }) => name);
  const wanted = classes ?? own;
  const label = own.map((name) => wanted.indexOf(name));
  if (label.includes(-1)) throw stationFault.otherClasses(own, wanted);
  const isOwn = wanted.length === own.length && label.every((index, position) => index === position);
  const hash = createHash('sha256').update(JSON.stringify(wanted)).digest('hex').slice(0, 16);
  return { classes: wanted, label, mark: isOwn ? '' : `-classes-${hash}` };
}

interface Written {
  header: DatasetHeader;
  leftOut: number;
}

async function write(
  file: string,
  parts: Parameters<typeof buildDatasetFile>[0],
  labels: ClassLabels,
): Promise<Written> {
  const { cohort, library, pseudonymKey: key, height, width, channels, signal, onProgress } = parts;
  const items = inKeyedOrder(parts.items, key, ({ sopInstanceUID }) => `example/${sopInstanceUID}`);
  const patients = inKeyedOrder(
    [...new Set(items.map(({ patient }) => patient))],
    key,
    (patient) => `patient/${patient}`,
  );
  const patientNumber = new Map(patients.map((patient, index) => [patient, index]));
  const writer = await openDatasetWriter(file, {
    task: 'classification',
    classes: [...labels.classes],
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
        await writer.add(image, { label: labels.label[item.label] ?? 0, split: item.split, patient });
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
