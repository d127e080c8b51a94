// Where cohorts are kept: cohorts.sqlite in the home folder. Versions are written once and never changed.
import Database from 'better-sqlite3';
import { type Cohort, cohortSchema } from '../../contract/cohort.ts';
import { splitNames, type SplitName } from '../../contract/training.ts';
import { isDiskFull, stationFault } from '../faults.ts';
import { cohortFaults } from './faults.ts';

/** One instance of a cohort version. Patients are pseudonyms: names and identifiers stay in the library. */
export interface CohortItem {
  readonly sopInstanceUID: string;
  readonly patient: string;
  /** Index into the cohort's classes. */
  readonly label: number;
  readonly split: SplitName;
  readonly frames: number;
}

export interface CohortStore {
  /** The newest version of each cohort, by name. */
  list(): Cohort[];
  newest(name: string): Cohort | null;
  items(name: string, version: number): CohortItem[];
  /** The split of every patient that any version of the cohort had. */
  splits(name: string): Map<string, SplitName>;
  add(cohort: Cohort, items: readonly CohortItem[]): void;
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
];

interface ItemRow {
  sop_instance_uid: string;
  patient: string;
  label: number;
  split: number;
  frames: number;
}

/**
 * Opens or makes the database `file`.
 * @throws Fault 212 when it cannot be read, 213 when a newer version wrote it, 603 when the disk is full.
 */
export function openCohortStore(file: string): CohortStore {
  const db = openDatabase(file);
  const newestRows = db.prepare<[], { summary: string }>(
    'SELECT summary FROM cohort AS c WHERE version = (SELECT max(version) FROM cohort WHERE name = c.name) ORDER BY name',
  );
  const newestRow = db.prepare<[string], { summary: string }>(
    'SELECT summary FROM cohort WHERE name = ? ORDER BY version DESC LIMIT 1',
  );
  const itemRows = db.prepare<[string, number], ItemRow>(
    'SELECT sop_instance_uid, patient, label, split, frames FROM cohort_item WHERE name = ? AND version = ? ORDER BY position',
  );
  // Later versions never change a patient's split, so that the order does not matter.
  const splitRows = db.prepare<[string], { patient: string; split: number }>(
    'SELECT DISTINCT patient, split FROM cohort_item WHERE name = ?',
  );
  const insertCohort = db.prepare('INSERT INTO cohort (name, version, summary) VALUES (?, ?, ?)');
  const insertItem = db.prepare('INSERT INTO cohort_item VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  const removeRows = db.prepare('DELETE FROM cohort WHERE name = ?');
  const splitAt = (index: number): SplitName => splitNames[index] ?? 'train';
  const decode = ({ summary }: { summary: string }): Cohort => cohortSchema.parse(JSON.parse(summary));
  return {
    list: () => newestRows.all().map(decode),
    newest(name) {
      const row = newestRow.get(name);
      return row === undefined ? null : decode(row);
    },
    items: (name, version) =>
      itemRows.all(name, version).map((row) => ({
        sopInstanceUID: row.sop_instance_uid,
        patient: row.patient,
        label: row.label,
        split: splitAt(row.split),
        frames: row.frames,
      })),
    splits: (name) => new Map(splitRows.all(name).map(({ patient, split }) => [patient, splitAt(split)])),
    add: (cohort, items) =>
      orDiskFull(
        db.transaction(() => {
          insertCohort.run(cohort.name, cohort.version, JSON.stringify(cohort));
          items.forEach(({ sopInstanceUID, patient, label, split, frames }, position) => {
            const code = splitNames.indexOf(split);
            insertItem.run(cohort.name, cohort.version, position, sopInstanceUID, patient, label, code, frames);
          });
        }),
      ),
    remove: (name) => orDiskFull(() => removeRows.run(name).changes > 0),
    close: () => db.close(),
  };
}

function openDatabase(file: string): Database.Database {
  let db: Database.Database | undefined;
  try {
    db = new Database(file);
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    const found = Number(db.pragma('user_version', { simple: true }));
    if (found > migrations.length) throw cohortFaults.databaseTooNew(found, migrations.length);
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

function orDiskFull<Value>(act: () => Value): Value {
  try {
    return act();
  } catch (error) {
    throw isDiskFull(error) ? stationFault.diskFull() : error;
  }
}
