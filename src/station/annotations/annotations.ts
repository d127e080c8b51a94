// What is drawn over images, composed: measurements of readers.
import type { Db } from '../library/database.ts';
import { type MeasurementStore, measurementStore } from './measurement-store.ts';

export interface Annotations {
  readonly measurements: MeasurementStore;
}

export function openAnnotations({ db }: { db: Db }): Annotations {
  return { measurements: measurementStore(db) };
}
