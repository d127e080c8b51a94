// An import from paths to report: files are found, read by worker threads, and written to the index by this thread in
// batches. What a batch has written stays written, so an import that is cancelled, or ends with a fault, is taken up by
// importing the same paths again.
import path from 'node:path';
import type { ImportLabels, ImportProgress, ImportReport } from '../../contract/dicom.ts';
import { type Db, databaseFault } from './database.ts';
import { libraryFaults } from './faults.ts';
import { unreadablePaths, walkFiles } from './file-walk.ts';
import type { HeaderReading, HeaderWorkers } from './header-workers.ts';
import { ImportTally } from './import-tally.ts';
import { indexWriter, type ReadInstance } from './index-writer.ts';
import { expandArchives, type PackedDirectory, type PendingArchive, tellMissing } from './intake/expand-archives.ts';
import type { Candidate } from './intake/candidate.ts';
import { candidateBatches } from './intake/candidate-batches.ts';
import { openMaskPairs } from './intake/mask-pairs.ts';
import { meetFiles } from './intake/meet-files.ts';
import type { CandidateOutcome } from './intake/read-candidate.ts';
import type { LeavingFiles } from './leaving-files.ts';
import { type Labelling, labelling, type PlacedFile } from './intake/labelling.ts';
import { forgetCopies } from './intake/noted-copies.ts';
import { settleBatch } from './intake/settle-batch.ts';
import { storedLabels } from './stored-labels.ts';
import { beginImport, type RunningImport, saveImport } from './validation/import-book.ts';

export interface ImportOptions {
  readonly mode: 'reference' | 'copy';
  /** Labels that are stored with what is imported; none where absent. */
  readonly labels?: ImportLabels | null;
  readonly onProgress: (progress: ImportProgress) => void;
  readonly signal: AbortSignal;
}

/** Each batch is one transaction; every transaction writes most pages of the UIDs' index. */
const batchWeight = 128;
/** Of a candidate that is read whole: a cancel waits for the batches under way. */
const wholeFileWeight = 16;
const readWhole = /\.(zip|png|jpe?g|nii|gz)$/i;

export interface ImportPlace {
  readonly db: Db;
  readonly folder: string;
  readonly workers: HeaderWorkers;
  readonly leaving: LeavingFiles;
}

/**
 * @throws Fault 100 (none of the paths can be read), 101 (disk full; what was imported is kept), 201–204, 210 or 216
 * where a labels file cannot be used.
 */
export async function importPaths(
  place: ImportPlace,
  paths: readonly string[],
  options: ImportOptions,
): Promise<ImportReport> {
  const tally = new ImportTally(options.onProgress);
  const labels = options.labels == null ? null : labelling(options.labels, storedLabels(place.db), tally);
  // First, so that the threads start while the paths are looked at.
  const workers = place.workers.reading({ folder: place.folder, copiesAll: options.mode === 'copy' });
  const roots = rootsOf(paths);
  const unreadable = await unreadablePaths(roots);
  for (const { path: one, reason } of unreadable) {
    tally.found += 1;
    tally.refuse(one, `It cannot be read: ${reason}.`);
  }
  const readable = roots.filter((root) => !unreadable.some(({ path: one }) => one === root));
  let running: RunningImport | null = null;
  try {
    running = beginImport(place.db, tally, { paths, mode: options.mode });
    await readAll(place, readable, options, tally, running, workers, labels).finally(() => {
      const labelled = labels?.finish();
      tally.labelled = labelled?.labelled ?? 0;
      tally.notes = [...tally.maskNotes(), ...(labelled?.notes ?? []), ...tally.patientNotes()];
    });
    tally.walking = false;
    const report = await saveImport(place.db, running.id, tally, options.signal.aborted);
    // After a fault they stay noted: the next open looks for copies without a row.
    forgetCopies(place.folder);
    // Not before: a thread may have found one of them in the store and be about to bring it in again.
    await place.leaving.clear();
    tally.tell(true);
    return report;
  } catch (error) {
    running?.cutOff();
    throw databaseFault(error, place.folder, tally.counts);
  }
}

function tellSurplus(tally: ImportTally, instance: ReadInstance): void {
  const { surplusBytes, fileBytes } = instance;
  if (surplusBytes === 0) return;
  const [surplus, all] = [surplusBytes, fileBytes].map((bytes) => bytes.toLocaleString('en'));
  tally.remark(instance, 'surplus-bytes', `${surplus} of its ${all} bytes belong to nothing.`);
}

