// The worker thread behind instance-intake.ts: reads headers of arrived files, compares and places them.
import { createHash } from 'node:crypto';
import { closeSync, copyFileSync, linkSync, mkdirSync, openSync, readSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parentPort } from 'node:worker_threads';
import { readInstance, type ReadOutcome } from './read-instance.ts';
import { isSameInstance } from './same-instance.ts';

export type ArrivalTask =
  /** Reads the header; a file that is an instance is renamed to `keptAs`, from when on it counts as arrived. */
  | { readonly kind: 'read'; readonly file: string; readonly keptAs: string }
  | { readonly kind: 'compare'; readonly held: string; readonly file: string }
  /** Gives files their names by content inside `folder`; the arrived files stay until they are indexed. */
  | { readonly kind: 'place'; readonly files: readonly string[]; readonly folder: string }
  | { readonly kind: 'remove'; readonly files: readonly string[] };

export interface PlacedArrival {
  /** Relative to the library's folder. */
  readonly stored: string;
  /** SHA-256 */
  readonly fileHash: string;
}

export interface ArrivalResults {
  readonly read: ReadOutcome;
  readonly compare: boolean | null;
  /** In the order of `files`; null where one is no longer there. */
  readonly place: readonly (PlacedArrival | null)[];
  readonly remove: null;
}

export type ArrivalAnswer =
  | { readonly id: number; readonly result: ArrivalResults[ArrivalTask['kind']] }
  | { readonly id: number; readonly error: { readonly message: string; readonly code: string | null } };

const pieceBytes = 1024 * 1024;

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
  if (task.kind === 'compare') return isSameInstance(task.held, task.file);
  if (task.kind === 'place') return task.files.map((file) => placeWhereThere(file, task.folder));
  if (task.kind === 'remove') {
    for (const file of task.files) rmSync(file, { force: true });
    return null;
  }
  const outcome = readInstance(task.file, null);
  if (outcome.kind === 'instance' && task.file !== task.keptAs) renameSync(task.file, task.keptAs);
  return outcome;
}

function placeWhereThere(file: string, folder: string): PlacedArrival | null {
  try {
    return place(file, folder);
  } catch (error) {
    // A file that somebody took out of the incoming folder is not waited for.
    if ((error as { code?: unknown }).code === 'ENOENT') return null;
    throw error;
  }
}

function place(file: string, folder: string): PlacedArrival {
  const fileHash = hashOf(file);
  const stored = path.join('instances', fileHash.slice(0, 2), `${fileHash}.dcm`);
  const target = path.join(folder, stored);
  try {
    linkOrMakeFolder(file, target);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EEXIST') return { stored, fileHash };
    // A file system without hard links.
    const beside = `${target}.${process.pid}-${performance.now()}.part`;
    try {
      copyFileSync(file, beside);
      renameSync(beside, target);
    } catch (failure) {
      // Placing is tried again every few seconds: a disk that is full must not fill with half copies.
      rmSync(beside, { force: true });
      throw failure;
    }
  }
  return { stored, fileHash };
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

const piece = Buffer.allocUnsafeSlow(pieceBytes);

function hashOf(file: string): string {
  const hash = createHash('sha256');
  const input = openSync(file, 'r');
  try {
    for (;;) {
      const got = readSync(input, piece, 0, pieceBytes, null);
      if (got === 0) return hash.digest('hex');
      hash.update(piece.subarray(0, got));
    }
  } finally {
    closeSync(input);
  }
}
