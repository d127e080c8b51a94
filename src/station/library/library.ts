// The library of a station: DICOM files indexed or copied in, studies, headers and frames out.
import os from 'node:os';
import type { Frame, ImportReport, Instance, Series, Study, StudyPage, StudyQuery } from '../../contract/dicom.ts';
import type { RemovalRequest } from '../../contract/removal.ts';
import { type Annotations, openAnnotations } from '../annotations/annotations.ts';
import { type Browse, openBrowse } from './browse/browse.ts';
import { studyLists } from './browse/study-lists.ts';
import { databaseFault, type OnPreparing, openDatabase } from './database.ts';
import { libraryFaults } from './faults.ts';
import type { HeaderElement } from './header-list.ts';
import { openHeaderWorkers } from './header-workers.ts';
import { type ImportOptions, importPaths } from './import-paths.ts';
import { indexWriter } from './index-writer.ts';
import { type InstanceIntake, openInstanceIntake } from './instance-intake.ts';
import { type InstanceFile, instanceReader, type InstanceSelection, type SelectedInstance } from './instance-query.ts';
import { sweepNotedCopies } from './intake/noted-copies.ts';
import { leavingFiles, sweepLeavingFiles } from './leaving-files.ts';
import { sweepUnfinished } from './intake/store-bytes.ts';
import { type Removal, type RemovalOptions, studyRemoval } from './study-removal.ts';
import type { Urgency } from './pixels/pixel-workers.ts';
import { type StoredLabels, storedLabels } from './stored-labels.ts';
import { studyReader } from './study-query.ts';
import { type ArrivalReports, openArrivalReports } from './validation/arrival-reports.ts';
import { endCutImports, type ImportBook, importBook } from './validation/import-book.ts';

export type { ImportOptions } from './import-paths.ts';
export type { InstanceFile, InstanceSelection, SelectedInstance } from './instance-query.ts';

export interface Library {
  /**
   * Imports files and folders; one import at a time. What is written stays, also on a cancel or a fault.
   * @throws Fault 100 (a path cannot be read), 101 (disk full), 109 (another import runs).
   */
  importPaths(paths: readonly string[], options: ImportOptions): Promise<ImportReport>;
  /** What a removal would take now. */
  planRemoval(request: RemovalRequest): Promise<Removal>;
  /**
   * Takes studies and series out of the library, for good; what went by a cancel or a fault is gone. Not while an import runs.
   * @throws Fault 109 (an import runs), 116 (another removal runs).
   */
  remove(request: RemovalRequest, options: RemovalOptions): Promise<Removal['counts']>;
  /** How many removals there were since it was opened. @throws Fault 116 while one is under way */
  removals(): number;
  /** What past imports did and found amiss. */
  readonly imports: ImportBook;
  studies(query: StudyQuery): StudyPage;
  study(studyInstanceUID: string): Study | null;
  /** In order of position along the slice normal where the series has one, else of InstanceNumber. */
  instances(seriesInstanceUID: string): { series: Series; instances: Instance[] } | null;
  /** @throws Fault 106 (unknown), 108 (its file is gone). */
  header(sopInstanceUID: string): Promise<HeaderElement[]>;
  instanceFile(sopInstanceUID: string): InstanceFile | null;
  /** Whether it is here and its file is whole: what is not, is worth fetching. */
  isWhole(sopInstanceUID: string): boolean;
  /** Starts what decodes frames, so that the first does not wait for it. */
  prepareFrames(): Promise<void>;
  /** Frame numbers begin at 1. @throws Fault 106, 108, and the pixels' own (150–199). */
  frame(sopInstanceUID: string, frame: number, urgency?: Urgency, isReduced?: boolean): Promise<Frame>;
  /** The slices of its series that are parallel to an instance, by position along the normal. */
  stack(sopInstanceUID: string): { path: string }[];
  /** Instances with pixel data, by SOP Instance UID. */
  selectInstances(selection: InstanceSelection): Iterable<SelectedInstance>;
  /** What the study browser asks beside the list. */
  readonly browse: Browse;
  /** Labels that came with studies. */
  readonly labels: StoredLabels;
  /** What readers measured, and what segmentations and structure sets show on images. */
  readonly annotations: Annotations;
  /** For instances that arrive over the network. */
  intake(): InstanceIntake;
  /** Reports of what arrived over the network, kept among the imports. */
  readonly arrivals: ArrivalReports;
  close(): void;
}

export interface LibraryOptions {
  /** Holds library.sqlite, and copies under instances/. Made when absent. */
  readonly folder: string;
  /** Called when instances that arrived over the network are in the index. */
  readonly onArrivals?: () => void;
  readonly onPreparing?: OnPreparing;
  /** For the filter by cohort: SOP Instance UIDs of its newest version. */
  readonly cohortInstances?: (name: string) => readonly string[];
}

/** A batch of headers, or of files to copy, from a slow network folder. */
const headerBatchDeadlineMs = 120_000;
/** One header by itself. */
const headerDeadlineMs = 15_000;

