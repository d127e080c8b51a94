// What the trunk computes, from files to files: nothing but plain values goes in and comes out, so that a thread can do it
// (trunk-threads.ts). Updates are read a block at a time, however many there are.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { TrunkRule, UpdateForm } from '../../contract/federation.ts';
import { type ByteRanges, rangesOf } from '../aggregation/byte-ranges.ts';
import { type Commit, commitOf, commitOfUpdates } from '../aggregation/trunk-commit.ts';
import { checkStatistics, rebasedStatistics } from '../aggregation/measured-statistics.ts';
import { carriedLayout, type LayoutRule, updateLayout } from '../aggregation/update-layout.ts';
import { checkValues, unpackedUpdate } from '../aggregation/update.ts';
import { normFault } from '../aggregation/update-norm.ts';
import { openUpdate, openWeights } from '../aggregation/update-values.ts';
import { encodeWeights, type WeightLayout } from '../aggregation/weights.ts';
import { openBlobFolder } from '../protocol/blob-folder.ts';
import type { Contribution } from '../aggregation/contributions.ts';
import { type FileRanges, openFileRanges } from './file-ranges.ts';
import { combinationOfSum, type SumToCombine } from './masked-sum.ts';

export interface CheckTask {
  readonly kind: 'check';
  readonly update: string;
  readonly form: UpdateForm;
  /** File of the weights that it started from, and which of their tensors it has. */
  readonly startedFrom: string;
  readonly carries: LayoutRule;
  readonly statistics: ReadonlySet<string>;
  readonly maxUpdateNorm: number | null;
}

export interface CommitTask {
  readonly kind: 'commit';
  /** Where the results are put. */
  readonly blobs: { readonly folder: string; readonly isShared: boolean };
  /** File of the trunk's weights. */
  readonly base: string;
  readonly statistics: ReadonlySet<string>;
  /** Which of the trunk's tensors its updates have. */
  readonly carries: LayoutRule;
  readonly rule: TrunkRule;
  /** File of what the last commit's optimiser left. */
  readonly optimizerState: string | null;
  /** Of the last commit it is kept no more. */
  readonly isLast: boolean;
  readonly from:
    | { readonly updates: readonly FiledUpdate[]; readonly form: UpdateForm }
    /** The sum of a masked buffer. */
    | SumToCombine;
}

export interface FiledUpdate extends Contribution {
  readonly file: string;
  /** File of the weights that it started from, where these are not the trunk's any more and it measured statistics; else null. */
  readonly startedFrom: string | null;
}

/** Names of the blobs that a commit wrote, which are on the disk, and the sites whose updates are not in it. */
export interface MadeCommit {
  readonly blob: string;
  readonly bytes: number;
  readonly optimizerBlob: string | null;
  readonly leftOut: readonly string[];
}

export type CommitStep = 'optimizer-state-written' | 'trunk-blob-written';

interface UpdateShape {
  readonly layout: WeightLayout;
  readonly form: UpdateForm;
}

/** @throws Fault 550–557, 562 or 563 with the reason why the update is refused. */
export function checkUpdate({ update, form, startedFrom, carries, statistics, maxUpdateNorm }: CheckTask): void {
  withFiles((files) => {
    const from = openWeights(files.of(startedFrom));
    const layout = carriedLayout(from.layout, carries);
    const isPacked = form.updateCompression === 'zstd';
    const bytes = isPacked ? rangesOf(unpackedUpdate(readFileSync(update), { layout, form })) : files.of(update);
    const opened = openUpdate(bytes, { layout, form });
    checkValues(opened, layout);
    checkStatistics(opened, { layout, from: from.values, statistics });
    const fault = normFault(opened, { layout: updateLayout(from.layout, carries), statistics, maxUpdateNorm });
    if (fault !== null) throw fault;
  });
}

/**
 * Makes the commit and writes what comes of it durably, the optimiser's state first. The same task gives the same bytes: cut off
 * anywhere, it is done again.
 */
export async function makeCommit(
  task: CommitTask,
  onStep: (step: CommitStep) => void | Promise<void>,
): Promise<MadeCommit> {
  const blobs = openBlobFolder(task.blobs.folder, task.blobs);
  const { bytes, optimizerState, leftOut } = withFiles((files) => commitFrom(files, task));
  const optimizerBlob = optimizerState === null || task.isLast ? null : blobs.put(encodeWeights(optimizerState));
  await onStep('optimizer-state-written');
  const blob = blobs.put(bytes);
  await onStep('trunk-blob-written');
  return { blob, bytes: bytes.byteLength, optimizerBlob, leftOut };
}

function commitFrom(files: FileRanges, task: CommitTask): Commit {
  const { blobs, statistics, carries, rule, optimizerState, from } = task;
  const base = openWeights(files.of(task.base));
  const layout = updateLayout(base.layout, carries);
  const order = {
    base,
    layout,
    statistics,
    rule,
    optimizerState: optimizerState === null ? null : openWeights(files.of(optimizerState)).values,
  };
  if ('sum' in from)
    return commitOf({ ...order, combination: combinationOfSum({ ...from, ...order, base: base.values }) });
  const { form } = from;
  const carried = carriedLayout(base.layout, carries);
  const updates = from.updates.map(({ file, startedFrom, ...contribution }) => {
    const isPacked = form.updateCompression === 'zstd';
    const bytes = isPacked ? unpackedRanges(files, blobs.folder, file, { layout: carried, form }) : files.of(file);
    const change = openUpdate(bytes, { layout: carried, form });
    if (startedFrom === null) return { ...contribution, values: change };
    const started = openWeights(files.of(startedFrom)).values;
    return { ...contribution, values: rebasedStatistics(change, { base: started, current: base.values, statistics }) };
  });
  return commitOfUpdates({ ...order, updates });
}

/**
 * Of a packed update what is packed, written out beside blobs that are still arriving: it is too much to hold of many updates at once.
 * A kill leaves it there until the sweep of such blobs (blob-sweep.ts).
 */
function unpackedRanges(files: FileRanges, folder: string, file: string, expected: UpdateShape): ByteRanges {
  const bytes = readFileSync(file);
  const unpacked = unpackedUpdate(bytes, expected);
  if (unpacked === bytes) return files.of(file);
  const scratch = path.join(folder, 'unfinished', `unpacked-${randomUUID()}`);
  return files.scratch(scratch, unpacked);
}

function withFiles<T>(work: (files: FileRanges) => T): T {
  const files = openFileRanges();
  try {
    return work(files);
  } finally {
    files.close();
  }
}