/** One that was named itself and would be passed over in silence; its folder may hold anything, and is not imported for it. */
function tellRenamed(tally: ImportTally, source: string): void {
  tally.found += 1;
  tally.refuse(
    source,
    'A DICOMDIR under another name: it lists the files of a disc and holds no image. Import the folder that they lie in.',
    'not-dicom',
  );
}

/** A DICOMDIR stands for the medium that it lists. */
function rootsOf(paths: readonly string[]): readonly string[] {
  const isIndex = (one: string): boolean => path.basename(one).toUpperCase() === 'DICOMDIR';
  return [...new Set(paths.map((one) => (isIndex(one) ? path.dirname(path.resolve(one)) : one)))];
}

async function readAll(
  place: ImportPlace,
  roots: readonly string[],
  { signal, mode }: ImportOptions,
  tally: ImportTally,
  running: RunningImport,
  workers: HeaderReading,
  labels: Labelling | null,
): Promise<void> {
  const copiesAll = mode === 'copy';
  const writer = indexWriter(place.db, place.leaving);
  const settling = {
    ...place,
    writer,
    tally,
    copiesAll,
    newestBefore: writer.newest(),
    regained: new Set<string>(),
    tellsPatients: labels?.patients != null,
  };
  const archives: PendingArchive[] = [];
  const directories: PackedDirectory[] = [];

  const given = new Set(roots.map((root) => path.resolve(root)));
  const patientOf = (source: string): string | null => labels?.patients?.patientOf(source) ?? null;

  async function take(outcomes: readonly CandidateOutcome[], candidates: readonly Candidate[]): Promise<void> {
    const found: ReadInstance[] = [];
    let isDiskFull = false;
    outcomes.forEach((outcome, index) => {
      if (outcome.kind === 'instance') {
        found.push(outcome.instance);
        tellSurplus(tally, outcome.instance);
        const { remark } = outcome.instance;
        if (remark !== undefined) tally.remark(outcome.instance, remark.kind, remark.what);
        if (outcome.mask !== undefined) tally.mask(outcome.instance, outcome.mask.whyNot);
      } else if (outcome.kind === 'refused') tally.refuse(outcome.path, outcome.reason);
      else if (outcome.kind === 'disk-full') isDiskFull = true;
      else tally.found -= 1;
      const candidate = candidates[index];
      if (candidate === undefined) return;
      if (outcome.kind === 'archive') archives.push({ ...outcome, candidate });
      if (outcome.kind === 'directory-file') {
        // What an archive has beside it is known at its end.
        if (candidate.member !== null) directories.push({ ...outcome, candidate });
        else tellMissing(tally, candidate.source, outcome);
        if (given.has(candidate.source)) tellRenamed(tally, candidate.source);
      }
    });
    const placed: PlacedFile[] = [];
    const withinOf = new Map(labels === null ? [] : candidates.map(({ source, within }) => [source, within]));
    await settleBatch(settling, found, ({ source, record }) =>
      placed.push({ source, within: withinOf.get(source) ?? '', record }),
    );
    labels?.save(placed);
    running.note();
    tally.tell();
    if (isDiskFull) throw libraryFaults.diskFull(place.folder, tally.counts);
  }

  if (labels?.patients != null) await meetFiles(roots, labels.patients.meet, signal);
  const maskOfFile = openMaskPairs();
  const weightOf = ({ source, member }: Candidate): number =>
    copiesAll || member !== null || readWhole.test(source) ? wholeFileWeight : 1;
  const batches = candidateBatches({ workers, signal, batchWeight, weightOf, take });
  for await (const found of walkFiles(roots, signal)) {
    if (batches.isOver) break;
    if (found.path === labels?.file) continue;
    tally.found += 1;
    if ('reason' in found) tally.refuse(found.path, found.reason);
    else {
      const { path: file, within } = found;
      const maskOf = maskOfFile(file);
      const patient = patientOf(maskOf?.imageSource ?? file);
      const open = { source: file, file, member: null, depth: 0, within, patient } as const;
      await batches.offer(maskOf === null ? open : { ...open, maskOf });
    }
    tally.tell();
  }
  await batches.drain();
  await expandArchives({ archives, directories, batches, tally, patientOf });
  tally.walking = false;
}
