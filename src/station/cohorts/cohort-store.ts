// Where cohorts are kept: cohorts.sqlite in the home folder. Versions are written once and never changed.
import Database from 'better-sqlite3';
import { z } from 'zod';
import { type Cohort, cohortSchema } from '../../contract/cohort.ts';
import { splitNames, type SplitName } from '../../contract/training.ts';
import type { CohortItem, ItemMask } from './cohort-items.ts';
import { isDiskFull, stationFault } from '../faults.ts';
import { openWalDatabase } from '../home/wal-database.ts';
import { cohortFaults } from './faults.ts';
import type { Stage } from './turns.ts';
import { versionWriter } from './version-writer.ts';

export interface CohortStore {
  /** The newest version of each cohort, by name. */
  list(): Cohort[];
  newest(name: string): Cohort | null;
  /** The version that has this hash; null where there is none. */
  withHash(name: string, hash: string): Cohort | null;
  /** In the order of patients, then of SOP Instance UID and frame. To be read to its end before anything is written. */
  items(name: string, version: number): Iterable<CohortItem>;
  /** As `items`, in the order of SOP Instance UID and frame. */
  itemsByImage(name: string, version: number): Iterable<CohortItem>;
  /** As `items`, all at once, only of patients whose pseudonym is at least `from` and less than `to`. */
  itemsBetween(name: string, version: number, from: string, to: string): CohortItem[];
  /**
   * Removes a patient's items from every version of every cohort, and keeps the pseudonym so that none takes the patient in again. The
   * names and newest versions of the cohorts that had some.
   */
  isForgotten(patient: string): boolean;
  forgetPatient(patient: string): { name: string; version: number }[];
  /** SOP Instance UIDs of the images, of one split or of all, in the order of `items`. */
  sopInstanceUIDs(name: string, version: number, split?: SplitName): string[];
  /** Patients of a split in their order, with the number of their items. */
  patients(name: string, version: number, split: SplitName): { patient: string; items: number }[];
  /** The split of a patient in any version of the cohort; null where none had it. */
  splitOf(name: string, patient: string): SplitName | null;
  /**
   * Adds a version with these items, which may not be read out of this store; one at a time, and what others write meanwhile comes
   * first. False, and nothing is added, where the version `isStale` when its turn comes or at its end, or after something else was written.
   */
  add(cohort: Cohort, items: Iterable<CohortItem>, stage: Stage, isStale: () => boolean): Promise<boolean>;
  /** Adds a version with the items of an earlier one, in the order of `items`. */
  addCopy(cohort: Cohort, version: number): void;
  /** Removes all versions; false where there was none. */
  remove(name: string): boolean;
  close(): void;
}

/** Forward only; the position is the schema version. */
const migrations = [
  `CREATE TABLE cohort (
     name TEXT NOT NULL,
     version INTEGER NOT NULL,
     summary TEXT NOT NULL,
     PRIMARY KEY (name, version)
   ) STRICT;
   CREATE TABLE cohort_item (
     name TEXT NOT NULL,
     version INTEGER NOT NULL,
     position INTEGER NOT NULL,
     sop_instance_uid TEXT NOT NULL,
     patient TEXT NOT NULL,
     label INTEGER NOT NULL,
     split INTEGER NOT NULL,
     frames INTEGER NOT NULL,
     PRIMARY KEY (name, version, position),
     FOREIGN KEY (name, version) REFERENCES cohort (name, version) ON DELETE CASCADE
   ) STRICT, WITHOUT ROWID;`,
  `-- JSON: indices of the labels ('' for the one in label), of a segmentation the masks. frame: 0 where the middle one stands for all.
   ALTER TABLE cohort_item ADD COLUMN labels TEXT NOT NULL DEFAULT '';
   ALTER TABLE cohort_item ADD COLUMN frame INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE cohort_item ADD COLUMN masks TEXT NOT NULL DEFAULT '';
   CREATE TABLE forgotten_patient (patient TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
   CREATE INDEX cohort_item_patient ON cohort_item (name, version, patient);`,
];

