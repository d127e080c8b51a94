// The worker thread behind instance-intake.ts: reads headers of arrived files, compares, places and removes them.
import { copyFileSync, linkSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { parentPort } from 'node:worker_threads';
import { damageMended } from './file-damage.ts';
import { readInstance, type ReadOutcome } from './read-instance.ts';
import { isSameInstance } from './same-instance.ts';

export type ArrivalTask =
  /** Reads the header; a file that is an instance is renamed to `keptAs`, from when on it counts as arrived. */
  | { readonly kind: 'read'; readonly file: string; readonly keptAs: string }
  | { readonly kind: 'compare'; readonly held: string; readonly file: string; readonly mayMend: boolean }
  /** Gives files a second name each; the first stays until they are indexed. */
  | { readonly kind: 'place'; readonly files: readonly PlaceAsked[] }
  | { readonly kind: 'remove'; readonly files: readonly string[] };

/** `whole`: it is, and the one that is held is damaged. */
export type Likeness = { readonly is: 'same' | 'other' } | { readonly is: 'whole'; readonly damage: string };

export interface PlaceAsked {
  readonly file: string;
  readonly target: string;
}

export interface ArrivalResults {
  readonly read: ReadOutcome;
  readonly compare: Likeness;
  /** In the order of `files`: false for one that is no longer there, or that cannot be placed while another can. */
  readonly place: readonly boolean[];
  readonly remove: null;
}

export type ArrivalAnswer =
  | { readonly id: number; readonly result: ArrivalResults[ArrivalTask['kind']] }
  | { readonly id: number; readonly error: { readonly message: string; readonly code: string | null } };

parentPort?.on('message', ({ id, task }: { id: number; task: ArrivalTask }) => {
  let answer: ArrivalAnswer;
  try {
    answer = { id, result: resultOf(task) };
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    const message = error instanceof Error ? error.message : String(error);
    answer = { id, error: { message, code: typeof code === 'string' ? code : null } };
  }
  parentPort?.postMessage(answer, []);
});

function resultOf(task: ArrivalTask): ArrivalResults[ArrivalTask['kind']] {
  if (task.kind === 'compare') return likenessOf(task);
  if (task.kind === 'place') return placeAll(task.files);
  if (task.kind === 'remove') {
    for (const file of task.files) rmSync(file, { force: true });
    return null;
  }
  const outcome = readInstance(task.file, null);
  if (outcome.kind === 'instance' && task.file !== task.keptAs) renameSync(task.file, task.keptAs);
  return outcome;
}

function likenessOf({ held, file, mayMend }: Extract<ArrivalTask, { kind: 'compare' }>): Likeness {
  const damage = mayMend ? damageMended(held, file) : null;
  if (damage !== null) return { is: 'whole', damage };
  return { is: isSameInstance(held, file) === true ? 'same' : 'other' };
}

/** @throws why none could be placed */
function placeAll(files: readonly PlaceAsked[]): boolean[] {
  let failure: unknown = null;
  const placed = files.map(({ file, target }) => {
    try {
      place(file, target);
      return true;
    } catch (error) {
      // A file that somebody took out of the incoming folder is not waited for.
      if ((error as { code?: unknown }).code !== 'ENOENT') failure ??= error;
      return false;
    }
  });
  if (failure !== null && !placed.includes(true)) throw failure;
  return placed;
}

function place(file: string, target: string): void {
  try {
    linkOrMakeFolder(file, target);
  } catch (error) {
    const { code } = error as { code?: unknown };
    // The name is this arrival's own: a station that was killed had placed it. Of a copy a power cut may have left a part.
    if (code === 'EEXIST' && statSync(target).size === statSync(file).size) return;
    if (code === 'ENOENT') throw error;
    // A file system without hard links.
    // In the incoming folder: what a killed station leaves of it goes at the next open.
    const beside = `${file}.${process.pid}-${performance.now()}.part`;
    try {
      copyFileSync(file, beside);
      renameSync(beside, target);
    } catch (failure) {
      // Placing is tried again every few seconds: a disk that is full must not fill with half copies.
      rmSync(beside, { force: true });
      throw failure;
    }
  }
}

function linkOrMakeFolder(file: string, target: string): void {
  try {
    linkSync(file, target);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
    mkdirSync(path.dirname(target), { recursive: true });
    linkSync(file, target);
  }
}
