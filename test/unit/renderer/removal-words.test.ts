import { describe, expect, it } from 'vitest';
import {
  cohortSentence,
  goingSentences,
  removedSentence,
  whatGoes,
} from '../../../src/renderer/studies/removal-words.ts';

const plan = {
  studies: 1,
  series: 2,
  instances: 20,
  copies: 0,
  copyBytes: 0,
  unknown: [],
  measurements: 0,
  labels: 0,
  cohorts: [],
  usedBy: [],
};

describe('what a removal says', () => {
  it('is whole studies, or series where no study goes whole', () => {
    expect(whatGoes(plan)).toBe('1 study');
    expect(whatGoes({ studies: 0, series: 1 })).toBe('1 series');
    expect(goingSentences({ ...plan, studies: 0, series: 1, instances: 1 })[0]).toBe(
      '1 series (1 image) leaves the library.',
    );
  });

  it('tells copies, which are deleted, from originals, which stay', () => {
    expect(goingSentences(plan)).toEqual([
      '1 study (2 series, 20 images) leaves the library.',
      '20 original files stay where they are.',
    ]);
    expect(
      goingSentences({ ...plan, studies: 2, copies: 19, copyBytes: 1_500_000, measurements: 1, labels: 2 }),
    ).toEqual([
      '2 studies (2 series, 20 images) leave the library, with 1 measurement and 2 labels.',
      '19 copies (1.5 MB) in the data folder are deleted.',
      '1 original file stays where it is.',
    ]);
  });

  it('names the cohorts that have some of it, the first five', () => {
    expect(cohortSentence(plan)).toBeNull();
    const cohorts = Array.from({ length: 7 }, (_, index) => ({ name: `c${index}`, images: index + 1 }));
    const said = cohortSentence({ ...plan, cohorts });
    expect(said).toContain('“c0” (1 image), “c1” (2 images)');
    expect(said).toContain('“c4” (5 images) and 2 more.');
    expect(said).not.toContain('c5');
  });

  it('says that a cancelled one was', () => {
    const report = { studies: 1, series: 2, instances: 20, copies: 0, copyBytes: 0, cancelled: true };
    expect(removedSentence(report)).toBe('Cancelled: 1 study (20 images) removed from the library.');
  });
});
