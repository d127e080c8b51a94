// An import from paths to report: files are found, read by worker threads, and written to the index by this thread in
// batches. What a batch has written stays written, so an import that is cancelled, or ends with a fault, is taken up by
// importing the same paths again.
import { existsSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { ImportProgress, ImportReport } from '../../contract/dicom.ts';
import { type Db, databaseFault } from './database.ts';
import { libraryFaults } from './faults.ts';
import { checkPaths, walkFiles } from './file-walk.ts';
import { type HeaderWorkers, openHeaderWorkers } from './header-workers.ts';
import { ImportTally } from './import-tally.ts';
import { absolutePath, type HeldInstance, indexWriter, type IndexWriter, type ReadInstance } from './index-writer.ts';
import type { ReadOutcome } from './read-instance.ts';
import { sameContent } from './same-content.ts';
import { saveImport } from './validation/import-book.ts';

export interface ImportOptions {
  readonly mode: 'reference' | 'copy';
  readonly onProgress: (progress: ImportProgress) => void;
  readonly signal: AbortSignal;
}

/** Small where whole files are copied: a cancel waits for the batches under way. */
const batchFiles = { reference: 64, copy: 8 } as const;
const batchDeadlineMs = 300_000;

export interface ImportPlace {
  readonly db: Db;
  readonly folder: string;
}

/** @throws Fault 100 (a path cannot be read), 101 (disk full; what was imported is kept). */
export async function importPaths(
  place: ImportPlace,
  paths: readonly string[],
  options: ImportOptions,
): Promise<ImportReport> {
  const roots = rootsOf(paths);
  await checkPaths(roots);
  const tally = new ImportTally(options.onProgress);
  const workers = openHeaderWorkers({
    count: Math.max(1, Math.min(8, os.availableParallelism())),
    copyFolder: options.mode === 'copy' ? place.folder : null,
    deadlineMs: batchDeadlineMs,
  });
  try {
    await readAll(place, roots, options, tally, workers);
    tally.walking = false;
    const report = await saveImport(place.db, tally, { paths, mode: options.mode, cancelled: options.signal.aborted });
    tally.tell(true);
    return report;
  } catch (error) {
    throw databaseFault(error, place.folder);
  } finally {
    await workers.close();
  }
}

/** A DICOMDIR given alone stands for the medium that it lists. */
function rootsOf(paths: readonly string[]): readonly string[] {
  const [only] = paths;
  const isIndex = paths.length === 1 && only !== undefined && path.basename(only).toUpperCase() === 'DICOMDIR';
  return isIndex ? [path.dirname(path.resolve(only))] : paths;
}

async function readAll(
  place: ImportPlace,
  roots: readonly string[],
  { signal, mode }: ImportOptions,
  tally: ImportTally,
  workers: HeaderWorkers,
): Promise<void> {
  const writer = indexWriter(place.db);
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | null = null;
  // Batches are written one after another, in the order in which they were found: of two equal files the first counts.
  let writing = Promise.resolve();

  const isOver = (): boolean => signal.aborted || failure !== null;
  const begin = (paths: string[]): void => {
    const read = workers.read(paths, signal);
    const written = writing.then(async () => {
      const outcomes = await read;
      if (failure === null) await writeBatch(place, writer, outcomes, tally);
      tally.tell();
    });
    writing = written.catch((error: unknown) => {
      failure ??= { error };
    });
    const whole = writing.finally(() => running.delete(whole));
    running.add(whole);
  };

  let batch: string[] = [];
  for await (const found of walkFiles(roots, signal)) {
    if (isOver()) break;
    tally.found += 1;
    if ('reason' in found) tally.refuse(found.path, found.reason);
    else batch.push(found.path);
    if (batch.length < batchFiles[mode]) continue;
    begin(batch);
    batch = [];
    tally.tell();
    while (running.size > workers.count * 2) await Promise.race(running);
  }
  if (batch.length > 0 && !isOver()) begin(batch);
  tally.walking = false;
  await Promise.all(running);
  const failed = failure as { readonly error: unknown } | null;
  if (failed !== null) throw failed.error;
}

async function writeBatch(
  place: ImportPlace,
  writer: IndexWriter,
  outcomes: readonly ReadOutcome[],
  tally: ImportTally,
): Promise<void> {
  const fresh = new Map<string, ReadInstance>();
  const known: ReadInstance[] = [];
  let isDiskFull = false;
  for (const outcome of outcomes) {
    if (outcome.kind === 'refused') tally.refuse(outcome.path, outcome.reason);
    else if (outcome.kind === 'directory-file') tally.found -= 1;
    else if (outcome.kind === 'disk-full') isDiskFull = true;
    else {
      const { instance } = outcome;
      const uid = instance.record.sopInstanceUID;
      if (fresh.has(uid) || writer.held(uid) !== null) known.push(instance);
      else fresh.set(uid, instance);
    }
  }
  const batch = [...fresh.values()];
  writer.insert(batch);
  tally.imported += batch.length;
  for (const { record } of batch) tally.place(record.studyInstanceUID, record.seriesInstanceUID);
  for (const instance of known) await settleKnown(place, writer, instance, tally);
  if (isDiskFull) throw libraryFaults.diskFull(place.folder);
}

/** A file whose SOP Instance UID the index already holds: the same again, moved, changed in place, or another. */
async function settleKnown(
  place: ImportPlace,
  writer: IndexWriter,
  found: ReadInstance,
  tally: ImportTally,
): Promise<void> {
  const { record } = found;
  const held = writer.held(record.sopInstanceUID);
  if (held === null) throw new Error('an instance of this batch is not in the index');
  if (await isSame(place, held, found)) {
    tally.duplicates += 1;
    tally.place(record.studyInstanceUID, record.seriesInstanceUID);
    // The indexed file is gone or is not ours, and this one is at hand.
    const isGone = held.isCopy === 0 && !existsSync(held.path);
    if (isGone || (found.isCopy && held.isCopy === 0)) writer.relocate(held, found);
    return;
  }
  if (held.isCopy === 0 && !found.isCopy && held.path === found.stored) {
    writer.remove(held);
    writer.insert([found]);
    tally.imported += 1;
    tally.place(record.studyInstanceUID, record.seriesInstanceUID);
    return;
  }
  // The index does not know the copy that the worker made, so nothing else uses it.
  if (found.isCopy) rmSync(absolutePath(place.folder, { path: found.stored, isCopy: 1 }), { force: true });
  tally.refuse(
    found.source,
    'Same SOP Instance UID with different content: another file of this instance is already here.',
    'different-content',
  );
}

async function isSame(place: ImportPlace, held: HeldInstance, found: ReadInstance): Promise<boolean> {
  if (held.fileBytes !== found.fileBytes || held.headerHash !== found.headerHash) return false;
  if (held.fileHash !== null && found.fileHash !== null) return held.fileHash === found.fileHash;
  const heldPath = absolutePath(place.folder, held);
  if (heldPath === found.source) return true;
  // Where the indexed file is gone, size and header are all that is left to compare.
  return (await sameContent(heldPath, found.source)) ?? true;
}
