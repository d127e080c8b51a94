// The contract's calls about measurements and overlays, answered.
import type { annotationCalls } from '../../contract/annotation.ts';
import type { Answers } from '../../contract/calls.ts';
import { Fault } from '../../contract/fault.ts';
import type { Station } from '../open-station.ts';

const notYet = (): never => {
  throw new Fault({ code: 619, message: 'Annotations are not part of this version yet.', retry: 'never' });
};

export function annotationAnswers(_station: Station): Answers<keyof typeof annotationCalls> {
  return {
    measurements: notYet,
    'save-measurement': notYet,
    'delete-measurement': notYet,
    overlays: notYet,
    'overlay-shapes': notYet,
  };
}
