// Measurements of readers, kept in the index's database. They name instances by UID and outlive a re-import.
import { z } from 'zod';
import { type Measurement, type measurementKinds, measurementSchema } from '../../contract/annotation.ts';
import type { Db } from '../library/database.ts';
import { annotationFaults } from './faults.ts';

/** What people know an image by. */
export interface MeasuredImage {
  readonly patientID: string;
  readonly accessionNumber: string;
  /** YYYYMMDD */
  readonly studyDate: string;
  readonly seriesNumber: number | null;
  readonly seriesDescription: string;
  readonly instanceNumber: number | null;
}

export interface MeasurementStore {
  /** Of one study, null for all of them; in order of study, series, instance and frame. */
  all(studyInstanceUID: string | null): Measurement[];
  /** What the index says of an image; null where it is not here. */
  imageOf(sopInstanceUID: string): MeasuredImage | null;
  /**
   * Adds it, or replaces the one of the same id.
   * @throws Fault 620 where its instance is unknown or contradicts it, 622 where the study has too many.
   */
  save(measurement: Measurement): void;
  /** @throws Fault 621 where there is none. */
  delete(id: string): void;
}

const measurementsPerStudy = 10_000;

/** Of a free-hand outline: at least. */
const pointsOf: Readonly<Record<(typeof measurementKinds)[number], number>> = {
  length: 2,
  angle: 3,
  ellipse: 4,
  rectangle: 4,
  freehand: 3,
  probe: 1,
  arrow: 2,
  'key-image': 0,
};

type Row = Omit<Measurement, 'points' | 'values'> & { points: string; measured: string };
const pointsSchema = measurementSchema.shape.points;
const valuesSchema = z.record(z.string(), z.number());

export function measurementStore(db: Db): MeasurementStore {
  const inOrder = 'ORDER BY studyInstanceUID, seriesInstanceUID, sopInstanceUID, frame, changedAt, id';
  const ofStudy = db.prepare<[string], Row>(`SELECT * FROM measurements WHERE studyInstanceUID = ? ${inOrder}`);
  const ofAll = db.prepare<[], Row>(`SELECT * FROM measurements ${inOrder}`);
  const image = db.prepare<[string], MeasuredImage>(
    `SELECT s.patientID, s.accessionNumber, s.studyDate, r.seriesNumber, r.description AS seriesDescription, i.instanceNumber
     FROM instances i JOIN series r ON r.id = i.series JOIN studies s ON s.id = r.study WHERE i.sopInstanceUID = ?`,
  );
  const countOfOthers = db
    .prepare<[string, string], number>('SELECT count(*) FROM measurements WHERE studyInstanceUID = ? AND id <> ?')
    .pluck();
  const instance = db.prepare<[string], { study: string; series: string; frames: number }>(
    `SELECT s.studyInstanceUID AS study, r.seriesInstanceUID AS series, i.frames
     FROM instances i JOIN series r ON r.id = i.series JOIN studies s ON s.id = r.study WHERE i.sopInstanceUID = ?`,
  );
  const upsert = db.prepare<Row>(
    `INSERT OR REPLACE INTO measurements
       (id, studyInstanceUID, seriesInstanceUID, sopInstanceUID, frame, kind, points, label, measured, unit, spacingKind, changedAt)
     VALUES (@id, @studyInstanceUID, @seriesInstanceUID, @sopInstanceUID, @frame, @kind, @points, @label, @measured, @unit, @spacingKind, @changedAt)`,
  );
  const drop = db.prepare<[string]>('DELETE FROM measurements WHERE id = ?');

  return {
    all: (studyInstanceUID) =>
      (studyInstanceUID === null ? ofAll.all() : ofStudy.all(studyInstanceUID)).map(
        ({ points, measured, ...rest }) => ({
          ...rest,
          points: pointsSchema.parse(JSON.parse(points)),
          values: valuesSchema.parse(JSON.parse(measured)),
        }),
      ),
    imageOf: (sopInstanceUID) => image.get(sopInstanceUID) ?? null,
    save: db.transaction((measurement: Measurement) => {
      const { points, values, ...rest } = measurement;
      const found = instance.get(measurement.sopInstanceUID);
      if (found === undefined) throw annotationFaults.badMeasurement('its instance is not in this library');
      if (found.study !== measurement.studyInstanceUID || found.series !== measurement.seriesInstanceUID) {
        throw annotationFaults.badMeasurement('its instance belongs to another series');
      }
      if (measurement.frame > found.frames) {
        throw annotationFaults.badMeasurement(`it is on frame ${measurement.frame} of ${found.frames}`);
      }
      const needs = pointsOf[measurement.kind];
      if (measurement.kind === 'freehand' ? points.length < needs : points.length !== needs) {
        throw annotationFaults.badMeasurement(`a ${measurement.kind} has ${needs} points, not ${points.length}`);
      }
      if (countOfOthers.get(measurement.studyInstanceUID, measurement.id)! >= measurementsPerStudy) {
        throw annotationFaults.tooManyMeasurements(measurementsPerStudy);
      }
      upsert.run({ ...rest, points: JSON.stringify(points), measured: JSON.stringify(values) });
    }),
    delete(id) {
      if (drop.run(id).changes === 0) throw annotationFaults.unknownMeasurement();
    },
  };
}
