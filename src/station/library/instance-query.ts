// Instances by UID and by selection: where their files lie, and what a cohort needs to know of them.
import { statSync } from 'node:fs';
import type { Db } from './database.ts';
import type { StudyFilter } from '../../contract/study-filter.ts';
import { seriesConditions } from './browse/filter-sources.ts';
import { idsOf, type StudyLists } from './browse/study-lists.ts';
import { wholenessOf } from './file-damage.ts';
import { isImageSql } from './image-frames.ts';
import { absolutePath } from './instance-path.ts';
import { modelManufacturer } from './model-made.ts';

export interface InstanceFile {
  /** Absolute path. */
  readonly path: string;
  readonly transferSyntaxUID: string;
  /** In bytes from the file's start; null without pixel data or in a deflated file. */
  readonly pixelOffset: number | null;
  /** Null where `pixelOffset` is, and for compressed pixel data. */
  readonly pixelBytes: number | null;
  readonly frames: number;
  /** Why the file could not be read to its end; null where it could. */
  readonly damaged: string | null;
  /** Whether a model of ImagiQ made it of an image. */
  readonly isModelMade: boolean;
}

export interface SelectedInstance {
  readonly sopInstanceUID: string;
  readonly studyInstanceUID: string;
  readonly seriesInstanceUID: string;
  readonly patientID: string;
  /** One per patient, also where PatientID is empty. Never leaves the station. */
  readonly patientKey: string;
  /** Where the file was found when it was imported, also where it was copied or lay in an archive. */
  readonly path: string;
  readonly modality: string;
  readonly frames: number;
  readonly rows: number;
  readonly columns: number;
  /** Along the slice normal, mm; null where the file does not say where it lies. */
  readonly position: number | null;
}

export interface InstanceSelection {
  /** Free text as in the study list; empty selects all. */
  readonly query: string;
  /** As in the study list; of the studies found, only series that fulfil the filters of series are selected. */
  readonly filters?: readonly StudyFilter[];
  /** Only these studies; null for all. */
  readonly studyInstanceUIDs: readonly string[] | null;
}

export interface InstanceReader {
  file(sopInstanceUID: string): InstanceFile | null;
  /**
   * Whether the library has a file of it that is whole. The file is looked at only where the index cannot know: its size has
   * changed, or its pixel data are compressed.
   */
  isWhole(sopInstanceUID: string): boolean;
  /** The single-frame images of its series that are parallel to it and as large, by position along the normal. */
  stack(sopInstanceUID: string): { path: string }[];
  /**
   * Images in the order of their UIDs: a segmentation says what is on one and is none, nor is what a model made of one. A part at a
   * time: what is removed meanwhile is not among them.
   */
  select(selection: InstanceSelection): Iterable<SelectedInstance>;
}

/** Instances of a selection that are read together: few enough to be used before V8 takes them for long-lived, and keeps what is left of them. */
const selectedAtOnce = 100;

export function instanceReader(db: Db, folder: string, lists: StudyLists): InstanceReader {
  const oneFile = db.prepare<[string], Omit<InstanceFile, 'isModelMade'> & { isCopy: number; isModelMade: number }>(
    `SELECT i.path, i.isCopy, i.transferSyntaxUID, i.pixelOffset, i.pixelBytes, i.frames, i.damaged,
       r.manufacturer = '${modelManufacturer}' AS isModelMade
     FROM instances i JOIN series r ON r.id = i.series WHERE i.sopInstanceUID = ?`,
  );
  const oneState = db.prepare<
    [string],
    Pick<InstanceFile, 'path' | 'damaged' | 'pixelOffset' | 'pixelBytes'> & { isCopy: number; fileBytes: number }
  >('SELECT path, isCopy, fileBytes, pixelOffset, pixelBytes, damaged FROM instances WHERE sopInstanceUID = ?');
  const parallel = db.prepare<[string], { path: string; isCopy: number }>(
    `SELECT i.path, i.isCopy FROM instances own JOIN instances i ON i.series = own.series
     WHERE own.sopInstanceUID = ? AND i.normal = own.normal AND i.frames = 1 AND i.position IS NOT NULL
       AND i."rows" = own."rows" AND i."columns" = own."columns"
     ORDER BY i.position, i.instanceNumber, i.sopInstanceUID`,
  );
  const selected = db.prepare<[string], SelectedInstance & { isCopy: number }>(
    `SELECT i.sopInstanceUID, s.studyInstanceUID, r.seriesInstanceUID, s.patientID, p.patientKey, coalesce(i.source, i.path) AS path, i.source IS NULL AND i.isCopy = 1 AS isCopy,
       r.modality, i.frames, i."rows", i."columns", i.position
     FROM json_each(?) chosen CROSS JOIN instances i ON i.id = chosen.value CROSS JOIN series r ON r.id = i.series
       CROSS JOIN studies s ON s.id = r.study CROSS JOIN patients p ON p.id = s.patient
     ORDER BY chosen.key`,
  );
  return {
    stack: (sopInstanceUID) => parallel.all(sopInstanceUID).map((row) => ({ path: absolutePath(folder, row) })),
    file(sopInstanceUID) {
      const row = oneFile.get(sopInstanceUID);
      if (row === undefined) return null;
      const { isCopy, isModelMade, ...file } = row;
      return { ...file, isModelMade: isModelMade === 1, path: absolutePath(folder, { path: file.path, isCopy }) };
    },
    isWhole(sopInstanceUID) {
      const row = oneState.get(sopInstanceUID);
      if (row === undefined || row.damaged !== null) return false;
      const file = absolutePath(folder, row);
      const isCompressed = row.pixelOffset !== null && row.pixelBytes === null;
      if (!isCompressed && statSync(file, { throwIfNoEntry: false })?.size === row.fileBytes) return true;
      return wholenessOf(file).is !== 'damaged';
    },
    *select({ query, filters = [], studyInstanceUIDs }) {
      const found = lists.found({ query, filters });
      const values: (string | number)[] = [];
      let where = 'TRUE';
      if (found !== null) {
        where = 's.id IN (SELECT value FROM json_each(?))';
        values.push(JSON.stringify(idsOf(found)));
      }
      for (const condition of seriesConditions(filters)) {
        where += ` AND ${condition.sql}`;
        values.push(...condition.values);
      }
      if (studyInstanceUIDs !== null) {
        where += ' AND s.studyInstanceUID IN (SELECT value FROM json_each(?))';
        values.push(JSON.stringify(studyInstanceUIDs));
      }
      // Their numbers are read whole before the first is handed out: an open cursor would block every writer.
      const ids = db
        .prepare<(string | number)[], number>(
          `SELECT i.id FROM studies s JOIN series r ON r.study = s.id JOIN instances i ON i.series = r.id
           WHERE ${where} AND ${isImageSql}
             AND r.manufacturer <> '${modelManufacturer}'
           ORDER BY i.sopInstanceUID`,
        )
        .pluck()
        .all(...values);
      for (let start = 0; start < ids.length; start += selectedAtOnce)
        for (const { isCopy, ...row } of selected.all(JSON.stringify(ids.slice(start, start + selectedAtOnce))))
          yield { ...row, path: absolutePath(folder, { path: row.path, isCopy }) };
    },
  };
}
