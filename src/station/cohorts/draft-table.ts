// The images of a cohort that is being made, in a database of their own beside the cohorts: what a draft holds in memory does not
// grow with them, but for a few numbers of each patient. It is gone when the cohort is made; what a killed process left of one is
// removed when the cohorts are opened.
import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import type { SelectedInstance } from './cohort-library.ts';
import { draftSchema } from './draft-schema.ts';

/** A column that images are labelled by. */
export type ImageKey = 'sopInstanceUID' | 'studyInstanceUID' | 'seriesInstanceUID' | 'patientID';

export interface DraftPatient {
  readonly pseudonym: string;
  /** What patients are ordered by. */
  readonly rank: Uint8Array;
  readonly isForgotten: boolean;
}

export interface DraftImage extends Pick<
  SelectedInstance,
  'sopInstanceUID' | 'seriesInstanceUID' | 'frames' | 'position'
> {
  readonly id: number;
}

/** An image that takes part, or a slice of one. */
interface DraftItem {
  /** The image's number: in the order of their UIDs. */
  readonly image: number;
  /** 0 where the middle frame stands for all. */
  readonly frame: number;
  /** What it shows, as whoever makes the draft writes it. */
  readonly label: string;
  /** What its segmentations say of themselves, written so too; empty without any. */
  readonly masks: string;
}

/** An item with what is known of its image. */
export interface DraftRow
  extends DraftItem, Pick<SelectedInstance, 'sopInstanceUID' | 'patientID' | 'modality' | 'frames'> {
  /** Patients and studies count from 0. */
  readonly patient: number;
  readonly pseudonym: string;
  readonly study: number;
}

/** What is read row by row is to be read to its end before the next call. */
export interface DraftTable {
  /** Takes in an image, which come in the order of their UIDs; of a patient that is forgotten none. */
  admit(instance: SelectedInstance, patientOf: (patientKey: string) => DraftPatient): void;
  /** Of the images taken in; `forgotten`: patients of whom none was. */
  counts(): { images: number; frames: number; patients: number; studies: number; forgotten: number };
  /**
   * Labels the images that have this key, and returns how many they are. An image's first label stays; one that gets another is in
   * contradiction.
   */
  label(by: ImageKey, key: string, label: string): number;
  /** As `label`, but leaves images as they are that have one. */
  labelRest(by: ImageKey, key: string, label: string): void;
  /** SOP Instance UIDs of at most two images whose file has this name, and whose path ends in `end` (slashes) where one does. */
  ofFile(name: string, end: string): string[];
  /** The label that was noted last for this row's key, null for none; notes this one. */
  noteLabel(key: string, label: string): string | null;
  /** Images with one label, and with several in contradiction. */
  labelled(): { clear: number; contradicted: number };
  /** SOP Instance UIDs and labels of the images with one label. */
  clearLabels(): Iterable<readonly [string, string]>;
  /** Makes an item of each image with one label, and returns how many they are. */
  takeLabelled(): number;
  take(item: DraftItem): void;
  /** Every different `label` of the items. */
  itemLabels(): Iterable<string>;
  /** Numbers of the series, in the order of their first images. */
  series(): number[];
  /** Images of one series in the order of their UIDs. */
  imagesOf(series: number): DraftImage[];
  /** In the order in which they were taken. */
  items(): Iterable<DraftRow>;
  /** In the order of images and frames. */
  itemsByImage(): Iterable<DraftRow>;
  /** All patients in the order of their ranks. */
  patients(): Iterable<{ readonly patient: number; readonly pseudonym: string }>;
  close(): void;
}

const filePrefix = 'cohort-draft-';
/** Of the database in memory. */
const cacheKib = 4_096;

const conditions: Readonly<Record<ImageKey, string>> = {
  sopInstanceUID: 'sopInstanceUID = @key',
  patientID: 'patientID = @key',
  studyInstanceUID: 'study = (SELECT id FROM study WHERE value = @key)',
  seriesInstanceUID: 'series = (SELECT id FROM series WHERE value = @key)',
};
/** Columns that images are looked up by: indexed when that is first asked for. */
type Indexed = 'patientID' | 'study' | 'series' | 'name';
const indexedBy: Readonly<Record<ImageKey, Indexed | null>> = {
  sopInstanceUID: null,
  patientID: 'patientID',
  studyInstanceUID: 'study',
  seriesInstanceUID: 'series',
};

