// Takes studies and series out of the index, with all that the index knows of them; their copies leave the disk. Files that were
// indexed where they lie are not touched. Each study is one transaction: a killed station has it whole or not at all.
import { setImmediate } from 'node:timers/promises';
import { labelOrigins } from '../../contract/cohort.ts';
import type { RemovalRequest } from '../../contract/removal.ts';
import type { Db } from './database.ts';
import type { IndexWriter } from './index-writer.ts';
import type { LeavingFiles } from './leaving-files.ts';
import { patientKeysNamed } from './patient-key.ts';

export interface Removal {
  /** As in contract/removal.ts. */
  readonly counts: {
    readonly studies: number;
    readonly series: number;
    readonly instances: number;
    readonly copies: number;
    readonly copyBytes: number;
  };
  readonly measurements: number;
  readonly labels: number;
  /** What was asked for and is not here. */
  readonly unknown: readonly string[];
  /** Whether this instance goes. */
  has(sopInstanceUID: string): boolean;
}

export interface RemovalOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
}

export interface StudyRemoval {
  /** What would go now. */
  plan(request: RemovalRequest): Promise<Removal>;
  /** Resolves when it is gone, with what went: less where it was cancelled. */
  run(request: RemovalRequest, options: RemovalOptions): Promise<Removal['counts']>;
}

interface GoingSeries {
  readonly id: number;
  readonly study: number;
  readonly studyInstanceUID: string;
  readonly seriesInstanceUID: string;
  readonly instances: number;
}

/** Looked at before other work of the station gets its turn. */
const studiesAtOnce = 100;
/** Copies that wait for their removal from the disk while studies leave the index. */
const copiesAtOnce = 2_000;

