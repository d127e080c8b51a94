// Reads labels out of the library's segmentations, structure sets and reports, and keeps them as stored labels.
import type { LabelProgress, LabelReport, LabelSource } from '../../contract/label-source.ts';
import { faultValueOf } from '../../contract/fault.ts';
import type { Db } from '../library/database.ts';
import { absolutePath } from '../library/instance-path.ts';
import type { Library } from '../library/library.ts';
import { modelManufacturer } from '../library/model-made.ts';
import { annotationFaults } from './faults.ts';
import {
  counts,
  FoundLabels,
  type ImageIndex,
  type ImageRow,
  type LabelsAsked,
  seriesOf,
  type Unlabelled,
} from './found-labels.ts';
import type { ObjectThreads } from './object-threads.ts';

export interface ReadLabelsOptions {
  readonly db: Db;
  readonly folder: string;
  readonly threads: ObjectThreads;
  readonly library: Pick<Library, 'labels' | 'studies'>;
}

const progressEveryMs = 100;
const refusalsTold = 1_000;
/** Of one object and one reason. */
const regionsTold = 50;
const offeredTold = 1_000;

const classes: Readonly<Record<LabelSource, string>> = {
  SEG: '1.2.840.10008.5.1.4.1.1.66.[47]',
  RTSTRUCT: '1.2.840.10008.5.1.4.1.1.481.3',
  SR: '1.2.840.10008.5.1.4.1.1.88.*',
};

interface ObjectRow {
  sopInstanceUID: string;
  seriesInstanceUID: string;
  path: string;
  isCopy: number;
}

export interface LabelReading {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: LabelProgress) => void;
}

/** @throws Fault 631 where it is cancelled; nothing is changed then */
export async function readLabels(
  { db, folder, threads, library }: ReadLabelsOptions,
  asked: LabelsAsked,
  { signal, onProgress }: LabelReading,
): Promise<LabelReport> {
  const objects = objectsOf(db, library, asked.origin, asked.query);
  const images = imageIndex(db);
  const spaceOf = frameOfReferenceOf(folder, threads, images);
  const found = new FoundLabels(asked);
  const unlabelled: LabelReport['unlabelled'] = [];
  let unlabelledCount = 0;
  const refused: LabelReport['refused'] = [];
  async function contentsOf(path: string): Promise<Unlabelled[]> {
    const contents = await threads.ask('contents', { path });
    if (contents === null) throw annotationFaults.noOverlay();
    const spaces = new Map<string, string>();
    if (contents.planes.length > 0) for (const uid of seriesOf(contents, images)) spaces.set(uid, await spaceOf(uid));
    return found.addContents(contents, images, spaces);
  }
  let read = 0;
  let toldMs = Number.NEGATIVE_INFINITY;
  for (const [done, object] of objects.entries()) {
    if (signal.aborted) throw annotationFaults.labelsCancelled(done, objects.length);
    if (performance.now() - toldMs >= progressEveryMs) {
      toldMs = performance.now();
      onProgress({ done, found: objects.length });
    }
    try {
      const path = absolutePath(folder, object);
      const without =
        asked.origin === 'SR' ? found.addReport(await threads.ask('report', { path }), images) : await contentsOf(path);
      unlabelledCount += without.length;
      for (const { regions, reason } of without.slice(0, refusalsTold - unlabelled.length)) {
        const [told, count] = [regions.slice(0, regionsTold), regions.length];
        unlabelled.push({ sopInstanceUID: object.sopInstanceUID, regions: told, count, reason });
      }
      read += 1;
    } catch (thrown) {
      const { message } = faultValueOf(thrown);
      if (refused.length < refusalsTold) refused.push({ sopInstanceUID: object.sopInstanceUID, reason: message });
    }
  }
  onProgress({ done: objects.length, found: objects.length });
  if (signal.aborted) throw annotationFaults.labelsCancelled(objects.length, objects.length);
  const rows = found.rows(images);
  // Only a reading of everything knows that an earlier label is out of date: a query leaves objects out, and one that could not
  // be read now was read before.
  const isWhole = asked.query.trim() === '' && read === objects.length;
  if (rows.length > 0) {
    db.transaction(() => {
      if (isWhole) library.labels.remove(asked.origin, library.labels.all(asked.origin));
      library.labels.save(asked.origin, rows);
    })();
  }
  const notHere = rows.filter(({ level, uid }) =>
    level === 'series' ? images.imagesIn.get(uid) === undefined : images.imageOf.get(uid) === undefined,
  ).length;
  return {
    objects: objects.length,
    read,
    refused,
    labels: counts(rows.map(({ label }) => label)),
    saved: rows.length,
    notHere,
    unlabelled,
    unlabelledCount,
    offered: counts(found.offered).slice(0, offeredTold),
  };
}

function imageIndex(db: Db): ImageIndex {
  const columns = 'i.sopInstanceUID, r.seriesInstanceUID, i.position, i.normal, i.frames, i.path, i.isCopy';
  return {
    imagesIn: db.prepare<[string], ImageRow>(
      `SELECT ${columns} FROM series r JOIN instances i ON i.series = r.id WHERE r.seriesInstanceUID = ?`,
    ),
    imageOf: db.prepare<[string], ImageRow>(
      `SELECT ${columns} FROM instances i JOIN series r ON r.id = i.series WHERE i.sopInstanceUID = ?`,
    ),
  };
}

/** Of a series by its first image, which stands for all; '' where that does not say or cannot be read. */
function frameOfReferenceOf(folder: string, threads: ObjectThreads, { imagesIn }: ImageIndex) {
  const known = new Map<string, string>();
  return async (seriesUID: string): Promise<string> => {
    const image = imagesIn.get(seriesUID);
    if (image === undefined) return '';
    if (!known.has(seriesUID)) {
      const files = [{ path: absolutePath(folder, image), frames: 1 }];
      const [first] = await threads.ask('geometry', { files });
      known.set(seriesUID, first?.[0]?.frameOfReferenceUID ?? '');
    }
    return known.get(seriesUID)!;
  };
}

/** The objects of a class, of all studies or of those that a query finds. */
function objectsOf(db: Db, library: ReadLabelsOptions['library'], origin: LabelSource, query: string): ObjectRow[] {
  // By class beside modality: writers exist that put a report into the series of its images. What a model said is no label.
  const rows = db
    .prepare<[string, string], ObjectRow & { studyInstanceUID: string }>(
      `SELECT i.sopInstanceUID, r.seriesInstanceUID, s.studyInstanceUID, i.path, i.isCopy
       FROM instances i JOIN series r ON r.id = i.series JOIN studies s ON s.id = r.study
       WHERE (r.modality = ? OR i.sopClassUID GLOB ?) AND r.manufacturer <> '${modelManufacturer}' ORDER BY i.sopInstanceUID`,
    )
    .all(origin, classes[origin]);
  if (query.trim() === '' || rows.length === 0) return rows;
  const found = studiesOf(library, query);
  return rows.filter(({ studyInstanceUID }) => found.has(studyInstanceUID));
}

function studiesOf(library: ReadLabelsOptions['library'], query: string): Set<string> {
  const found = new Set<string>();
  const limit = 1_000;
  for (let offset = 0; ; offset += limit) {
    const { total, studies } = library.studies({
      query,
      filters: [],
      limit,
      offset,
      sortBy: 'studyDate',
      descending: true,
    });
    for (const { studyInstanceUID } of studies) found.add(studyInstanceUID);
    if (offset + limit >= total) return found;
  }
}
