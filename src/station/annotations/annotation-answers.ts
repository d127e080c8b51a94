// The contract's calls about measurements and overlays, answered.
import type { annotationCalls } from '../../contract/annotation.ts';
import type { labelSourceCalls } from '../../contract/label-source.ts';
import type { Answers } from '../../contract/calls.ts';
import { stationFault } from '../faults.ts';
import type { Station } from '../open-station.ts';

export function annotationAnswers({
  library,
}: Station): Answers<keyof typeof annotationCalls | keyof typeof labelSourceCalls> {
  const { measurements, overlays, overlayShapes, readLabels } = library.annotations;
  return {
    measurements: ({ studyInstanceUID }) => {
      if (library.study(studyInstanceUID) === null) throw stationFault.noSuchObject('study');
      return { measurements: measurements.all(studyInstanceUID) };
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
    'overlay-shapes': (asked) => overlayShapes(asked),
    'read-labels': (asked) => readLabels(library, asked),
  };
}
