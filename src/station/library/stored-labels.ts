// Labels that came with studies: from an import (folder names, a CSV), or read out of SEG, RTSTRUCT and SR objects.
// They are kept by UID, not by instance row: a label may arrive before its images, and outlives a re-import.
import type { LabelOrigin } from '../../contract/cohort.ts';
import type { Db } from './database.ts';

export type LabelLevel = 'study' | 'series' | 'instance';

export interface StoredLabel {
  readonly level: LabelLevel;
  /** Study, Series or SOP Instance UID, as `level` says. */
  readonly uid: string;
  readonly label: string;
}

export interface StoredLabels {
  /** Saves all rows or none; a UID's earlier label of the same origin is replaced. Returns how many rows changed. */
  save(origin: LabelOrigin, rows: readonly StoredLabel[]): number;
  /** Returns how many labels there were. */
  remove(origin: LabelOrigin, rows: Iterable<Omit<StoredLabel, 'label'>>): number;
  labelOf(origin: LabelOrigin, level: LabelLevel, uid: string): string | null;
  all(origin: LabelOrigin): StoredLabel[];
  /** As `all`, of one level and a part at a time: there may be one for each image. */
  each(origin: LabelOrigin, level: LabelLevel): Iterable<StoredLabel>;
  count(origin: LabelOrigin): number;
  /** Origins that have labels, with their number. */
  origins(): { origin: LabelOrigin; labels: number }[];
}

/** Labels read at once. */
const partLength = 1_000;

export function storedLabels(db: Db): StoredLabels {
  const upsert = db.prepare<[LabelOrigin, LabelLevel, string, string]>(
    `INSERT INTO labels (origin, level, uid, label) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET label = excluded.label WHERE label <> excluded.label`,
  );
  const drop = db.prepare<[LabelOrigin, LabelLevel, string]>(
    'DELETE FROM labels WHERE origin = ? AND level = ? AND uid = ?',
  );
  const one = db
    .prepare<[LabelOrigin, LabelLevel, string], string>(
      'SELECT label FROM labels WHERE origin = ? AND level = ? AND uid = ?',
    )
    .pluck();
  const every = db.prepare<[LabelOrigin], StoredLabel>(
    'SELECT level, uid, label FROM labels WHERE origin = ? ORDER BY level, uid',
  );
  const part = db.prepare<[LabelOrigin, LabelLevel, string, number], StoredLabel>(
    'SELECT level, uid, label FROM labels WHERE origin = ? AND level = ? AND uid > ? ORDER BY uid LIMIT ?',
  );
  const count = db.prepare<[LabelOrigin], number>('SELECT count(*) FROM labels WHERE origin = ?').pluck();
  const counted = db.prepare<[], { origin: LabelOrigin; labels: number }>(
    'SELECT origin, count(*) AS labels FROM labels GROUP BY origin ORDER BY origin',
  );
  return {
    save: db.transaction((origin: LabelOrigin, rows: readonly StoredLabel[]) =>
      rows.reduce((changes, { level, uid, label }) => changes + upsert.run(origin, level, uid, label).changes, 0),
    ),
    remove: db.transaction((origin: LabelOrigin, rows: Iterable<Omit<StoredLabel, 'label'>>) => {
      let changes = 0;
      for (const { level, uid } of rows) changes += drop.run(origin, level, uid).changes;
      return changes;
    }),
    labelOf: (origin, level, uid) => one.get(origin, level, uid) ?? null,
    all: (origin) => every.all(origin),
    *each(origin, level) {
      for (let after = ''; ;) {
        const rows = part.all(origin, level, after, partLength);
        yield* rows;
        if (rows.length < partLength) return;
        after = rows.at(-1)!.uid;
      }
    },
    count: (origin) => count.get(origin) ?? 0,
    origins: () => counted.all(),
  };
}
