// A cohort version as a data set: shards of images and masks, and one file with labels, splits and patient numbers, without any
// identity. A build that was cut short goes on from the shards that are whole.
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Cohort } from '../../contract/cohort.ts';
import { type DatasetHeader, shardFolder, splitCodes } from '../../contract/dataset.ts';
import type { Task } from '../../contract/network.ts';
import type { Preprocessing } from '../../contract/preprocessing.ts';
import { isDiskFull, stationFault } from '../faults.ts';
import { type BuiltColumns, datasetFileBytes, labelColumn, readDatasetHead } from './dataset-columns.ts';
import { cohortFaults } from './faults.ts';
import { defaultPreprocessing } from './preprocess.ts';
import type { WorkRules } from '../neighbour/work-rules.ts';
import { commonSpacingMm, type SampledParts } from './sampled-extent.ts';
import { shardTask } from './shard-examples.ts';
import { shardsIn } from './shard-file.ts';
import { plannedShards, type PlannedShard, type ShardPlan } from './shard-plan.ts';
import type { WrittenShard } from './shard-task.ts';
import { openShardWork, type ShardWork } from './shard-work.ts';
import { noteFinished, noteUnfinished } from './unfinished-build.ts';
import type { WholeShards } from './whole-shards.ts';
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
  readonly classes?: readonly string[] | undefined;
  /** The chain of a model that is to see these images as it saw its own; default: the one that needs no tuning, at the cohort's spacing. */
  readonly chain?: Preprocessing | undefined;
  /** Where data set files are kept. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** `waitsFor`: why it waits, while the workstation's rules hold it. */
  onProgress(progress: { done: number; total: number; waitsFor: string | null }): void;
  /** Parts of a data set that was finished were damaged or gone on the disk, and are there again. */
  readonly onMend?: (() => void) | undefined;
}

export interface Dataset {
  readonly file: string;
  readonly header: DatasetHeader;
  /** Images of the cohort that could not be decoded and are not in the file. */
  readonly leftOut: number;
  readonly warnings: readonly string[];
}

export interface BuildParts extends DatasetOptions, SampledParts {
  readonly cohort: Cohort;
  readonly pseudonymKey: Uint8Array;
  readonly whole: WholeShards;
  readonly rules: WorkRules;
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
  const usual = defaultPreprocessing(cohort.task, parts, null);
  const fileOf = (chain: Preprocessing): string => {
    const mark = createHash('sha256').update(JSON.stringify(chain)).digest('hex').slice(0, 12);
    const shape = `${parts.height}x${parts.width}x${parts.channels}`;
    return path.join(folder, `${datasetStem(cohort.hash)}-${shape}-${mark}${labels.mark}.safetensors`);
  };
  const shards = path.join(folder, shardFolder);
  // A cohort's usual data set may have been made by just the chain that is asked for.
  const files = parts.chain === undefined ? [fileOf(usual)] : [fileOf(parts.chain), fileOf(usual)];
  let isMended = false;
  try {
    for (const file of files) {
      const present = readDatasetHead(file);
      if (present === null || !isOfChain(present.header, parts.chain)) continue;
      if (await areWhole(shards, present.header, parts)) return datasetOf(file, present.header, present.leftOut);
      isMended = true;
    }
    await mkdir(shards, { recursive: true, mode: 0o700 });
    const [file = ''] = files;
    const { header, leftOut } = await build(file, shards, parts, labels, usual);
    if (isMended) parts.onMend?.();
    return datasetOf(file, header, leftOut);
  } catch (error) {
    throw isDiskFull(error) ? stationFault.diskFull() : error;
  }
}

