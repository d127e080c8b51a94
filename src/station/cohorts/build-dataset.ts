// A cohort version as a data set: shards of images and masks, and one file with labels, splits and patient numbers, without any
// identity. A build that was cut short goes on from the shards that are whole.
import { createHash, createHmac } from 'node:crypto';
import { statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Cohort } from '../../contract/cohort.ts';
import { type DatasetHeader, shardFolder, splitCodes } from '../../contract/dataset.ts';
import type { Task } from '../../contract/network.ts';
import type { Preprocessing } from '../../contract/preprocessing.ts';
import { isDiskFull, stationFault } from '../faults.ts';
import type { CohortItem } from './cohort-items.ts';
import type { LibraryForCohorts } from './cohort-library.ts';
import { type BuiltColumns, datasetFileBytes, readDatasetHead } from './dataset-columns.ts';
import { cohortFaults } from './faults.ts';
import { defaultPreprocessing } from './preprocess.ts';
import { readShard, shardsIn } from './shard-file.ts';
import { plannedShards, type PlannedShard, type ShardPlan } from './shard-plan.ts';
import type { ExampleTask, Extent, FramePlace, WrittenShard } from './shard-task.ts';
import { openShardThreads, type ShardThreads } from './shard-threads.ts';
import { writeFileDurably } from '../home/durable-file.ts';

