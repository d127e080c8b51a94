// What the index keeps per study of its series and instances, so that lists, filters and distributions of 100,000
// studies read neither. Written by the index writer, inside its transactions.
import type { Db } from '../database.ts';

export interface StudySummary {
  /** After series of the study came or went. */
  series(study: number): void;
  /** A tally of one transaction's new instances. */
  tally(): InstanceTally;
  removed(study: number, transferSyntaxUID: string, fileBytes: number): void;
}

export interface InstanceTally {
  add(study: number, transferSyntaxUID: string, fileBytes: number): void;
  write(): void;
}

const distinct = (column: string): string =>
  `(SELECT coalesce(group_concat(v, '\\'), '') FROM (SELECT DISTINCT ${column} AS v FROM series
     WHERE study = @study AND ${column} <> '' ORDER BY v))`;

export function studySummary(db: Db): StudySummary {
  const setSeries = db.prepare(
    `UPDATE studies SET series = (SELECT count(*) FROM series WHERE study = @study),
       bodyParts = ${distinct('bodyPartExamined')}, manufacturers = ${distinct('manufacturer')},
       manufacturerModelNames = ${distinct('manufacturerModelName')},
       sliceThicknessesMm = ${distinct('round(sliceThicknessMm, 2)')}, importedMs = @now
     WHERE id = @study`,
  );
  const addInstances = db.prepare(
    `INSERT INTO studyTransferSyntaxes (study, transferSyntaxUID, instances, fileBytes) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET instances = instances + excluded.instances, fileBytes = fileBytes + excluded.fileBytes`,
  );
  const dropEmpty = db.prepare(
    'DELETE FROM studyTransferSyntaxes WHERE study = ? AND transferSyntaxUID = ? AND instances <= 0',
  );
  return {
    series: (study) => void setSeries.run({ study, now: Date.now() }),
    tally() {
      const counted = new Map<string, { study: number; syntax: string; instances: number; fileBytes: number }>();
      return {
        add(study, syntax, fileBytes) {
          const key = `${study} ${syntax}`;
          const held = counted.get(key);
          if (held === undefined) counted.set(key, { study, syntax, instances: 1, fileBytes });
          else {
            held.instances += 1;
            held.fileBytes += fileBytes;
          }
        },
        write() {
          for (const { study, syntax, instances, fileBytes } of counted.values())
            addInstances.run(study, syntax, instances, fileBytes);
        },
      };
    },
    removed(study, syntax, fileBytes) {
      addInstances.run(study, syntax, -1, -fileBytes);
      dropEmpty.run(study, syntax);
    },
  };
}
