// Writes what the header workers read into the index: one transaction a batch, duplicates told apart by content.
import type { Db } from './database.ts';
import { studySummary } from './browse/study-summary.ts';
import { imageFrames, isImageSql } from './image-frames.ts';
import type { InstanceRecord } from './instance-record.ts';
import type { LeavingFiles } from './leaving-files.ts';
import { patientKeyOf } from './patient-key.ts';
import { studyWords } from './study-words.ts';

/** One file as a worker read it, ready for the index. */
export interface ReadInstance {
  /** Where the file was found. */
  readonly source: string;
  /** Where the index will look for it: `source`, or the copy's path relative to the library's folder. */
  readonly stored: string;
  readonly isCopy: boolean;
  readonly fileBytes: number;
  readonly modifiedMs: number;
  readonly headerHash: string;
  readonly fileHash: string | null;
  readonly record: InstanceRecord;
  /** The copy was written for it; absent where it lay in the store, whole, and for a file indexed in place. */
  readonly isNewCopy?: boolean;
  /** As in DataSet; the report of its import tells it. */
  readonly surplusBytes: number;
  /** Made of a file that is no DICOM; its UIDs derive from that file's content. */
  readonly isWrapped?: boolean;
  /** What the wrapping could not keep; the report of its import tells it. */
  readonly remark?: { readonly kind: 'rounded-values' | 'unturned'; readonly what: string };
}

/** What the index already holds under a SOP Instance UID. */
export interface HeldInstance {
  readonly id: number;
  readonly path: string;
  readonly isCopy: number;
  readonly fileBytes: number;
  readonly modifiedMs: number;
  readonly headerHash: string;
  readonly fileHash: string | null;
  /** Where a copy was found; null for a file indexed in place. */
  readonly source: string | null;
}

/** Which series an instance is of. */
export interface SeriesPlace {
  readonly studyInstanceUID: string;
  readonly seriesInstanceUID: string;
}

/** Columns of an instance that its record holds under the same name. */
const recordColumns = [
  'sopInstanceUID',
  'sopClassUID',
  'transferSyntaxUID',
  'instanceNumber',
  'frames',
  'rows',
  'columns',
  'position',
  'normal',
  'pixelOffset',
  'pixelBytes',
  'damaged',
  'acquisition',
  'acquisitionTime',
  'pixelSpacing',
  'alongRow',
  'alongColumn',
  'gantryTilt',
  'burnedIn',
  'missing',
] as const satisfies readonly (keyof InstanceRecord)[];

export interface IndexWriter {
  held(sopInstanceUID: string): HeldInstance | null;
  /** The largest `id` of an instance; 0 where there is none. Later ones are larger. */
  newest(): number;
  /** Which of these UIDs the index holds. */
  heldAmong(sopInstanceUIDs: readonly string[]): ReadonlySet<string>;
  /**
   * Inserts instances whose UIDs the index does not hold, or holds in `insteadOf`, which go: all of it is done or nothing. Copies
   * that go are noted to leave the disk.
   */
  insert(batch: readonly ReadInstance[], insteadOf?: readonly HeldInstance[]): void;
  seriesOf(held: HeldInstance): SeriesPlace | null;
  /** PatientID of a held instance's study. */
  patientOf(held: HeldInstance): string;
  /** After series of a study went: says of it what is left, or takes it and a patient without studies away. True where nothing is left. */
  settleStudy(study: number): boolean;
  /** The same instance found at another place, after its file was moved. */
  relocate(held: HeldInstance, found: ReadInstance): void;
}

