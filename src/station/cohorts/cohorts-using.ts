// Which cohorts have images that are to leave the library: looked at a part at a time, so that the station answers meanwhile.
import { setImmediate } from 'node:timers/promises';
import type { Cohort } from '../../contract/cohort.ts';
import type { CohortStore } from './cohort-store.ts';

/** Pseudonyms are hexadecimal: a part of a large cohort is those that begin with the same two digits. */
const partsOfLarge = 256;
/** Images of a cohort that are looked at at once. */
const imagesAtOnce = 5_000;

interface Using {
  readonly name: string;
  readonly images: number;
}

/** Of the versions that are the newest at its end; with the number of images that go themselves or whose masks do. */
export async function cohortsUsing(
  store: Pick<CohortStore, 'list' | 'itemsBetween'>,
  isGoing: (sopInstanceUID: string) => boolean,
): Promise<Using[]> {
  const newest = (): string => JSON.stringify(store.list().map(({ name, version }) => [name, version]));
  for (;;) {
    const before = newest();
    const using = await usingAmong(store.list(), store, isGoing);
    if (newest() === before) return using;
  }
}

async function usingAmong(
  cohorts: readonly Cohort[],
  store: Pick<CohortStore, 'itemsBetween'>,
  isGoing: (sopInstanceUID: string) => boolean,
): Promise<Using[]> {
  const using: Using[] = [];
  for (const { name, version, instances } of cohorts) {
    let images = 0;
    for (const [from, to] of partsOf(instances <= imagesAtOnce ? 1 : partsOfLarge)) {
      for (const { sopInstanceUID, masks } of store.itemsBetween(name, version, from, to))
        if (isGoing(sopInstanceUID) || masks.some((mask) => isGoing(mask.sopInstanceUID))) images += 1;
      await setImmediate();
    }
    if (images > 0) using.push({ name, images });
  }
  return using;
}

/** Begin and end of each part; `g` is after all hexadecimal digits. */
function partsOf(count: number): [string, string][] {
  if (count === 1) return [['', 'g']];
  const beginning = (part: number): string => (part === count ? 'g' : part.toString(16).padStart(2, '0'));
  return Array.from({ length: count }, (_, part) => [beginning(part), beginning(part + 1)]);
}
