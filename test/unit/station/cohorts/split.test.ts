import { array, assert, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SplitName, splitNames } from '../../../../src/contract/training.ts';
import { patientClasses } from '../../../../src/station/cohorts/cohort-summary.ts';
import * as split from '../../../../src/station/cohorts/split.ts';

const key = new Uint8Array(32).fill(7);
const none = new Map<string, SplitName>();

interface PatientToSplit {
  readonly pseudonym: string;
  readonly classes: readonly number[];
}

/** By pseudonym, as the patients of a draft are split that have one image each. */
function splitPatients(
  patients: readonly PatientToSplit[],
  secret: Uint8Array,
  earlier: ReadonlyMap<string, SplitName>,
): Map<string, SplitName> {
  const items = patients.map(({ classes }, patient) => ({ patient, labels: classes }));
  const shown = patientClasses({ patients: patients.length, classes: 7 });
  for (const item of items) shown.take(item);
  const ranks = patients.map(({ pseudonym }) => split.splitRank(pseudonym, secret));
  const codes = split.splitPatients({
    order: Uint32Array.from([...patients.keys()].sort((a, b) => Buffer.compare(ranks[a]!, ranks[b]!))),
    strata: split.strataOf(shown),
    earlier: Uint8Array.from(patients, ({ pseudonym }) =>
      earlier.has(pseudonym) ? splitNames.indexOf(earlier.get(pseudonym)!) : split.notSplit,
    ),
  });
  return new Map(patients.map(({ pseudonym }, patient) => [pseudonym, splitNames[codes[patient]!]!]));
}

function patients(...counts: number[]): PatientToSplit[] {
  return counts.flatMap((count, label) =>
    Array.from({ length: count }, (_, index) => ({ pseudonym: `${label}-${index}`, classes: [label] })),
  );
}

function sizes(split: ReadonlyMap<string, string>, label?: number): Record<string, number> {
  const counts: Record<string, number> = { train: 0, validation: 0, test: 0 };
  for (const [pseudonym, name] of split) {
    if (label === undefined || pseudonym.startsWith(`${label}-`)) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

describe('the split of patients', () => {
  it('gives each class 70, 15 and 15 per cent', () => {
    const found = splitPatients(patients(100, 20), key, none);
    expect(sizes(found, 0)).toEqual({ train: 70, validation: 15, test: 15 });
    expect(sizes(found, 1)).toEqual({ train: 14, validation: 3, test: 3 });
  });

  it('is the same in any order of the patients and another with another key', () => {
    const all = patients(30, 30);
    const found = splitPatients(all, key, none);
    expect(splitPatients([...all].reverse(), key, none)).toEqual(found);
    expect(splitPatients(all, new Uint8Array(32), none)).not.toEqual(found);
  });

  it('never leaves a split empty from three patients on', () => {
    assert(
      property(array(integer({ min: 0, max: 6 }), { minLength: 2, maxLength: 5 }), (counts) => {
        const all = patients(...counts);
        if (all.length < 3) return;
        const found = splitPatients(all, key, none);
        expect(found.size).toBe(all.length);
        expect(Math.min(...Object.values(sizes(found)))).toBeGreaterThan(0);
      }),
    );
  });

  it('keeps every earlier patient where it was when patients are added and removed', () => {
    const first = splitPatients(patients(20, 8), key, none);
    const later = patients(40, 16).filter(({ pseudonym }) => pseudonym !== '0-3');
    const second = splitPatients(later, key, first);
    const kept = new Map([...first].filter(([pseudonym]) => pseudonym !== '0-3'));
    expect(new Map([...second].filter(([pseudonym]) => kept.has(pseudonym)))).toEqual(kept);
    expect(sizes(second, 1)).toEqual({ train: 12, validation: 2, test: 2 });
  });

  it('counts a patient of two classes for the rarer one', () => {
    const all = [...patients(30, 3), { pseudonym: 'both', classes: [0, 1] }];
    const found = splitPatients(all, key, none);
    const rare = ['1-0', '1-1', '1-2', 'both'].map((pseudonym) => found.get(pseudonym));
    expect(new Set(rare)).toEqual(new Set(['train', 'validation', 'test']));
  });
});