export function studyRemoval(db: Db, writer: IndexWriter, leaving: LeavingFiles): StudyRemoval {
  const goingSeries = db.prepare<[string, string, string], GoingSeries>(
    `SELECT r.id, r.study, s.studyInstanceUID, r.seriesInstanceUID, r.instances FROM series r JOIN studies s ON s.id = r.study
     WHERE r.id IN (
       SELECT x.id FROM series x JOIN studies y ON y.id = x.study WHERE y.studyInstanceUID IN (SELECT value FROM json_each(?))
       UNION SELECT id FROM series WHERE seriesInstanceUID IN (SELECT value FROM json_each(?))
       UNION SELECT x.id FROM patients p JOIN studies y ON y.patient = p.id JOIN series x ON x.study = y.id
         WHERE p.patientKey IN (SELECT value FROM json_each(?)))
     ORDER BY r.study, r.id`,
  );
  const copiesOf = db.prepare<[number], { copies: number; copyBytes: number }>(
    'SELECT count(*) AS copies, coalesce(sum(fileBytes), 0) AS copyBytes FROM instances WHERE series = ? AND isCopy = 1',
  );
  const seriesOfStudy = db.prepare<[number], number>('SELECT count(*) FROM series WHERE study = ?').pluck();
  const measurementsOf = db
    .prepare<[string, string], number>(
      'SELECT count(*) FROM measurements WHERE studyInstanceUID = ? AND seriesInstanceUID = ?',
    )
    .pluck();
  const hasPatient = db
    .prepare<[string], number>(
      'SELECT 1 FROM patients p JOIN studies s ON s.patient = p.id WHERE p.patientKey IN (SELECT value FROM json_each(?))',
    )
    .pluck();
  const seriesOfInstance = db
    .prepare<[string], number>('SELECT series FROM instances WHERE sopInstanceUID = ?')
    .pluck();

  const uidsOfSeries = 'SELECT sopInstanceUID FROM instances WHERE series = @series';
  /** With the origins the key of the labels is used; without them all labels would be read. */
  const ofOrigins = `origin IN (${labelOrigins.map((origin) => `'${origin}'`).join(', ')})`;
  const labelled = `${ofOrigins} AND (level = 'series' AND uid = @seriesInstanceUID OR level = 'instance' AND uid IN (${uidsOfSeries}))`;
  const labelsOf = db
    .prepare<[Record<string, unknown>], number>(`SELECT count(*) FROM labels WHERE ${labelled}`)
    .pluck();
  const removeRows = [
    `INSERT OR IGNORE INTO leavingFiles SELECT path FROM instances WHERE series = @series AND isCopy = 1`,
    `DELETE FROM overlayReferences WHERE sopInstanceUID IN (${uidsOfSeries})`,
    `DELETE FROM overlayObjects WHERE sopInstanceUID IN (${uidsOfSeries})`,
    `DELETE FROM labels WHERE ${labelled}`,
    `DELETE FROM measurements WHERE studyInstanceUID = @studyInstanceUID AND seriesInstanceUID = @seriesInstanceUID`,
    `UPDATE studyTransferSyntaxes SET
       instances = instances - (SELECT count(*) FROM instances i WHERE i.series = @series AND i.transferSyntaxUID = studyTransferSyntaxes.transferSyntaxUID),
       fileBytes = fileBytes - (SELECT coalesce(sum(fileBytes), 0) FROM instances i WHERE i.series = @series AND i.transferSyntaxUID = studyTransferSyntaxes.transferSyntaxUID)
     WHERE study = @study`,
    'DELETE FROM studyTransferSyntaxes WHERE study = @study AND instances <= 0',
    `UPDATE studies SET instances = instances - (SELECT count(*) FROM instances WHERE series = @series),
       images = images - (SELECT images FROM series WHERE id = @series),
       frames = frames - (SELECT frames FROM series WHERE id = @series) WHERE id = @study`,
    'DELETE FROM instances WHERE series = @series',
    'DELETE FROM series WHERE id = @series',
  ].map((sql) => db.prepare<[Record<string, unknown>]>(sql));
  const labelledStudy = `${ofOrigins} AND level = 'study' AND uid = ?`;
  const labelsOfStudy = db.prepare<[string], number>(`SELECT count(*) FROM labels WHERE ${labelledStudy}`).pluck();
  const removeLabelsOfStudy = db.prepare<[string]>(`DELETE FROM labels WHERE ${labelledStudy}`);

  const removeOfStudy = db.transaction((series: readonly GoingSeries[]): boolean => {
    const [first] = series;
    if (first === undefined) return false;
    for (const { id, study, studyInstanceUID, seriesInstanceUID } of series)
      for (const statement of removeRows) statement.run({ series: id, study, studyInstanceUID, seriesInstanceUID });
    const isGone = writer.settleStudy(first.study);
    if (isGone) removeLabelsOfStudy.run(first.studyInstanceUID);
    return isGone;
  });

  const seriesFor = ({ uids, patientIDs }: RemovalRequest): GoingSeries[] => {
    const list = JSON.stringify(uids);
    return goingSeries.all(list, list, JSON.stringify(patientIDs.flatMap(patientKeysNamed)));
  };

  return {
    async plan(request) {
      const series = seriesFor(request);
      const byStudy = [...Map.groupBy(series, ({ study }) => study)];
      const counts = { studies: 0, series: series.length, instances: 0, copies: 0, copyBytes: 0 };
      let [measurements, labels] = [0, 0];
      for (const [index, [study, ofStudy]] of byStudy.entries()) {
        for (const { id, studyInstanceUID, seriesInstanceUID, instances } of ofStudy) {
          const { copies, copyBytes } = copiesOf.get(id) ?? { copies: 0, copyBytes: 0 };
          counts.instances += instances;
          counts.copies += copies;
          counts.copyBytes += copyBytes;
          measurements += measurementsOf.get(studyInstanceUID, seriesInstanceUID) ?? 0;
          labels += labelsOf.get({ series: id, seriesInstanceUID }) ?? 0;
        }
        if (seriesOfStudy.get(study) === ofStudy.length) {
          counts.studies += 1;
          labels += labelsOfStudy.get(ofStudy[0]?.studyInstanceUID ?? '') ?? 0;
        }
        if (index % studiesAtOnce === studiesAtOnce - 1) await setImmediate();
      }
      const going = new Set(series.map(({ id }) => id));
      const known = new Set(series.flatMap((one) => [one.studyInstanceUID, one.seriesInstanceUID]));
      return {
        counts,
        measurements,
        labels,
        unknown: [
          ...request.uids.filter((uid) => !known.has(uid)),
          ...request.patientIDs.filter((id) => hasPatient.get(JSON.stringify(patientKeysNamed(id))) === undefined),
        ],
        has: (sopInstanceUID) => going.has(seriesOfInstance.get(sopInstanceUID) ?? 0),
      };
    },
    async run(request, { signal, onProgress }) {
      const series = seriesFor(request);
      const total = series.reduce((all, { instances }) => all + instances, 0);
      const gone = { studies: 0, series: 0, instances: 0, copies: 0, copyBytes: 0 };
      let waiting = 0;
      for (const ofStudy of Map.groupBy(series, ({ study }) => study).values()) {
        if (signal.aborted) break;
        for (const { id, instances } of ofStudy) {
          const { copies, copyBytes } = copiesOf.get(id) ?? { copies: 0, copyBytes: 0 };
          gone.series += 1;
          gone.instances += instances;
          gone.copies += copies;
          gone.copyBytes += copyBytes;
          waiting += copies;
        }
        if (removeOfStudy(ofStudy)) gone.studies += 1;
        onProgress({ done: gone.instances, total });
        if (waiting >= copiesAtOnce) await leaving.clear();
        waiting %= copiesAtOnce;
        // Other work of the station gets its turn.
        await setImmediate();
      }
      await leaving.clear();
      return gone;
    },
  };
}
