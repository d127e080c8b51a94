// Faults of annotations: codes 619–639. A retired code keeps its line as a tombstone.
import { Fault } from '../../contract/fault.ts';

export const annotationFaults = {
  /** 619 (retired): annotations were not part of an early version. */
  /** The measurement contradicts the instance that it names. */
  badMeasurement: (why: string) =>
    new Fault({ code: 620, message: `The measurement cannot be kept: ${why}.`, retry: 'never' }),
  unknownMeasurement: () =>
    new Fault({
      code: 621,
      message: 'There is no such measurement; it may have been deleted already.',
      retry: 'never',
    }),
  tooManyMeasurements: (most: number) =>
    new Fault({
      code: 622,
      message: `The study has ${most} measurements already. Delete some before you add more.`,
      retry: 'never',
    }),
} as const;
