// Faults of the station itself (6xx). 600 and 610 are the contract’s; 640–649 the ledger’s; 695–699 sealed keys.
import { Fault } from '../contract/fault.ts';

/** Another process owns the home folder: the one fault that waiting can mend. */
export const homeInUseCode = 601;

export const stationFault = {
  homeInUse: (pid: string) =>
    new Fault({
      code: homeInUseCode,
      message: `This data folder is in use by another ImagiQ (process ${pid}). Close it, or choose another folder.`,
      retry: 'later',
    }),
  homeUnusable: (folder: string, reason: string) =>
    new Fault({
      code: 602,
      message: `The data folder ${folder} cannot be used: ${reason}. Choose a folder that you may write to.`,
      retry: 'later',
    }),
  diskFull: () =>
    new Fault({
      code: 603,
      message: 'The disk is full. Nothing stored so far is lost. Free some space, then try again.',
      retry: 'later',
    }),
  unknownCall: (reason: string) =>
    new Fault({ code: 604, message: `The request was not understood: ${reason}.`, retry: 'never' }),
  importRunning: () =>
    new Fault({
      code: 605,
      message: 'An import is already running. Wait for it to end or cancel it, then import again.',
      retry: 'later',
    }),
  /** Who asked does not wait for it: shown to nobody. */
  abandoned: () => new Fault({ code: 615, message: 'The request was withdrawn.', retry: 'now' }),
  unknownRun: (id: string) => new Fault({ code: 606, message: `There is no training run ${id}.`, retry: 'never' }),
  runNotPausable: () =>
    new Fault({ code: 607, message: 'This run has ended: it cannot be paused, resumed or stopped.', retry: 'never' }),
  runPaused: () => new Fault({ code: 618, message: 'This run is paused already. Resume or stop it.', retry: 'never' }),
  runDamaged: (id: string) =>
    new Fault({
      code: 619,
      message: `The record of run ${id} is damaged on the disk: it cannot go on. Delete it to free its room; a model that came of it stays.`,
      retry: 'never',
    }),
  runUnderWay: () =>
    new Fault({ code: 617, message: 'This run is under way. Pause or stop it first.', retry: 'never' }),
  /** Kept with a run that was live when the program ended. */
  runCutOff: () =>
    new Fault({
      code: 616,
      message:
        'The program ended while this run was under way, and could not write down why: a crash, a power cut, or a full disk. Resume it: it goes on from its last checkpoint.',
      retry: 'now',
    }),
  noSuchObject: (what: string) =>
    new Fault({ code: 608, message: `There is no such ${what} in this library.`, retry: 'never' }),
  runsBusy: () =>
    new Fault({
      code: 609,
      message: 'Another training run is active. Stop it or wait until it is done, then start this one.',
      retry: 'later',
    }),
  noAnswer: () =>
    new Fault({
      code: 611,
      message: 'The ImagiQ that uses this data folder does not answer. Close it and try again.',
      retry: 'later',
    }),
  otherClasses: (cohort: readonly string[], project: readonly string[]) =>
    new Fault({
      code: 613,
      message:
        `The cohort’s classes are ${nameList(cohort)}, and ${nameList(project)} are known. ` +
        'Choose a cohort with those, or make it again with labels of those names.',
      retry: 'never',
    }),
  keyDamaged: (file: string) =>
    new Fault({
      code: 614,
      message: `The key file ${file} is damaged. Restore it from a backup: with another key the patients of your cohorts would change splits.`,
      retry: 'never',
    }),
  keysSealed: () =>
    new Fault({
      code: 695,
      message:
        'The keys of this data folder are sealed by the system’s key chain, which only the ImagiQ app can open. Start the app and run this again while it is open; or turn the sealing off there (Settings, Keys).',
      retry: 'later',
    }),
  sealLost: () =>
    new Fault({
      code: 696,
      message:
        'The keys of this data folder are sealed, and the file `keys/sealed-by-system` that opens them is gone. Restore it from a backup. Where there is none, this device has to be enrolled anew: move the folder `federations/keys` out of the data folder and join with a new invite.',
      retry: 'never',
    }),
  workStopped: () =>
    new Fault({
      code: 612,
      message: 'The training for the federation was stopped; it continues later.',
      retry: 'later',
    }),
} as const;

/** Class names for a message: at most 30. */
function nameList(names: readonly string[]): string {
  return names.slice(0, 30).join(', ') + (names.length > 30 ? ' …' : '');
}

/** Tells a full disk apart from other errors, whatever layer reported it. */
export function isDiskFull(thrown: unknown): boolean {
  const code = (thrown as { code?: unknown } | null)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'SQLITE_FULL';
}
