// Shares patients out to training, validation and test: by patient, by class, the same way every time, and never
// changing a patient's place once given. Patients are numbers here: there may be as many of them as images.
import { createHmac } from 'node:crypto';
import { type SplitName, splitNames } from '../../contract/training.ts';
import type { PatientClasses } from './cohort-summary.ts';

/** Share of each class's patients. */
const shares: Readonly<Record<'validation' | 'test', number>> = { validation: 0.15, test: 0.15 };

/** In `earlier`, of a patient that has no split yet. */
export const notSplit = 255;

export interface PatientsToSplit {
  /** Patients' numbers in the order of `splitRank`. */
  readonly order: Uint32Array;
  /** By patient number, of `strataOf`. */
  readonly strata: Int32Array;
  /** By patient number: its place in `splitNames` in an earlier version, or `notSplit`. */
  readonly earlier: Uint8Array;
}

/** What patients are ordered by: a keyed hash, so that nobody can steer the order and nobody outside can repeat it. */
export function splitRank(pseudonym: string, key: Uint8Array): Uint8Array {
  return createHmac('sha256', key).update(`split/${pseudonym}`).digest();
}

/** By patient the class that it counts for: of several the rarest, since it is the one that a split could miss. */
export function strataOf({ items, patientsOf, shows }: Omit<PatientClasses, 'lacks' | 'itemsOf'>): Int32Array {
  const rarestFirst = [...patientsOf.keys()].sort((a, b) => patientsOf[a]! - patientsOf[b]! || a - b);
  return Int32Array.from(items, (_, patient) => rarestFirst.find((label) => shows(patient, label)) ?? 0);
}

/**
 * The split of every patient in `order`, by patient number. Patients with an earlier split keep it: a test set stays a test set in
 * later versions. Each split is non-empty from 3 patients on; each class is in every split from 3 patients of it on.
 */
export function splitPatients(patients: PatientsToSplit): Uint8Array {
  const { order, strata, earlier } = patients;
  const wanted = wantedIn(patients);
  const splits = new Uint8Array(strata.length);
  for (const patient of order) {
    const own = wanted.get(strata[patient]!)!;
    if (earlier[patient] !== notSplit) splits[patient] = earlier[patient]!;
    else {
      const name = (['test', 'validation'] as const).find((one) => own[one] > 0) ?? 'train';
      if (name !== 'train') own[name] -= 1;
      splits[patient] = splitNames.indexOf(name);
    }
  }
  fillEmptySplits(patients, [...wanted.keys()], splits);
  return splits;
}

/** Patients that test and validation still want of each stratum; strata in the order of their first patients. */
function wantedIn({ order, strata, earlier }: PatientsToSplit): Map<number, { test: number; validation: number }> {
  const sizes = new Map<number, number>();
  for (const patient of order) sizes.set(strata[patient]!, (sizes.get(strata[patient]!) ?? 0) + 1);
  const wanted = new Map(
    [...sizes].map(([stratum, size]) => [
      stratum,
      {
        test: size >= 2 ? Math.max(1, Math.round(size * shares.test)) : 0,
        validation: size >= 3 ? Math.max(1, Math.round(size * shares.validation)) : 0,
      },
    ]),
  );
  for (const patient of order) {
    const kept: SplitName | undefined = splitNames[earlier[patient]!];
    if (kept === 'test' || kept === 'validation') wanted.get(strata[patient]!)![kept] -= 1;
  }
  return wanted;
}

/** Very small classes can leave a split without anyone: a patient moves in from the fullest one that can spare it. */
function fillEmptySplits(
  { order, strata, earlier }: PatientsToSplit,
  present: readonly number[],
  splits: Uint8Array,
): void {
  const codes = [...splitNames.keys()];
  const inSplit = (code: number): Uint32Array => order.filter((patient) => splits[patient] === code);
  const count = (code: number): number => inSplit(code).length;
  for (const empty of codes.filter((code) => count(code) === 0)) {
    const spare = codes
      .filter((code) => count(code) > 1)
      .sort((a, b) => count(b) - count(a))
      .flatMap((code) => {
        const own = inSplit(code);
        // The stratum with most patients there loses least.
        return present
          .map((stratum) => own.filter((patient) => strata[patient] === stratum))
          .sort((a, b) => b.length - a.length);
      })
      // Whoever was trained on may not be tested on, nor the other way round.
      .map((patients) => patients.find((patient) => earlier[patient] === notSplit))
      .find((patient) => patient !== undefined);
    if (spare !== undefined) splits[spare] = empty;
  }
}