/** @throws Fault 101, 102, 103 where the index cannot be opened. */
export function openLibrary({
  folder,
  onArrivals = () => {},
  cohortInstances = () => [],
  onPreparing = () => {},
}: LibraryOptions): Library {
  const db = openDatabase(folder, onPreparing);
  sweepUnfinished(folder);
  sweepNotedCopies(db, folder);
  sweepLeavingFiles(db, folder);
  endCutImports(db);
  const leaving = leavingFiles(db, folder);
  const lists = studyLists(db, { cohortInstances, now: () => new Date() });
  const studies = studyReader(db, lists);
  const instances = instanceReader(db, folder, lists);
  const annotations = openAnnotations({ db, folder, pathOf: (uid) => fileOf(uid).path });
  const intake = openInstanceIntake({ db, folder, leaving, onIndexed: onArrivals });
  const arrivals = openArrivalReports({ db, flush: () => intake.flush(), onReport: onArrivals });
  const headerWorkers = openHeaderWorkers({
    count: Math.max(1, Math.min(8, os.availableParallelism())),
    deadlineMs: headerBatchDeadlineMs,
    singleDeadlineMs: headerDeadlineMs,
  });
  const closing = new AbortController();
  const removal = studyRemoval(db, indexWriter(db, leaving), leaving);
  let activeImport: Promise<ImportReport> | null = null;
  let activeRemoval: Promise<unknown> | null = null;
  let removals = 0;
  let pixelWorkers: Promise<PixelWorkers> | null = null;

  function fileOf(sopInstanceUID: string): InstanceFile {
    const file = instances.file(sopInstanceUID);
    if (file === null) throw libraryFaults.unknownInstance();
    return file;
  }

  function end(): void {
    void headerWorkers.close();
    db.close();
  }

  return {
    async importPaths(paths, options) {
      if (closing.signal.aborted) throw libraryFaults.closed();
      if (activeImport !== null) throw libraryFaults.importRunning();
      if (activeRemoval !== null) throw libraryFaults.removalRunning();
      const signal = AbortSignal.any([options.signal, closing.signal]);
      activeImport = importPaths({ db, folder, leaving, workers: headerWorkers }, paths, { ...options, signal });
      try {
        return await activeImport;
      } finally {
        activeImport = null;
        if (closing.signal.aborted) end();
      }
    },
    planRemoval: (request) => removal.plan(request),
    async remove(request, options) {
      if (closing.signal.aborted) throw libraryFaults.closed();
      if (activeImport !== null) throw libraryFaults.importRunning();
      if (activeRemoval !== null) throw libraryFaults.removalRunning();
      const signal = AbortSignal.any([options.signal, closing.signal]);
      // What has arrived of a study and is not indexed yet belongs to it.
      const removing = intake.flush().then(() => removal.run(request, { ...options, signal }));
      activeRemoval = removing;
      removals += 1;
      try {
        return await removing;
      } catch (error) {
        throw databaseFault(error, folder);
      } finally {
        activeRemoval = null;
        if (closing.signal.aborted) end();
      }
    },
    removals() {
      if (activeRemoval !== null) throw libraryFaults.removalRunning();
      return removals;
    },
    imports: importBook(db),
    browse: openBrowse(db, lists),
    studies: (query) => studies.studies(query),
    study: (uid) => studies.study(uid),
    instances: (uid) => studies.instances(uid),
    instanceFile: (uid) => instances.file(uid),
    isWhole: (uid) => instances.isWhole(uid),
    stack: (uid) => instances.stack(uid),
    selectInstances: (selection) => instances.select(selection),
    labels: storedLabels(db),
    annotations,
    header: (uid) => annotations.header(uid),
    async prepareFrames() {
      pixelWorkers ??= openPixels();
      (await pixelWorkers).prepare();
    },
    async frame(sopInstanceUID, frame, urgency, isReduced) {
      const { path } = fileOf(sopInstanceUID);
      pixelWorkers ??= openPixels();
      try {
        return await (await pixelWorkers).frame(path, frame, urgency, isReduced);
      } catch (error) {
        throw goneOr(error);
      }
    },
    intake: () => intake,
    arrivals,
    close() {
      if (closing.signal.aborted) return;
      closing.abort();
      arrivals.close();
      intake.close();
      annotations.close();
      void pixelWorkers?.then((workers) => workers.close());
      // A running import writes its last batch first, then closes.
      if (activeImport === null && activeRemoval === null) end();
    },
  };
}

interface PixelWorkers {
  prepare(): void;
  frame(path: string, frame: number, urgency?: Urgency, isReduced?: boolean): Promise<Frame>;
  close(): unknown;
}

/** Loaded when the first frame is asked for: an import or a query needs no codec. */
async function openPixels(): Promise<PixelWorkers> {
  const { openPixelWorkers } = await import('./pixels/pixel-workers.ts');
  return openPixelWorkers(Math.max(1, Math.min(4, os.availableParallelism() - 1)));
}

function goneOr(error: unknown): unknown {
  return (error as { code?: unknown }).code === 'ENOENT' ? libraryFaults.fileGone() : error;
}
