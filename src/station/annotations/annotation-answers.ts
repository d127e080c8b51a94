// The contract's calls about measurements and overlays, answered.
import type { annotationCalls } from '../../contract/annotation.ts';
import type { LabelProgress, labelSourceCalls } from '../../contract/label-source.ts';
import type { Answers } from '../../contract/calls.ts';
import { writeFileDurably } from '../../disk/durable-file.ts';
import { annotationFaults } from './faults.ts';
import { measurementTable } from './measurement-table.ts';
import { stationFault } from '../faults.ts';
import type { Station } from '../open-station.ts';

export function annotationAnswers({
  library,
  onEvent,
}: Station): Answers<keyof typeof annotationCalls | keyof typeof labelSourceCalls> {
  const tableOf = (studyInstanceUID: string): { measurements: number; text: string } => {
    if (library.study(studyInstanceUID) === null) throw stationFault.noSuchObject('study');
    const all = measurements.all(studyInstanceUID);
    return { measurements: all.length, text: measurementTable(all) };
  };
  const { measurements, overlays, overlayShapes, readLabels, seriesGeometry } = library.annotations;
  return {
    measurements: ({ studyInstanceUID }) => {
      if (library.study(studyInstanceUID) === null) throw stationFault.noSuchObject('study');
      return { measurements: measurements.all(studyInstanceUID) };
    },
    'measurements-table': ({ studyInstanceUID }) => tableOf(studyInstanceUID),
    'save-measurements': ({ studyInstanceUID, file }) => {
      const { text, ...told } = tableOf(studyInstanceUID);
      try {
        writeFileDurably(file, text);
      } catch (error) {
        throw annotationFaults.tableNotWritten(
          error instanceof Error && 'code' in error ? String(error.code) : 'unknown',
        );
      }
      return told;
    },
    'save-measurement': ({ measurement }) => {
      measurements.save(measurement);
      return {};
    },
    'delete-measurement': ({ id }) => {
      measurements.delete(id);
      return {};
    },
    overlays: async ({ seriesInstanceUID }) => ({ overlays: await overlays(seriesInstanceUID) }),
    'series-geometry': async ({ seriesInstanceUID }) => ({ frames: await seriesGeometry(seriesInstanceUID) }),
    'overlay-shapes': (asked) => overlayShapes(asked),
    'read-labels': async (asked, signal) => {
      const onProgress = (progress: LabelProgress): void => onEvent('labels-progress', progress);
      const report = await readLabels(library, asked, { ...(signal === undefined ? {} : { signal }), onProgress });
      onEvent('library-changed', {});
      return report;
    },
  };
}
