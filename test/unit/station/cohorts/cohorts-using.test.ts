import { expect, it } from 'vitest';
import type { Cohort } from '../../../../src/contract/cohort.ts';
import type { CohortItem } from '../../../../src/station/cohorts/cohort-items.ts';
import { cohortsUsing } from '../../../../src/station/cohorts/cohorts-using.ts';

/** Two cohorts: one image of mask `m1`; and many images of patients whose pseudonyms lie over the whole range. */
const many = 12_000;
const item = (sopInstanceUID: string, patient: string, masks: string[] = []): CohortItem => ({
  sopInstanceUID,
  patient,
  labels: [0],
  split: 'train',
  frames: 1,
  frame: null,
  masks: masks.map((mask) => ({ sopInstanceUID: mask, classes: [] })),
});
const items: Readonly<Record<string, CohortItem[]>> = {
  lung: Array.from({ length: many }, (_, at) =>
    item(
      String(at),
      Math.floor((at / many) * 2 ** 32)
        .toString(16)
        .padStart(8, '0'),
    ),
  ),
  masks: [item('i1', 'ff00', ['m1']), item('i2', '00ff', ['m2'])],
};
const reads: string[] = [];
const store = {
  list: () =>
    Object.entries(items).map(([name, all]) => ({ name, version: 1, instances: all.length }) as unknown as Cohort),
  itemsBetween: (name: string, _version: number, from: string, to: string) => {
    reads.push(name);
    return (items[name] ?? []).filter(({ patient }) => patient >= from && patient < to);
  },
};

it('counts each image once, also those whose masks go; cohorts without any are left out', async () => {
  expect(await cohortsUsing(store, () => true)).toEqual([
    { name: 'lung', images: many },
    { name: 'masks', images: 2 },
  ]);
  expect(await cohortsUsing(store, (uid) => uid === 'm1')).toEqual([{ name: 'masks', images: 1 }]);
  expect(await cohortsUsing(store, () => false)).toEqual([]);
});

it('lets other work have its turn between the parts of a large cohort', async () => {
  reads.length = 0;
  let turns = 0;
  const turn = setInterval(() => (turns += 1), 0);
  await cohortsUsing(store, () => false);
  clearInterval(turn);
  expect(reads.filter((name) => name === 'lung').length).toBeGreaterThan(100);
  expect(turns).toBeGreaterThan(0);
});

it('looks again where a cohort was made meanwhile', async () => {
  let versions = ['lung'];
  const growing = {
    list: () => store.list().filter(({ name }) => versions.includes(name)),
    itemsBetween(...range: Parameters<typeof store.itemsBetween>) {
      versions = ['lung', 'masks'];
      return store.itemsBetween(...range);
    },
  };
  expect(await cohortsUsing(growing, (uid) => uid === 'm1')).toEqual([{ name: 'masks', images: 1 }]);
});
