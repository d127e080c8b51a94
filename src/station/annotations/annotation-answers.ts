// The contract's calls about measurements and overlays, answered.
import type { annotationCalls } from '../../contract/annotation.ts';
import type { Answers } from '../../contract/calls.ts';
import { Fault } from '../../contract/fault.ts';
import type { Station } from '../open-station.ts';

const notYet = (): never => {
  throw new Fault({ code: 619, message: 'Overlays are not part of this version yet.', retry: 'never' });
};

export function annotationAnswers({ library }: Station): Answers<keyof typeof annotationCalls> {
  const { measurements } = library.annotations;
  return {
    measurements: ({ studyInstanceUID }) => ({ measurements: measurements.all(studyInstanceUID) }),
    'save-measurement': ({ measurement }) => {
      measurements.save(measurement);
      return {};
    },
    'delete-measurement': ({ id }) => {
      measurements.delete(id);
      return {};
    },
    overlays: notYet,
    'overlay-shapes': notYet,
  };
}
