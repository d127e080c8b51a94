// Faults of the shell: 700–799.
import { Fault } from '../contract/fault.ts';

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
} as const;
