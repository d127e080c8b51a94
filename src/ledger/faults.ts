// Faults of the ledger (640–649).
import { Fault } from '../contract/fault.ts';

export const ledgerFault = {
  unreadable: (reason: string) =>
    new Fault({
      code: 640,
      message: `The ledger cannot be read: ${reason}. Check the rights and the health of the disk that holds the data folder.`,
      retry: 'later',
    }),
  unwritable: (reason: string) =>
    new Fault({
      code: 641,
      message:
        `The act could not be entered in the ledger: ${reason}. What was entered before is safe. ` +
        'Make room or restore the rights to write in the data folder, then try again.',
      retry: 'later',
    }),
  entryTooLarge: (bytes: number, limitBytes: number) =>
    new Fault({
      code: 642,
      message: `A ledger entry has ${bytes} bytes where ${limitBytes} are allowed. Describe the act by hashes and counts.`,
      retry: 'never',
    }),
  exportNotWritten: (file: string, reason: string) =>
    new Fault({
      code: 643,
      message: `The ledger could not be written to ${file}: ${reason}. Choose another place.`,
      retry: 'later',
    }),
} as const;
