// The contract's calls about measurements and overlays, answered.
import type { annotationCalls, Measurement } from '../../contract/annotation.ts';
import type { LabelProgress, labelSourceCalls } from '../../contract/label-source.ts';
import type { Answers } from '../../contract/calls.ts';
import { annotationFaults } from './faults.ts';
import { measurementTable } from './measurement-table.ts';
import { stationFault } from '../faults.ts';
import type { Station } from '../open-station.ts';
import { writeText } from '../write-text.ts';

export function annotationAnswers({
  library,
  onEvent,
}: Station): Answers<keyof typeof annotationCalls | keyof typeof labelSourceCalls> {
  const {
    measurements,
    withUnits,
    overlays,
    presentations,
    projections,
    overlayShapes,
    undrawnRegions,
    readLabels,
    report,
    seriesGeometry,
  } = library.annotations;
  const allOf = async (studyInstanceUID: string | null): Promise<Measurement[]> => {
    if (studyInstanceUID !== null && library.study(studyInstanceUID) === null) throw stationFault.noSuchObject('study');
    return withUnits(measurements.all(studyInstanceUID));
  };
  return {
    measurements: async ({ studyInstanceUID }) => ({ measurements: await allOf(studyInstanceUID) }),
    'measurements-table': async ({ studyInstanceUID }) => {
      const all = await allOf(studyInstanceUID);
      return { measurements: all.length, text: measurementTable(all, measurements.imageOf) };
    },
    'save-measurements': async ({ studyInstanceUID, file }) => {
      const all = await allOf(studyInstanceUID);
      writeText(file, measurementTable(all, measurements.imageOf), annotationFaults.tableNotWritten);
      return { measurements: all.length };
    },
    'save-measurement': ({ measurement }) => {
      measurements.save(measurement);
      return {};
    },
    'delete-measurement': ({ id }) => {
      measurements.delete(id);
      return {};
    },
    report: ({ sopInstanceUID }) => report(sopInstanceUID),
    projections: async ({ studyInstanceUID }) => ({ images: await projections(studyInstanceUID) }),
    presentations: ({ studyInstanceUID }) => presentations(studyInstanceUID),
    overlays: async ({ seriesInstanceUID }) => ({ overlays: await overlays(seriesInstanceUID) }),
    'series-geometry': async ({ seriesInstanceUID }) => ({ frames: await seriesGeometry(seriesInstanceUID) }),
    'overlay-shapes': (asked) => overlayShapes(asked),
    'undrawn-regions': async (asked) => ({ regions: await undrawnRegions(asked) }),
    'read-labels': async (asked, signal) => {
      const onProgress = (progress: LabelProgress): void => onEvent('labels-progress', progress);
      const report = await readLabels(library, asked, { ...(signal === undefined ? {} : { signal }), onProgress });
      onEvent('library-changed', {});
      return report;
    },
  };
}