export interface DatasetOptions {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** The task that the data set is wanted for; default: the cohort's. */
  readonly task?: Task;
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

/** Shards made at once. The rest of the machine is its user's. */
const threadCount = Math.max(1, Math.min(4, os.availableParallelism() - 1));
/** Volumes that the common spacing is taken from. */
const measuredPatients = 32;

export interface BuildParts extends DatasetOptions {
  readonly cohort: Cohort;
  /** Items of patients whose pseudonym is at least `from` and less than `to`, in the order of patients. */
  itemsBetween(from: string, to: string): readonly CohortItem[];
  readonly library: LibraryForCohorts;
  readonly pseudonymKey: Uint8Array;
}

/**
 * Builds the data set, or finds it built: its name comes from the cohort's hash, the shape and the preprocessing.
 * @throws Fault 227 when it is made for another task, 613 when the cohort has a class that is not among `classes`, 214 when no
 * training image can be read, 603 when the disk is full; the signal's reason when aborted.
 */
export async function buildDatasetFile(parts: BuildParts): Promise<Dataset> {
  const { cohort, folder, signal } = parts;
  signal.throwIfAborted();
  if (parts.task !== undefined && parts.task !== cohort.task) throw cohortFaults.otherTask(cohort.task, parts.task);
  const labels = classLabels(cohort, parts.classes);
  const asked = defaultPreprocessing(cohort.task, parts, null);
  const chainMark = createHash('sha256').update(JSON.stringify(asked)).digest('hex').slice(0, 12);
  const shape = `${parts.height}x${parts.width}x${parts.channels}`;
  const file = path.join(folder, `${datasetStem(cohort.hash)}-${shape}-${chainMark}${labels.mark}.safetensors`);
  const shards = path.join(folder, shardFolder);
  try {
    const present = readDatasetHead(file);
    if (present !== null && areWhole(shards, present.header)) return datasetOf(file, present.header, present.leftOut);
    await mkdir(shards, { recursive: true, mode: 0o700 });
    const { header, leftOut } = await build(file, shards, parts, labels, asked);
    return datasetOf(file, header, leftOut);
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

/** Shards that this process found whole, as they are on the disk. */
const foundWhole = new Set<string>();

function areWhole(folder: string, header: DatasetHeader): boolean {
  return (header.shards ?? []).every(({ file }) => {
    const version = versionOf(path.join(folder, file));
    if (version === null) return false;
    if (!foundWhole.has(version) && readShard(folder, file) === null) return false;
    foundWhole.add(version);
    return true;
  });
}

/** Null where there is no such file. */
function versionOf(place: string): string | null {
  const stat = statSync(place, { throwIfNoEntry: false });
  return stat === undefined ? null : `${place} ${stat.size} ${stat.mtimeMs}`;
}

async function build(
  file: string,
  folder: string,
  parts: BuildParts,
  labels: ClassLabels,
  asked: Preprocessing,
): Promise<{ header: DatasetHeader; leftOut: number }> {
  const { cohort, signal, onProgress } = parts;
  const threads = openShardThreads({ count: threadCount });
  const abort = (): void => void threads.close();
  signal.addEventListener('abort', abort);
  try {
    const spacingMm = cohort.task === 'segmentation' ? await commonSpacingMm(threads, parts) : null;
    signal.throwIfAborted();
    const chain: Preprocessing = { ...asked, spacingMm };
    const plan: ShardPlan = {
      cohort,
      chain,
      key: parts.pseudonymKey,
      itemsBetween: parts.itemsBetween,
      label: labels.label,
    };
    const columns: BuiltColumns[] = [];
    const present = shardsIn(folder);
    const progress = { done: 0, total: cohort.instances };
    const advance = (by: number): void => {
      progress.done += by;
      onProgress({ ...progress });
    };
    const underWay = new Set<Promise<void>>();
    let firstReason: string | null = null;
    for (const planned of plannedShards(plan)) {
      signal.throwIfAborted();
      const make = async (): Promise<void> => {
        const known = present.get(planned.recipe);
        const whole = known === undefined ? null : readShard(folder, known);
        // One with gaps is made again: what could not be read may have come back.
        const isReused = whole !== null && whole.firstReason === null;
        const shard = isReused
          ? whole
          : await threads.build(taskOf(planned, folder, labels.classes.length, chain, parts), () => advance(1));
        if (isReused) advance(planned.items.length);
        const version = shard.file === null ? null : versionOf(path.join(folder, shard.file));
        if (version !== null) foundWhole.add(version);
        firstReason ??= shard.firstReason;
        columns[planned.index] = columnsOf(planned, shard);
      };
      const working: Promise<void> = make().finally(() => underWay.delete(working));
      underWay.add(working);
      working.catch(() => {});
      // As many as there are threads, and one that waits.
      if (underWay.size > threadCount) await Promise.race(underWay);
    }
    await Promise.all(underWay);
    signal.throwIfAborted();
    const { bytes, header, leftOut } = datasetFileBytes({
      cohort,
      chain,
      classes: labels.classes,
      label: labels.label,
      columns: columns.filter((column) => column !== undefined),
    });
    if (!columns.some(({ splits }) => splits.includes(splitCodes.train)))
      throw cohortFaults.nothingDecodes(cohort.instances, firstReason ?? 'there is none.');
    writeFileDurably(file, bytes);
    return { header, leftOut };
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', abort);
    await threads.close();
  }
}

/** What is kept of a shard's examples until all shards are there: a few bytes for each. */
function columnsOf({ items, firstPatient, patientOf }: PlannedShard, shard: WrittenShard): BuiltColumns {
  const kept = [...shard.kept].map((index) => items[index]!);
  return {
    file: shard.file,
    planned: items.length,
    labels: kept.map(({ labels }) => labels),
    splits: Uint8Array.from(kept, ({ split }) => splitCodes[split]),
    patients: Int32Array.from(shard.kept, (index) => firstPatient + patientOf[index]!),
    moments: shard.moments,
    pixels: shard.pixels,
    places: shard.places,
    volumes: shard.volumes,
  };
}

function taskOf(
  { recipe, items }: PlannedShard,
  folder: string,
  classes: number,
  chain: Preprocessing,
  { library, cohort, pseudonymKey }: BuildParts,
): Parameters<ShardThreads['build']>[0] {
  const paths = new Map<string, string>();
  const pathOf = (uid: string): string => {
    const known = paths.get(uid) ?? library.instanceFile(uid)?.path ?? '';
    paths.set(uid, known);
    return known;
  };
  // One list for all slices of a volume: a message to a thread holds it once.
  const stacks = new Map<string, readonly FramePlace[]>();
  const stackOf = ({ sopInstanceUID, frames }: CohortItem): readonly FramePlace[] | null => {
    if (cohort.task !== 'segmentation' || frames > 1) return null;
    const stack = library.stack(sopInstanceUID).map(({ path: place }) => ({ path: place, frame: 1 }));
    const own = pathOf(sopInstanceUID);
    if (!stack.some((one) => one.path === own)) return [{ path: own, frame: 1 }];
    const name = `${stack[0]?.path} ${stack.length}`;
    const known = stacks.get(name) ?? stack;
    stacks.set(name, known);
    return known;
  };
  const placedIn = (item: CohortItem): Pick<ExampleTask, 'stack' | 'volume'> => {
    const stack = stackOf(item);
    if (cohort.task !== 'segmentation') return { stack };
    // A volume is a file of several frames, or the slices that lie with this one.
    const name = `volume/${stack === null ? pathOf(item.sopInstanceUID) : stack[0]?.path}`;
    const digest = createHmac('sha256', pseudonymKey).update(name).digest();
    return { stack, volume: [digest.readInt32LE(0), digest.readInt32LE(4)] };
  };
  const examples = items.map((item): ExampleTask => ({
    sopInstanceUID: item.sopInstanceUID,
    path: pathOf(item.sopInstanceUID),
    frame: item.frame,
    ...placedIn(item),
    masks: item.masks.map((mask) => ({ path: pathOf(mask.sopInstanceUID), classes: mask.classes })),
  }));
  return { folder, recipe, task: cohort.task, classes, chain, examples, skipped: [] };
}

/**
 * The finest spacing of 2^(n/4) mm at which the largest of some volumes still fits into the network's size: one scale for all, and
 * for similar cohorts of several sites the same one. Null where none tells its spacing.
 */
async function commonSpacingMm(threads: ShardThreads, parts: BuildParts): Promise<number | null> {
  const { height, width } = parts;
  const extent = await sampledExtent(threads, parts);
  if (extent === null) return null;
  const needed = Math.max(extent.heightMm / height, extent.widthMm / width);
  return 2 ** (Math.ceil(4 * Math.log2(needed) - 1e-6) / 4);
}

/** How many pixels the larger side of a cohort's images has at their finest spacing; null where none tells its spacing. */
export async function largestSidePixels(parts: SampledParts): Promise<number | null> {
  const threads = openShardThreads({ count: 1 });
  try {
    const extent = await sampledExtent(threads, parts);
    return extent && Math.round(Math.max(extent.heightMm, extent.widthMm) / extent.finestSpacingMm);
  } finally {
    await threads.close();
  }
}

type SampledParts = Pick<BuildParts, 'itemsBetween' | 'library'>;

async function sampledExtent(threads: ShardThreads, { itemsBetween, library }: SampledParts): Promise<Extent | null> {
  const places: FramePlace[] = [];
  const patients = new Set<string>();
  // Pseudonyms are evenly spread: the first ones are a sample.
  for (let prefix = 0; prefix < 256 && patients.size < measuredPatients; prefix += 1) {
    for (const item of itemsBetween(hexOf(prefix), prefix === 255 ? 'g' : hexOf(prefix + 1))) {
      if (patients.has(item.patient)) continue;
      patients.add(item.patient);
      const found = library.instanceFile(item.sopInstanceUID);
      if (found !== null) places.push({ path: found.path, frame: item.frame ?? 1 });
    }
  }
  return threads.measure({ measure: places.slice(0, measuredPatients) });
}

const hexOf = (byte: number): string => byte.toString(16).padStart(2, '0');

/** Recipes of the shards that these items would be made of under a chain: what may stay when a data set goes. */
export function recipesOf(plan: ShardPlan): Set<string> {
  return new Set([...plannedShards(plan)].map(({ recipe }) => recipe));
}

function datasetOf(file: string, header: DatasetHeader, leftOut: number): Dataset {
  const images = leftOut === 1 ? 'image' : 'images';
  const warnings =
    leftOut === 0
      ? []
      : [`${leftOut} ${images} of the cohort could not be read and ${leftOut === 1 ? 'is' : 'are'} left out.`];
  return { file, header, leftOut, warnings };
}