export function indexWriter(db: Db, leaving: LeavingFiles): IndexWriter {
  const findHeld = db.prepare<[string], HeldInstance>(
    'SELECT id, path, isCopy, fileBytes, modifiedMs, headerHash, fileHash, source FROM instances WHERE sopInstanceUID = ?',
  );
  const findAmong = db
    .prepare<[string], string>(
      'SELECT sopInstanceUID FROM instances WHERE sopInstanceUID IN (SELECT value FROM json_each(?))',
    )
    .pluck();
  const newest = db.prepare<[], number>('SELECT coalesce(max(id), 0) FROM instances').pluck();
  const insertPatient = db.prepare('INSERT INTO patients (patientKey) VALUES (?) ON CONFLICT DO NOTHING');
  const findPatient = db.prepare<[string], number>('SELECT id FROM patients WHERE patientKey = ?').pluck();
  const findStudy = db.prepare<[string], number>('SELECT id FROM studies WHERE studyInstanceUID = ?').pluck();
  const insertStudy = db.prepare(
    `INSERT INTO studies (patient, studyInstanceUID, patientID, patientName, patientBirthDate, patientSex,
       patientAgeYears, studyDate, studyTime, institutionName, description, accessionNumber)
     VALUES (?, @studyInstanceUID, @patientID, @patientName, @patientBirthDate, @patientSex,
       @patientAgeYears, @studyDate, @studyTime, @institutionName, @studyDescription, @accessionNumber)`,
  );
  const findSeries = db
    .prepare<[number, string], number>('SELECT id FROM series WHERE study = ? AND seriesInstanceUID = ?')
    .pluck();
  const insertSeries = db.prepare(
    `INSERT INTO series (study, seriesInstanceUID, modality, description, seriesNumber, bodyPartExamined,
       manufacturer, manufacturerModelName, sliceThicknessMm)
     VALUES (?, @seriesInstanceUID, @modality, @seriesDescription, @seriesNumber, @bodyPartExamined,
       @manufacturer, @manufacturerModelName, @sliceThicknessMm)`,
  );
  // Bound by place: a fifth of an import went into looking up thirty names per instance.
  const insertInstance = db.prepare(
    `INSERT INTO instances (series, path, isCopy, source, fileBytes, modifiedMs, headerHash, fileHash, ${recordColumns
      .map((column) => `"${column}"`)
      .join(', ')}) VALUES (${'?, '.repeat(recordColumns.length + 7)}?)`,
  );
  const countSeries = db.prepare(
    'UPDATE series SET instances = instances + ?, images = images + ?, frames = frames + ? WHERE id = ?',
  );
  const countStudy = db.prepare(
    'UPDATE studies SET instances = instances + ?, images = images + ?, frames = frames + ? WHERE id = ?',
  );
  const addModality = db.prepare('INSERT OR IGNORE INTO studyModalities (modality, study) VALUES (?, ?)');
  const dropModalities = db.prepare(
    `DELETE FROM studyModalities WHERE study = @study AND modality NOT IN (SELECT modality FROM series WHERE study = @study)`,
  );
  const setModalities = db.prepare(
    `UPDATE studies SET modalities = (SELECT coalesce(group_concat(modality, '\\'), '') FROM
       (SELECT modality FROM studyModalities WHERE study = @study AND modality <> '' ORDER BY modality)) WHERE id = @study`,
  );
  const summarise = studySummary(db);
  const studyTextOf = db.prepare<[number], Record<string, string>>('SELECT * FROM studies WHERE id = ?');
  const seriesTextOf = db.prepare<[number], string>('SELECT DISTINCT description FROM series WHERE study = ?').pluck();
  const setWords = db.prepare('INSERT OR REPLACE INTO studyText (rowid, words) VALUES (?, ?)');
  const setPlace = db.prepare(
    'UPDATE instances SET path = ?, isCopy = ?, modifiedMs = ?, fileHash = coalesce(?, fileHash), source = ? WHERE id = ?',
  );
  const placeOf = db.prepare<
    [number],
    { series: number; study: number; sopInstanceUID: string; transferSyntaxUID: string; frames: number }
  >(
    `SELECT s.id AS series, s.study, i.sopInstanceUID, i.transferSyntaxUID, CASE WHEN ${isImageSql} THEN i.frames ELSE 0 END AS frames
     FROM instances i JOIN series s ON s.id = i.series WHERE i.id = ?`,
  );
  const patientOf = db
    .prepare<[number], string>(
      `SELECT t.patientID FROM instances i JOIN series s ON s.id = i.series JOIN studies t ON t.id = s.study WHERE i.id = ?`,
    )
    .pluck();
  const seriesOfHeld = db.prepare<[number], SeriesPlace>(
    `SELECT t.studyInstanceUID, s.seriesInstanceUID
     FROM instances i JOIN series s ON s.id = i.series JOIN studies t ON t.id = s.study WHERE i.id = ?`,
  );
  const removeEmptySeries = db.prepare('DELETE FROM series WHERE id = ? AND instances = 0');
  const hasSeries = db.prepare('SELECT 1 FROM series WHERE study = ? LIMIT 1');
  const removeStudy = [
    'DELETE FROM studyModalities WHERE study = ?',
    'DELETE FROM studyTransferSyntaxes WHERE study = ?',
    'DELETE FROM studyText WHERE rowid = ?',
    'DELETE FROM studies WHERE id = ?',
  ].map((statement) => db.prepare(statement));
  const patientOfStudy = db.prepare<[number], number>('SELECT patient FROM studies WHERE id = ?').pluck();
  const removeEmptyPatient = db.prepare(
    'DELETE FROM patients WHERE id = @patient AND NOT EXISTS (SELECT 1 FROM studies WHERE patient = @patient)',
  );
  const removeInstance = db.prepare('DELETE FROM instances WHERE id = ?');
  // What was read of a segmentation or structure set counts for its file as it was.
  const forgetOverlay = ['overlayReferences', 'overlayObjects'].map((table) =>
    db.prepare(`DELETE FROM ${table} WHERE sopInstanceUID = ?`),
  );

  function studyOf(record: InstanceRecord, changed: Set<number>): number {
    const held = findStudy.get(record.studyInstanceUID);
    if (held !== undefined) return held;
    const key = patientKeyOf(record);
    insertPatient.run(key);
    const study = Number(insertStudy.run(findPatient.get(key)!, record).lastInsertRowid);
    changed.add(study);
    return study;
  }

  function seriesOf(study: number, record: InstanceRecord, changed: Set<number>): number {
    const held = findSeries.get(study, record.seriesInstanceUID);
    if (held !== undefined) return held;
    const series = Number(insertSeries.run(study, record).lastInsertRowid);
    addModality.run(record.modality, study);
    changed.add(study);
    return series;
  }

  /** Instances, and of them images and their frames, by the number of a series or study. */
  function add(counts: Map<number, [number, number, number]>, id: number, frames: number): void {
    const [instances, images, before] = counts.get(id) ?? [0, 0, 0];
    counts.set(id, [instances + 1, images + Math.sign(frames), before + frames]);
  }

  /** What a study says of its series, after some came or went. */
  function describeStudy(study: number): void {
    setModalities.run({ study });
    summarise.series(study);
    setWords.run(study, studyWords(studyTextOf.get(study)!, seriesTextOf.all(study)));
  }

  function remove(held: HeldInstance): void {
    const place = placeOf.get(held.id);
    if (place === undefined) return;
    removeInstance.run(held.id);
    if (held.isCopy === 1) leaving.note(held.path);
    for (const statement of forgetOverlay) statement.run(place.sopInstanceUID);
    summarise.removed(place.study, place.transferSyntaxUID, held.fileBytes);
    countSeries.run(-1, -Math.sign(place.frames), -place.frames, place.series);
    countStudy.run(-1, -Math.sign(place.frames), -place.frames, place.study);
    removeEmptySeries.run(place.series);
    settleStudy(place.study);
  }

  function settleStudy(study: number): boolean {
    if (hasSeries.get(study) !== undefined) {
      dropModalities.run({ study });
      describeStudy(study);
      return false;
    }
    const patient = patientOfStudy.get(study);
    for (const statement of removeStudy) statement.run(study);
    removeEmptyPatient.run({ patient });
    return true;
  }

  const insert = db.transaction((batch: readonly ReadInstance[], insteadOf: readonly HeldInstance[]) => {
    for (const held of insteadOf) remove(held);
    const changed = new Set<number>();
    const syntaxes = summarise.tally();
    const studies = new Map<number, [number, number, number]>();
    const series = new Map<number, [number, number, number]>();
    let last: InstanceRecord | null = null;
    let study = 0;
    let seriesId = 0;
    for (const { record, stored, isCopy, ...file } of batch) {
      // Neighbours are mostly of one series.
      if (record.studyInstanceUID !== last?.studyInstanceUID || record.seriesInstanceUID !== last.seriesInstanceUID) {
        study = studyOf(record, changed);
        seriesId = seriesOf(study, record, changed);
        last = record;
      }
      insertInstance.run(
        seriesId,
        stored,
        isCopy ? 1 : 0,
        isCopy ? file.source : null,
        file.fileBytes,
        file.modifiedMs,
        file.headerHash,
        file.fileHash,
        ...recordColumns.map((column) => record[column]),
      );
      if (isCopy) leaving.keep(stored);
      const frames = imageFrames(record);
      add(studies, study, frames);
      add(series, seriesId, frames);
      syntaxes.add(study, record.transferSyntaxUID, file.fileBytes);
    }
    for (const [id, counts] of series) countSeries.run(...counts, id);
    for (const [id, counts] of studies) countStudy.run(...counts, id);
    syntaxes.write();
    for (const study of changed) describeStudy(study);
  });

  return {
    held: (sopInstanceUID) => findHeld.get(sopInstanceUID) ?? null,
    newest: () => newest.get() ?? 0,
    heldAmong: (sopInstanceUIDs) => new Set(findAmong.all(JSON.stringify(sopInstanceUIDs))),
    patientOf: ({ id }) => patientOf.get(id) ?? '',
    settleStudy,
    insert: (batch, insteadOf = []) => insert(batch, insteadOf),
    seriesOf: ({ id }) => seriesOfHeld.get(id) ?? null,
    relocate(held, found) {
      const origin = found.isCopy ? found.source : null;
      if (found.isCopy) leaving.keep(found.stored);
      setPlace.run(found.stored, found.isCopy ? 1 : 0, found.modifiedMs, found.fileHash, origin, held.id);
    },
  };
}
