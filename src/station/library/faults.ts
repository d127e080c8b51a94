// Faults of the library: codes 100–149. A retired code keeps its line as a tombstone.
import { Fault } from '../../contract/fault.ts';
import { systemReason } from '../../contract/system-reason.ts';

/** Of an import that a fault ended. */
export interface ImportCounts {
  /** Files found; there may be more that it did not come to. */
  readonly found: number;
  readonly imported: number;
  readonly duplicates: number;
  readonly refused: number;
}

const notImported = ({ found, imported, duplicates, refused }: ImportCounts): number =>
  Math.max(0, found - imported - duplicates - refused);

function keptAndNot(counts: ImportCounts): string {
  const { imported, duplicates, refused } = counts;
  const parts = [`${imported} imported`, `${duplicates} already there`, ...(refused > 0 ? [`${refused} refused`] : [])];
  return `What was imported is kept (${parts.join(', ')}); ${notImported(counts)} of the files found so far, and what was not looked at yet, are not`;
}

export const libraryFaults = {
  /** A path given to an import does not exist or may not be read. */
  pathUnreadable: (path: string, why: string) =>
    new Fault({
      code: 100,
      message: `Cannot read ${path}: ${why}. ${
        why === systemReason('ENOENT')
          ? 'It may have been moved or renamed, or its disk is not connected: choose it again where it lies now.'
          : 'See to that, then import again.'
      }`,
      retry: 'later',
    }),
  /** Of an import: what it had done by then. */
  diskFull: (folder: string, counts?: ImportCounts) =>
    new Fault({
      code: 101,
      message: `The disk that holds ${folder} is full. ${counts === undefined ? 'Everything imported so far is kept' : keptAndNot(counts)}; free some space and import again.`,
      retry: 'later',
      ...(counts === undefined ? {} : { counts: { ...counts, notImported: notImported(counts) } }),
    }),
  databaseUnusable: (why: string) =>
    new Fault({
      code: 102,
      message: `The study index cannot be used: ${why}. A backup lies beside it (library.sqlite.before-*).`,
      retry: 'never',
    }),
  databaseTooNew: (found: number, known: number) =>
    new Fault({
      code: 103,
      message: `The study index was written by a newer version (schema ${found}, this version knows ${known}). Update the app.`,
      retry: 'never',
    }),
  unknownStudy: () => new Fault({ code: 104, message: 'No such study in this library.', retry: 'never' }),
  unknownSeries: () => new Fault({ code: 105, message: 'No such series in this library.', retry: 'never' }),
  unknownInstance: () =>
    new Fault({
      code: 106,
      message: 'No such instance in this library. Its series tells which there are.',
      retry: 'never',
    }),
  /** The bytes are no DICOM data set at all. */
  notDicom: (why: string) => new Fault({ code: 107, message: why, retry: 'never' }),
  fileGone: () =>
    new Fault({
      code: 108,
      message: 'The file of this instance is no longer where it was imported from. Put it back or import it again.',
      retry: 'later',
    }),
  importRunning: () =>
    new Fault({ code: 109, message: 'An import is already running. Wait for it or cancel it.', retry: 'later' }),
  workerDied: (why: string) =>
    new Fault({
      code: 110,
      message: `Reading headers stopped: ${why}. Import again; nothing stored is lost.`,
      retry: 'now',
    }),
  closed: () => new Fault({ code: 111, message: 'The library is closed.', retry: 'never' }),
  unknownImport: (id: number) =>
    new Fault({
      code: 112,
      message: `There was no import ${id}. The list of imports tells which there were.`,
      retry: 'never',
    }),
  reportNotWritten: (file: string, why: string) =>
    new Fault({
      code: 113,
      message: `The report cannot be written to ${file}: ${why}. Choose another place.`,
      retry: 'later',
    }),
  removalRunning: () =>
    new Fault({
      code: 116,
      message: 'Studies are being removed from the library. Wait for it or cancel it.',
      retry: 'later',
    }),
  nothingToRemove: (asked: string) =>
    new Fault({
      code: 117,
      message: `The library has no study, series or patient ${asked}. \`imagiq studies --json\` tells which there are.`,
      retry: 'never',
    }),
  removalInUse: (usedBy: readonly string[]) =>
    new Fault({
      code: 118,
      message: `Nothing was removed: ${usedBy.join('; ')}. Let it end or stop it first, or take the images out of the cohort.`,
      retry: 'later',
    }),
  unknownSearch: (name: string) =>
    new Fault({ code: 114, message: `There is no saved search “${name}” any more.`, retry: 'never' }),
  searchNameTaken: (name: string) =>
    new Fault({ code: 115, message: `Another saved search is called “${name}”. Choose another name.`, retry: 'never' }),
} as const;
