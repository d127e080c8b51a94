// Faults of annotations: codes 619–639. A retired code keeps its line as a tombstone.
import { systemReason } from '../../contract/system-reason.ts';
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
  /** An overlay that cannot be brought onto an image; never shown in the wrong place. */
  notShown: (why: string) =>
    new Fault({ code: 623, message: `The overlay cannot be shown here: ${why}.`, retry: 'never' }),
  noOverlay: () =>
    new Fault({ code: 624, message: 'This instance is no segmentation and no structure set.', retry: 'never' }),
  hung: (limitMs: number) =>
    new Fault({
      code: 625,
      message: `Reading the object took longer than ${limitMs / 1000} s and was ended.`,
      retry: 'never',
    }),
  crashed: (why: string) =>
    new Fault({ code: 626, message: `Reading the object ended its thread: ${why}.`, retry: 'never' }),
  closed: () => new Fault({ code: 627, message: 'The library is closed.', retry: 'never' }),
  tooLarge: (bytes: number) =>
    new Fault({
      code: 628,
      message: `The object is larger than this program accepts: ${Math.round(bytes / 2 ** 20)} MiB.`,
      retry: 'never',
    }),
  tooManyClasses: (classes: number) =>
    new Fault({
      code: 629,
      message: `The series has ${classes} segments of different names; at most 255 can be told apart in a label map.`,
      retry: 'never',
    }),
  readingLabels: () =>
    new Fault({ code: 630, message: 'Labels are being read already. Wait for it or cancel it.', retry: 'later' }),
  tableNotWritten: (code: string) =>
    new Fault({
      code: 632,
      message: `The measurements could not be written: ${systemReason(code)}. Choose another place.`,
      retry: 'later',
    }),
  labelsCancelled: (done: number, found: number) =>
    new Fault({
      code: 631,
      message: `Reading labels was cancelled after ${done} of ${found} objects. No label was changed.`,
      retry: 'now',
      counts: { done, found },
    }),
} as const;
