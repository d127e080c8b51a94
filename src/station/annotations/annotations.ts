// What is drawn over images, composed: measurements of readers, segmentations and structure sets, and the threads that read them.
import type { Measurement } from '../../contract/annotation.ts';
import type { CallOutput } from '../../contract/calls.ts';
import type { LabelReport } from '../../contract/label-source.ts';
import type { Db } from '../library/database.ts';
import { keptUnits } from './kept-units.ts';
import { type MeasurementStore, measurementStore } from './measurement-store.ts';
import { openObjectThreads } from './object-threads.ts';
import { overlayIndex } from './overlay-index.ts';
import { readSegmentation, type SeriesSegmentation } from './read-segmentation.ts';
import { annotationFaults } from './faults.ts';
import { type LabelReading, readLabels, type ReadLabelsOptions } from './read-labels.ts';
import { studyProjections } from './study-projections.ts';
import { studyPresentations } from './study-presentations.ts';
import { seriesGeometry } from './series-geometry.ts';

export interface Annotations {
  /** Where every frame of a series lies. @throws Fault 625 (it takes too long). */
  seriesGeometry(seriesInstanceUID: string): Promise<CallOutput<'series-geometry'>['frames']>;
  readonly measurements: MeasurementStore;
  /** Sides and views of a study's radiographs and mammograms. */
  projections(studyInstanceUID: string): Promise<CallOutput<'projections'>['images']>;
  /** The presentation states of a study, the newest first, and why others are not shown. */
  presentations(studyInstanceUID: string): Promise<CallOutput<'presentations'>>;
  /** Segmentations and structure sets that refer to a series. */
  overlays(seriesInstanceUID: string): Promise<CallOutput<'overlays'>['overlays']>;
  /** @throws Fault 106, 108, 62x with the reason, and the pixels' own. */
  overlayShapes(asked: {
    overlayInstanceUID: string;
    sopInstanceUID: string;
    frame: number;
  }): Promise<CallOutput<'overlay-shapes'>>;
  /** ROIs of a structure set that are on no image of a series, and why. @throws Fault 106, 108, 62x with the reason. */
  undrawnRegions(asked: {
    overlayInstanceUID: string;
    seriesInstanceUID: string;
  }): Promise<CallOutput<'undrawn-regions'>['regions']>;
  /** @throws Fault 106 (unknown), 108 (its file is gone), 625 (it takes too long). */
  header(sopInstanceUID: string): Promise<CallOutput<'header'>['elements']>;
  /** Measurements with what old ones lack. */
  withUnits(measurements: readonly Measurement[]): Promise<Measurement[]>;
  /** What a structured report says. @throws Fault 106 (unknown), 108 (its file is gone), 625 (it takes too long). */
  report(sopInstanceUID: string): Promise<CallOutput<'report'>>;
  /** Reads labels out of objects of the library and keeps them. */
  readLabels(
    library: ReadLabelsOptions['library'],
    asked: Parameters<typeof readLabels>[1],
    reading?: Partial<LabelReading>,
  ): Promise<LabelReport>;
  /** What every pixel of a series is; null where no segmentation refers to it. @throws see read-segmentation.ts */
  readSegmentation(seriesInstanceUID: string): Promise<SeriesSegmentation | null>;
  close(): void;
}

/** Longest time for one object. */
const deadlineMs = 30_000;

export interface AnnotationsOptions {
  readonly db: Db;
  /** The library's, which paths of copied instances are relative to. */
  readonly folder: string;
  /** Where an instance's file lies. Throws fault 106 for one that is not here. */
  pathOf(sopInstanceUID: string): string;
}

export function openAnnotations({ db, folder, pathOf }: AnnotationsOptions): Annotations {
  const threads = openObjectThreads({ count: 2, deadlineMs });
  let isReadingLabels = false;
  const { overlaysOf } = overlayIndex({ db, folder, threads });
  const geometryOf = seriesGeometry({ db, folder, threads });
  return {
    measurements: measurementStore(db),
    withUnits: keptUnits({ threads, pathOf }),
    seriesGeometry: geometryOf,
    projections: studyProjections({ db, folder, threads }),
    presentations: studyPresentations({ db, folder, threads }),
    overlays: overlaysOf,
    async overlayShapes({ overlayInstanceUID, sopInstanceUID, frame }) {
      const [overlayPath, path] = [pathOf(overlayInstanceUID), pathOf(sopInstanceUID)];
      return threads.ask('shapes', { overlayPath, path, sopInstanceUID, frame });
    },
    async undrawnRegions({ overlayInstanceUID, seriesInstanceUID }) {
      const frames = await geometryOf(seriesInstanceUID);
      return threads.ask('undrawn', { path: pathOf(overlayInstanceUID), frames });
    },
    async header(sopInstanceUID) {
      return threads.ask('header', { path: pathOf(sopInstanceUID) });
    },
    async report(sopInstanceUID) {
      return threads.ask('reportText', { path: pathOf(sopInstanceUID) });
    },
    readSegmentation: (series) => readSegmentation({ threads, overlaysOf, pathOf }, series),
    async readLabels(library, asked, reading = {}) {
      if (isReadingLabels) throw annotationFaults.readingLabels();
      isReadingLabels = true;
      const { signal = new AbortController().signal, onProgress = () => {} } = reading;
      try {
        return await readLabels({ db, folder, threads, library }, asked, { signal, onProgress });
      } finally {
        isReadingLabels = false;
      }
    },
    close: () => threads.close(),
  };
}
