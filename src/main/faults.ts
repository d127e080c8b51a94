// Faults of the shell: 700–799.
import { Fault } from '../contract/fault.ts';
import { systemReason } from '../contract/system-reason.ts';

export const shellFault = {
  stationStopped: () =>
    new Fault({
      code: 700,
      message: 'The background process stopped while it worked on this. It is being restarted; try again in a moment.',
      retry: 'later',
    }),
  stationUnavailable: (reason: string) =>
    new Fault({ code: 701, message: `The background process does not run: ${reason}`, retry: 'later' }),
  badOrder: () =>
    new Fault({
      code: 702,
      message:
        'The window and the background process do not fit together. Restart ImagiQ; if it stays so, reinstall it.',
      retry: 'never',
    }),
  keyChainAway: () =>
    new Fault({
      code: 704,
      message:
        'This station’s keys are sealed by the system’s key chain, and it does not answer: it is locked, or ImagiQ was not started in the desktop session in which they were sealed. Unlock it, or log in there.',
      retry: 'later',
    }),
  otherKeyChain: () =>
    new Fault({
      code: 705,
      message:
        'This station’s keys are sealed by the system’s key chain, and the one that answers cannot open them: it was reset, or the data folder comes from another login or computer. Bring the key chain back. Where it is lost, this device has to be enrolled anew: the guide’s page on connections tells how, under “Keys”.',
      retry: 'later',
    }),
  sealingUnderWay: () =>
    new Fault({
      code: 707,
      message: 'The keys are being sealed or unsealed already. Try again in a moment.',
      retry: 'now',
    }),
  sealingUnanswered: () =>
    new Fault({
      code: 708,
      message:
        'The background process did not answer in time, and may still seal or unseal the keys. Look at the switch again in a moment; where it does not move, restart ImagiQ.',
      retry: 'later',
    }),
  pictureNotWritten: (code: string) =>
    new Fault({
      code: 709,
      message: `The picture could not be written: ${systemReason(code)}. Choose another place.`,
      retry: 'later',
    }),
  pictureNotTaken: () =>
    new Fault({
      code: 710,
      message: 'The window was not drawn in time for its picture. Bring it to the front and try again.',
      retry: 'now',
    }),
  noKeyChain: (reason: string) =>
    new Fault({ code: 706, message: `The keys were not sealed. ${reason}`, retry: 'later' }),
} as const;
