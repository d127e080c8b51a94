// Writes a version of a cohort in turns: in a transaction of a connection of its own, so that whoever reads meanwhile sees the versions
// before, and nothing is left of one that is called off.
import type Database from 'better-sqlite3';
import { type Cohort } from '../../contract/cohort.ts';
import { splitNames } from '../../contract/training.ts';
import { openWalDatabase } from '../home/wal-database.ts';
import type { CohortItem } from './cohort-items.ts';
import type { Stage } from './turns.ts';

export interface VersionWriter {
  /** One at a time. False, and nothing is written, where `isStale` when its turn comes or at its end, or where it gave way. */
  write(cohort: Cohort, items: Iterable<CohortItem>, stage: Stage, isStale: () => boolean): Promise<boolean>;
  /** For whoever is about to write by another connection, which would wait: the version under way is undone. */
  giveWay(): void;
}

/** @param db of the same file; one that has it alone writes in one go */
export function versionWriter(file: string, db: Database.Database): VersionWriter {
  const isAlone = db.pragma('locking_mode', { simple: true }) === 'exclusive';
  let last: Promise<unknown> = Promise.resolve();
  let giveWay = (): void => {};

  async function write(
    cohort: Cohort,
    items: Iterable<CohortItem>,
    stage: Stage,
    isStale: () => boolean,
  ): Promise<boolean> {
    const own = isAlone ? db : openWalDatabase(file);
    let gaveWay = false;
    try {
      own.pragma('synchronous = FULL');
      own.exec('BEGIN IMMEDIATE');
      giveWay = () => {
        own.exec('ROLLBACK');
        gaveWay = true;
        giveWay = () => {};
      };
      const take = insertion(own, cohort);
      if (isAlone) for (const item of items) take(item);
      else await stage.each(items, (item) => !gaveWay && take(item));
      if (gaveWay) return false;
      const isKept = !isStale();
      own.exec(isKept ? 'COMMIT' : 'ROLLBACK');
      return isKept;
    } catch (error) {
      if (own.inTransaction) own.exec('ROLLBACK');
      throw error;
    } finally {
      giveWay = () => {};
      if (!isAlone) own.close();
    }
  }

  return {
    write(cohort, items, stage, isStale) {
      const written = last.catch(() => {}).then(() => !isStale() && write(cohort, items, stage, isStale));
      last = written;
      return written;
    },
    giveWay: () => giveWay(),
  };
}

/** Writes the version's summary, and then items one by one in the order of their positions. */
function insertion(db: Database.Database, cohort: Cohort): (item: CohortItem) => void {
  const { name, version } = cohort;
  const insert = db.prepare('INSERT INTO cohort_item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  db.prepare('INSERT INTO cohort (name, version, summary) VALUES (?, ?, ?)').run(name, version, JSON.stringify(cohort));
  let position = 0;
  return ({ sopInstanceUID, patient, labels, split, frames, frame, masks }) => {
    const code = splitNames.indexOf(split);
    const lists = [JSON.stringify(labels), frame ?? 0, masks.length === 0 ? '' : JSON.stringify(masks)];
    insert.run(name, version, position, sopInstanceUID, patient, labels[0] ?? -1, code, frames, ...lists);
    position += 1;
  };
}