interface ItemRow {
  sop_instance_uid: string;
  patient: string;
  label: number;
  split: number;
  frames: number;
  labels: string;
  frame: number;
  masks: string;
}

const labelsSchema = z.array(z.number().int().min(0));
const masksSchema = z.array(
  z.object({ sopInstanceUID: z.string(), classes: z.array(z.tuple([z.number().int(), z.number().int()])) }),
);

/**
 * Opens or makes the database `file`.
 * @throws Fault 212 when it cannot be read, 213 when a newer version wrote it, 603 when the disk is full.
 */
export function openCohortStore(file: string): CohortStore {
  const db = openDatabase(file);
  const writer = versionWriter(file, db);
  const alone = <Value>(act: () => Value): Value => {
    writer.giveWay();
    return orDiskFull(act);
  };
  const newestRows = db.prepare<[], { summary: string }>(
    'SELECT summary FROM cohort AS c WHERE version = (SELECT max(version) FROM cohort WHERE name = c.name) ORDER BY name',
  );
  const newestRow = db.prepare<[string], { summary: string }>(
    'SELECT summary FROM cohort WHERE name = ? ORDER BY version DESC LIMIT 1',
  );
  const itemRows = (condition: string, order: string): Database.Statement<unknown[], ItemRow> =>
    db.prepare(
      `SELECT sop_instance_uid, patient, label, split, frames, labels, frame, masks FROM cohort_item
       WHERE name = ? AND version = ?${condition} ORDER BY ${order}`,
    );
  const byPatient = 'patient, sop_instance_uid, frame';
  const rowsBetween = itemRows(' AND patient >= ? AND patient < ?', byPatient);
  const uidRows = db
    .prepare<[string, number, number | null], string>(
      `SELECT sop_instance_uid FROM cohort_item WHERE name = ? AND version = ? AND split = coalesce(?, split) ORDER BY ${byPatient}`,
    )
    .pluck();
  const patientRows = db.prepare<[string, number, number], { patient: string; items: number }>(
    `SELECT patient, count(*) AS items FROM cohort_item WHERE name = ? AND version = ? AND split = ?
     GROUP BY patient ORDER BY patient`,
  );
  const versionsOf = db.prepare<[string], { name: string }>('SELECT DISTINCT name FROM cohort_item WHERE patient = ?');
  const newestVersion = db.prepare<[string], number>('SELECT max(version) FROM cohort WHERE name = ?').pluck();
  const rowOfHash = db.prepare<[string, string], { summary: string }>(
    "SELECT summary FROM cohort WHERE name = ? AND summary ->> 'hash' = ? ORDER BY version DESC LIMIT 1",
  );
  const remember = db.prepare('INSERT OR IGNORE INTO forgotten_patient VALUES (?)');
  const forgotten = db.prepare<[string]>('SELECT 1 FROM forgotten_patient WHERE patient = ?');
  const removePatient = db.prepare('DELETE FROM cohort_item WHERE patient = ?');
  // Later versions never change a patient's split, so that any will do.
  const splitRow = db
    .prepare<[string, string], number>(
      `SELECT split FROM cohort c CROSS JOIN cohort_item i ON i.name = c.name AND i.version = c.version
       WHERE c.name = ? AND i.patient = ? LIMIT 1`,
    )
    .pluck();
  const insertCohort = db.prepare('INSERT INTO cohort (name, version, summary) VALUES (?, ?, ?)');
  const copyItems = db.prepare(
    `INSERT INTO cohort_item
     SELECT name, @to, row_number() OVER (ORDER BY ${byPatient}) - 1, sop_instance_uid, patient, label, split, frames, labels, frame, masks
     FROM cohort_item WHERE name = @name AND version = @from`,
  );
  const removeRows = db.prepare('DELETE FROM cohort WHERE name = ?');
  const itemOf = (row: ItemRow): CohortItem => ({
    sopInstanceUID: row.sop_instance_uid,
    patient: row.patient,
    labels: row.labels === '' ? [row.label] : labelsSchema.parse(JSON.parse(row.labels)),
    split: splitAt(row.split),
    frames: row.frames,
    frame: row.frame === 0 ? null : row.frame,
    masks: row.masks === '' ? [] : masksOf(row.masks),
  });
  /** Slices of one volume follow each other and have the same masks. */
  let lastMasks: { text: string; masks: readonly ItemMask[] } = { text: '', masks: [] };
  const masksOf = (text: string): readonly ItemMask[] => {
    if (lastMasks.text !== text) lastMasks = { text, masks: masksSchema.parse(JSON.parse(text)) };
    return lastMasks.masks;
  };
  function* itemsIn(rows: Iterable<ItemRow>): Generator<CohortItem> {
    for (const row of rows) yield itemOf(row);
  }
  const splitAt = (index: number): SplitName => splitNames[index] ?? 'train';
  const decode = ({ summary }: { summary: string }): Cohort => cohortSchema.parse(JSON.parse(summary));
  return {
    list: () => newestRows.all().map(decode),
    newest(name) {
      const row = newestRow.get(name);
      return row === undefined ? null : decode(row);
    },
    withHash(name, hash) {
      const row = rowOfHash.get(name, hash);
      return row === undefined ? null : decode(row);
    },
    items: (name, version) => itemsIn(itemRows('', byPatient).iterate(name, version)),
    itemsByImage: (name, version) => itemsIn(itemRows('', 'sop_instance_uid, frame').iterate(name, version)),
    itemsBetween: (name, version, from, to) => rowsBetween.all(name, version, from, to).map(itemOf),
    sopInstanceUIDs: (name, version, split) =>
      uidRows.all(name, version, split === undefined ? null : splitNames.indexOf(split)),
    patients: (name, version, split) => patientRows.all(name, version, splitNames.indexOf(split)),
    isForgotten: (patient) => forgotten.get(patient) !== undefined,
    forgetPatient: (patient) =>
      alone(
        db.transaction(() => {
          const names = versionsOf.all(patient).map(({ name }) => ({ name, version: newestVersion.get(name) ?? 0 }));
          removePatient.run(patient);
          remember.run(patient);
          return names;
        }),
      ),
    splitOf(name, patient) {
      const split = splitRow.get(name, patient);
      return split === undefined ? null : splitAt(split);
    },
    add: (cohort, items, stage, isStale) => writer.write(cohort, items, stage, isStale),
    addCopy: (cohort, from) =>
      alone(
        db.transaction(() => {
          insertCohort.run(cohort.name, cohort.version, JSON.stringify(cohort));
          copyItems.run({ name: cohort.name, from, to: cohort.version });
        }),
      ),
    remove: (name) => alone(() => removeRows.run(name).changes > 0),
    close() {
      writer.giveWay();
      db.close();
    },
  };
}

function openDatabase(file: string): Database.Database {
  let db: Database.Database | undefined;
  try {
    db = openWalDatabase(file);
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    const found = Number(db.pragma('user_version', { simple: true }));
    if (found > migrations.length) throw cohortFaults.databaseTooNew(found, migrations.length);
    // Saying the version again would be a write, which a full disk refuses.
    if (found === migrations.length) return db;
    const opened = db;
    db.transaction(() => {
      for (const statements of migrations.slice(found)) opened.exec(statements);
      opened.pragma(`user_version = ${migrations.length}`);
    })();
    return db;
  } catch (error) {
    db?.close();
    if (isDiskFull(error)) throw stationFault.diskFull();
    if (error instanceof Database.SqliteError) throw cohortFaults.databaseUnusable(error.message);
    throw error;
  }
}

/** @throws Fault 603 where the act found the disk full */
export function orDiskFull<Value>(act: () => Value): Value {
  try {
    return act();
  } catch (error) {
    throw isDiskFull(error) ? stationFault.diskFull() : error;
  }
}
