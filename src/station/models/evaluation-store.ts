// What was measured of the site's models: models/evaluations.sqlite. Evaluations are written once and never changed.
import path from 'node:path';
import { z } from 'zod';
import {
  type ModelEvaluation,
  modelEvaluationSchema,
  type ModelEvaluationSummary,
  modelEvaluationSummarySchema,
} from '../../contract/model-evaluation.ts';
import { isDiskFull, stationFault } from '../faults.ts';
import { openWalDatabase } from '../home/wal-database.ts';
import { modelFaults } from './faults.ts';

export interface Evaluations {
  /** Keeps it; of one model only the newest `mostPerModel` stay. @throws Fault of a full disk */
  add(evaluation: Omit<ModelEvaluation, 'id'>): ModelEvaluation;
  /** Without curves and groups, newest first: of one model, or of all (null). */
  list(model: string | null): ModelEvaluationSummary[];
  /** @throws Fault 244 */
  get(id: number): ModelEvaluation;
  /** Those of a model that is deleted. */
  forget(model: string): void;
  close(): void;
}

/** A report with the curves of six classes is some 30 kB. */
export const mostPerModel = 100;

/** Forward only; the position is the schema version. */
const migrations = [
  `CREATE TABLE evaluation (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     model TEXT NOT NULL,
     summary TEXT NOT NULL,
     report TEXT NOT NULL
   ) STRICT;
   CREATE INDEX evaluation_model ON evaluation (model, id);`,
];

const rowSchema = z.object({ id: z.number().int(), summary: z.string(), report: z.string() });
const summaryRowSchema = rowSchema.omit({ report: true });
const summarySchema = modelEvaluationSummarySchema.omit({ id: true });
const reportSchema = modelEvaluationSchema.pick({ report: true, operatingPoint: true, members: true });

/** @param folder the models' folder, which is there */
export function openEvaluationStore(folder: string): Evaluations {
  const database = openWalDatabase(path.join(folder, 'evaluations.sqlite'));
  database.pragma('synchronous = FULL');
  const version = z.number().parse(database.pragma('user_version', { simple: true }));
  const pending = migrations.slice(version);
  // Saying the version again would be a write, which a full disk refuses.
  if (pending.length > 0)
    database.transaction(() => {
      for (const migration of pending) database.exec(migration);
      database.pragma(`user_version = ${migrations.length}`);
    })();
  const insert = database.prepare('INSERT INTO evaluation (model, summary, report) VALUES (?, ?, ?)');
  const trim = database.prepare(
    'DELETE FROM evaluation WHERE model = ? AND id NOT IN (SELECT id FROM evaluation WHERE model = ? ORDER BY id DESC LIMIT ?)',
  );
  const all = database.prepare('SELECT id, summary FROM evaluation WHERE ? IS NULL OR model = ? ORDER BY id DESC');
  const one = database.prepare('SELECT id, summary, report FROM evaluation WHERE id = ?');
  const remove = database.prepare('DELETE FROM evaluation WHERE model = ?');

  const keep = database.transaction(
    ({ report, operatingPoint, members, ...summary }: Omit<ModelEvaluation, 'id'>): ModelEvaluation => {
      const kept = insert.run(
        summary.model,
        JSON.stringify(summary),
        JSON.stringify({ report, operatingPoint, members }),
      );
      trim.run(summary.model, summary.model, mostPerModel);
      return { ...summary, report, operatingPoint, members, id: Number(kept.lastInsertRowid) };
    },
  );

  return {
    add(evaluation) {
      try {
        return keep(evaluation);
      } catch (error) {
        throw isDiskFull(error) ? stationFault.diskFull() : error;
      }
    },
    list: (model) =>
      z
        .array(summaryRowSchema)
        .parse(all.all(model, model))
        .map(({ id, summary }) => ({ ...summarySchema.parse(JSON.parse(summary)), id })),
    get(id) {
      const row = rowSchema.optional().parse(one.get(id));
      if (row === undefined) throw modelFaults.unknownEvaluation(id);
      return {
        ...summarySchema.parse(JSON.parse(row.summary)),
        ...reportSchema.parse(JSON.parse(row.report)),
        id: row.id,
      };
    },
    forget: (model) => void remove.run(model),
    close: () => void database.close(),
  };
}