/** Removes what killed processes left of drafts. */
export function removeDraftTables(folder: string): void {
  for (const name of readdirSync(folder))
    if (name.startsWith(filePrefix)) rmSync(path.join(folder, name), { force: true });
}

/** @throws what SQLite throws, also from its calls: SQLITE_FULL where the disk is */
export function openDraftTable(folder: string): DraftTable {
  const file = path.join(folder, `${filePrefix}${randomUUID()}.sqlite`);
  const db = new Database(file);
  const discard = (): void => {
    db.close();
    rmSync(file, { force: true });
  };
  try {
    return draftTable(db, discard);
  } catch (error) {
    discard();
    throw error;
  }
}

function draftTable(db: Database.Database, close: () => void): DraftTable {
  // Nobody else reads it: all of it is one transaction that is never committed, so that a small one never reaches the disk.
  db.pragma('journal_mode = MEMORY');
  db.pragma('locking_mode = EXCLUSIVE');
  db.pragma('temp_store = MEMORY');
  db.pragma(`cache_size = -${cacheKib}`);
  db.exec(`BEGIN; ${draftSchema}`);
  const studyOf = numbers(db, 'study');
  const seriesOf = numbers(db, 'series');
  const masksOf = numbers(db, 'masks');
  const findPatient = db.prepare<[string], { id: number; isForgotten: number }>(
    'SELECT id, isForgotten FROM patient WHERE patientKey = ?',
  );
  const insertPatient = db.prepare(
    'INSERT INTO patient (patientKey, pseudonym, rank, isForgotten) VALUES (?, ?, ?, ?)',
  );
  const insertImage = db.prepare(
    `INSERT INTO image (sopInstanceUID, patient, study, series, patientID, path, name, modality, frames, position)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const labelAll = updates(
    db,
    'isContradicted = isContradicted OR coalesce(label <> @label, 0), label = coalesce(label, @label)',
  );
  const labelRest = updates(db, 'label = coalesce(label, @label)');
  const ofPath = db
    .prepare<[string, string, string], string>(
      'SELECT sopInstanceUID FROM image WHERE name = ? AND substr(path, -length(?)) = ? LIMIT 2',
    )
    .pluck();
  const ofName = db.prepare<[string], string>('SELECT sopInstanceUID FROM image WHERE name = ? LIMIT 2').pluck();
  const noted = db.prepare<[string], string>('SELECT label FROM noted WHERE key = ?').pluck();
  const note = db.prepare('INSERT OR REPLACE INTO noted VALUES (?, ?)');
  const isClear = 'label IS NOT NULL AND isContradicted = 0';
  const clearLabels = db
    .prepare<[], [string, string]>(`SELECT sopInstanceUID, label FROM image WHERE ${isClear} ORDER BY id`)
    .raw();
  const insertItem = db.prepare('INSERT INTO item (image, frame, label, masks) VALUES (?, ?, ?, ?)');
  const imagesOf = db.prepare<[number], DraftImage>(
    `SELECT image.id, sopInstanceUID, series.value AS seriesInstanceUID, frames, position
     FROM image JOIN series ON series.id = image.series WHERE image.series = ? ORDER BY image.id`,
  );
  // The order of the tables is that of reading: none is sorted.
  const rowsBy = (order: string): Database.Statement<[], DraftRow> =>
    db.prepare(
      `SELECT image, frame, item.label, coalesce(masks.value, '') AS masks, sopInstanceUID, patientID, modality, frames,
         patient - 1 AS patient, pseudonym, study - 1 AS study
       FROM item CROSS JOIN image ON image.id = item.image CROSS JOIN patient ON patient.id = image.patient
         LEFT JOIN masks ON masks.id = item.masks
       ORDER BY ${order}`,
    );
  const indexed = new Set<Indexed>();
  const index = (column: Indexed | null): void => {
    if (column === null || indexed.has(column)) return;
    indexed.add(column);
    db.exec(`CREATE INDEX imageBy_${column} ON image (${column})`);
  };
  const count = (what: string): number => db.prepare<[], number>(`SELECT ${what}`).pluck().get() ?? 0;
  return {
    admit(one, patientOf) {
      const { patientKey } = one;
      let patient = findPatient.get(patientKey);
      if (patient === undefined) {
        const { pseudonym, rank, isForgotten } = patientOf(patientKey);
        insertPatient.run(patientKey, pseudonym, rank, isForgotten ? 1 : 0);
        patient = findPatient.get(patientKey)!;
      }
      if (patient.isForgotten === 1) return;
      const place = `/${slashed(one.path)}`;
      const of = [patient.id, studyOf(one.studyInstanceUID), seriesOf(one.seriesInstanceUID), one.patientID];
      const { modality, frames, position } = one;
      insertImage.run(one.sopInstanceUID, ...of, place, baseName(place), modality, frames, position);
    },
    counts: () => ({
      images: count('count(*) FROM image'),
      frames: count('coalesce(sum(frames), 0) FROM image'),
      patients: count('count(*) FROM patient'),
      studies: count('count(*) FROM study'),
      forgotten: count('count(*) FROM patient WHERE isForgotten = 1'),
    }),
    label(by, key, label) {
      index(indexedBy[by]);
      return labelAll[by].run({ key, label }).changes;
    },
    labelRest(by, key, label) {
      index(indexedBy[by]);
      labelRest[by].run({ key, label });
    },
    ofFile(name, end) {
      index('name');
      const found = ofPath.all(name, end, end);
      return found.length > 0 ? found : ofName.all(name);
    },
    noteLabel(key, label) {
      const before = noted.get(key) ?? null;
      if (before !== label) note.run(key, label);
      return before;
    },
    labelled: () => ({
      clear: count(`count(*) FROM image WHERE ${isClear}`),
      contradicted: count('count(*) FROM image WHERE isContradicted = 1'),
    }),
    clearLabels: () => clearLabels.iterate(),
    takeLabelled: () =>
      db
        .prepare(`INSERT INTO item (image, frame, label) SELECT id, 0, label FROM image WHERE ${isClear} ORDER BY id`)
        .run().changes,
    take: ({ image, frame, label, masks }) =>
      void insertItem.run(image, frame, label, masks === '' ? null : masksOf(masks)),
    itemLabels: () => db.prepare<[], string>('SELECT DISTINCT label FROM item').pluck().iterate(),
    // They were numbered as their first images came.
    series: () => db.prepare<[], number>('SELECT id FROM series ORDER BY id').pluck().all(),
    imagesOf(series) {
      index('series');
      return imagesOf.all(series);
    },
    items: () => rowsBy('item.id').iterate(),
    itemsByImage: () => rowsBy('item.image, item.frame').iterate(),
    patients: () =>
      db
        .prepare<[], { patient: number; pseudonym: string }>(
          'SELECT id - 1 AS patient, pseudonym FROM patient ORDER BY rank',
        )
        .iterate(),
    close,
  };
}

/** Numbers of values, which are given as they come. */
function numbers(db: Database.Database, table: 'study' | 'series' | 'masks'): (value: string) => number {
  const insert = db.prepare(`INSERT INTO ${table} (value) VALUES (?)`);
  const find = db.prepare<[string], number>(`SELECT id FROM ${table} WHERE value = ?`).pluck();
  let last = { value: '', id: 0 };
  return (value) => {
    // Neighbours are mostly of one study and series.
    if (last.id === 0 || last.value !== value)
      last = { value, id: find.get(value) ?? Number(insert.run(value).lastInsertRowid) };
    return last.id;
  };
}

function updates(
  db: Database.Database,
  set: string,
): Record<ImageKey, Database.Statement<[{ key: string; label: string }]>> {
  const by = (key: ImageKey): Database.Statement<[{ key: string; label: string }]> =>
    db.prepare(`UPDATE image SET ${set} WHERE ${conditions[key]}`);
  return {
    sopInstanceUID: by('sopInstanceUID'),
    studyInstanceUID: by('studyInstanceUID'),
    seriesInstanceUID: by('seriesInstanceUID'),
    patientID: by('patientID'),
  };
}

export function slashed(place: string): string {
  return place.replaceAll('\\', '/');
}

/** The last name of a path with slashes. */
export function baseName(place: string): string {
  return place.slice(place.lastIndexOf('/') + 1);
}
