// Shares patients out to training, validation and test: by patient, by class, the same way every time, and never
// changing a patient's place once given.
import { createHmac } from 'node:crypto';
import { splitNames, type SplitName } from '../../contract/training.ts';

/** Share of each class's patients. */
const shares: Readonly<Record<'validation' | 'test', number>> = { validation: 0.15, test: 0.15 };

export interface PatientToSplit {
  readonly pseudonym: string;
  readonly classes: readonly number[];
}

/**
 * The split of every patient. Order within a class comes from a keyed hash, so that nobody can steer it and nobody
 * outside can repeat it. Patients in `earlier` keep their place: a test set stays a test set in later versions.
 * Each split is non-empty from 3 patients on; each class is in every split from 3 patients of it on.
 */
export function splitPatients(
  patients: readonly PatientToSplit[],
  key: Uint8Array,
  earlier: ReadonlyMap<string, SplitName>,
): Map<string, SplitName> {
  const sizes = new Map<number, number>();
  for (const { classes } of patients) for (const label of classes) sizes.set(label, (sizes.get(label) ?? 0) + 1);
  // A patient with several classes counts for the rarest: it is the one that a split could miss.
  const stratum = ({ classes }: PatientToSplit): number =>
    [...classes].sort((a, b) => (sizes.get(a) ?? 0) - (sizes.get(b) ?? 0) || a - b)[0] ?? 0;
  const order = new Map(patients.map(({ pseudonym }) => [pseudonym, orderOf(pseudonym, key)]));
  const rank = (a: PatientToSplit, b: PatientToSplit): number =>
    (order.get(a.pseudonym) ?? '') < (order.get(b.pseudonym) ?? '') ? -1 : 1;
  const split = new Map<string, SplitName>();
  const strata = Map.groupBy([...patients].sort(rank), stratum);
  for (const label of [...strata.keys()].sort((a, b) => a - b)) {
    for (const [pseudonym, name] of splitStratum(strata.get(label) ?? [], earlier)) split.set(pseudonym, name);
  }
  fillEmptySplits([...strata.values()], split, earlier);
  return split;
}

function splitStratum(
  patients: readonly PatientToSplit[],
  earlier: ReadonlyMap<string, SplitName>,
): [string, SplitName][] {
  const wanted = {
    test: patients.length >= 2 ? Math.max(1, Math.round(patients.length * shares.test)) : 0,
    validation: patients.length >= 3 ? Math.max(1, Math.round(patients.length * shares.validation)) : 0,
  };
  for (const { pseudonym } of patients) {
    const kept = earlier.get(pseudonym);
    if (kept === 'test' || kept === 'validation') wanted[kept] -= 1;
  }
  return patients.map(({ pseudonym }) => {
    const kept = earlier.get(pseudonym);
    if (kept !== undefined) return [pseudonym, kept];
    for (const name of ['test', 'validation'] as const) {
      if (wanted[name] > 0) {
        wanted[name] -= 1;
        return [pseudonym, name];
      }
    }
    return [pseudonym, 'train'];
  });
}

/** Very small classes can leave a split without anyone: a patient moves in from the fullest one that can spare it. */
function fillEmptySplits(
  strata: readonly (readonly PatientToSplit[])[],
  split: Map<string, SplitName>,
  earlier: ReadonlyMap<string, SplitName>,
): void {
  const count = (name: SplitName): number => [...split.values()].filter((value) => value === name).length;
  for (const empty of splitNames.filter((name) => count(name) === 0)) {
    const spare = splitNames
      .filter((name) => count(name) > 1)
      .sort((a, b) => count(b) - count(a))
      .flatMap((name) =>
        // The stratum with most patients there loses least.
        strata
          .map((patients) => patients.filter(({ pseudonym }) => split.get(pseudonym) === name))
          .sort((a, b) => b.length - a.length)
          .flat(),
      )
      // Whoever was trained on may not be tested on, nor the other way round.
      .find(({ pseudonym }) => !earlier.has(pseudonym));
    if (spare !== undefined) split.set(spare.pseudonym, empty);
  }
}

function orderOf(pseudonym: string, key: Uint8Array): string {
  return createHmac('sha256', key).update(`split/${pseudonym}`).digest('hex');
}