function isOfChain({ preprocessing }: DatasetHeader, chain: Preprocessing | undefined): boolean {
  return chain === undefined || JSON.stringify(preprocessing) === JSON.stringify(chain);
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

/** Shards that are not known to be whole are read by threads: there may be many gigabytes of them. */
async function areWhole(folder: string, header: DatasetHeader, parts: BuildParts): Promise<boolean> {
  const { whole, signal } = parts;
  const unknown = (header.shards ?? []).map(({ file }) => file).filter((file) => !whole.has(path.join(folder, file)));
  if (unknown.length === 0) return true;
  const work = workOf(parts);
  try {
    const found = await work.each(unknown, async (file) => {
      const isWhole = (await work.threads.recall({ recall: file, folder })) !== null;
      if (isWhole) whole.add(path.join(folder, file));
      return isWhole;
    });
    return found.every(Boolean);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    await work.close();
  }
}

function workOf({ rules, signal, cohort, onProgress }: BuildParts, progress = { done: 0 }): ShardWork {
  const onWait = (waitsFor: string | null): void =>
    onProgress({ done: progress.done, total: cohort.instances, waitsFor });
  return openShardWork({ rules, signal, onWait });
}

async function build(
  file: string,
  folder: string,
  parts: BuildParts,
  labels: ClassLabels,
  usual: Preprocessing,
): Promise<{ header: DatasetHeader; leftOut: number }> {
  const { cohort, signal, onProgress, whole } = parts;
  const progress = { done: 0 };
  const work = workOf(parts, progress);
  const { threads } = work;
  try {
    await work.turn();
    const isMeasured = cohort.task === 'segmentation' && parts.chain === undefined;
    const spacingMm = isMeasured ? await commonSpacingMm(threads, parts) : null;
    signal.throwIfAborted();
    const chain: Preprocessing = parts.chain ?? { ...usual, spacingMm };
    noteUnfinished(file, { chain, label: labels.label });
    const plan: ShardPlan = {
      cohort,
      chain,
      key: parts.pseudonymKey,
      itemsBetween: parts.itemsBetween,
      label: labels.label,
    };
    const columns: BuiltColumns[] = [];
    const present = shardsIn(folder);
    const advance = (by: number): void => {
      progress.done += by;
      onProgress({ done: progress.done, total: cohort.instances, waitsFor: null });
    };
    let firstReason: string | null = null;
    await work.each(plannedShards(plan), async (planned) => {
      const known = present.get(planned.recipe);
      const recalled = known === undefined ? null : await threads.recall({ recall: known, folder });
      // One with gaps is made again: what could not be read may have come back.
      const isReused = recalled !== null && recalled.firstReason === null;
      const shard = isReused
        ? recalled
        : await threads.build(shardTask(planned, folder, labels.classes.length, chain, parts), () => advance(1));
      if (isReused) advance(planned.items.length);
      if (shard.file !== null) whole.add(path.join(folder, shard.file));
      firstReason ??= shard.firstReason;
      columns[planned.index] = columnsOf(planned, shard, cohort.task, labels);
    });
    signal.throwIfAborted();
    const { bytes, header, leftOut } = datasetFileBytes({
      cohort,
      chain,
      classes: labels.classes,
      columns: columns.filter((column) => column !== undefined),
    });
    if (!columns.some(({ splits }) => splits.includes(splitCodes.train)))
      throw cohortFaults.nothingDecodes(cohort.instances, firstReason ?? 'there is none.');
    writeFileDurably(file, bytes);
    noteFinished(file);
    return { header, leftOut };
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    await work.close();
  }
}

/** What is kept of a shard's examples until all shards are there: a few bytes for each. */
function columnsOf(
  { items, firstPatient, patientOf }: PlannedShard,
  shard: WrittenShard,
  task: Task,
  { classes, label }: ClassLabels,
): BuiltColumns {
  const kept = Array.from(shard.kept, (index) => items[index]!);
  const own = kept.map(({ labels }) => labels);
  return {
    file: shard.file,
    planned: items.length,
    labels: labelColumn(task, own, label, classes.length),
    splits: Uint8Array.from(kept, ({ split }) => splitCodes[split]),
    patients: Int32Array.from(shard.kept, (index) => firstPatient + patientOf[index]!),
    moments: shard.moments,
    pixels: shard.pixels,
    places: shard.places,
    volumes: shard.volumes,
  };
}

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
