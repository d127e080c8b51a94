// Which data set files and shards stay on the disk: patients' images outlive no cohort.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Cohort } from '../../contract/cohort.ts';
import { shardFolder } from '../../contract/dataset.ts';
import { datasetStem, recipesOf } from './build-dataset.ts';
import type { CohortStore } from './cohort-store.ts';
import { readDatasetHead } from './dataset-columns.ts';
import { readUnfinished } from './unfinished-build.ts';

export interface DatasetFiles {
  /**
   * Only the newest version of each cohort can be asked for: the files of others go. Shards stay while a data set file names them, a
   * build that is not finished will use them, or their recipe is among `recipes`; with null, what an earlier version left stays until
   * the next one is built.
   */
  sweep(recipes: ReadonlySet<string> | null): void;
  /** What the shards of a cohort's data sets would be without the patients that are gone: all but theirs stay. */
  recipesWithout(before: Cohort, after: Cohort): string[];
}

export function datasetFiles({
  folder,
  store,
  key,
  building,
}: {
  /** Null where no data sets are built. */
  folder: string | null;
  store: Pick<CohortStore, 'list' | 'itemsBetween'>;
  key: Uint8Array;
  /** Hashes of the cohorts whose data sets are being written. */
  building: () => readonly string[];
}): DatasetFiles {
  const itemsOf =
    ({ name, version }: Cohort) =>
    (from: string, to: string) =>
      store.itemsBetween(name, version, from, to);

  /** Recipes of all shards of a build that is not finished; none of another file. */
  function awaitedRecipes(file: string): Iterable<string> {
    const unfinished = readUnfinished(file);
    const cohort = store.list().find(({ hash }) => path.basename(file).startsWith(datasetStem(hash)));
    if (unfinished === null || cohort === undefined) return [];
    return recipesOf({ cohort, key, itemsBetween: itemsOf(cohort), ...unfinished });
  }

  return {
    sweep(recipes) {
      if (folder === null) return;
      const inWork = building();
      const needed = [...store.list().map(({ hash }) => hash), ...inWork].map(datasetStem);
      try {
        const named = new Set<string>();
        const awaited = new Set(recipes);
        for (const name of readdirSync(folder)) {
          if (name === shardFolder) continue;
          const file = path.join(folder, name);
          if (!needed.some((stem) => name.startsWith(stem))) rmSync(file, { force: true });
          else if (recipes !== null) {
            for (const { file: shard } of readDatasetHead(file)?.header.shards ?? []) named.add(shard);
            for (const recipe of awaitedRecipes(file)) awaited.add(recipe);
          }
        }
        // A build under way names its shards at its end.
        if (recipes === null || inWork.length > 0) return;
        const shards = path.join(folder, shardFolder);
        for (const shard of readdirSync(shards))
          if (!named.has(shard) && !awaited.has(shard.slice(0, 32))) rmSync(path.join(shards, shard), { force: true });
      } catch {
        // No data set was built yet, or (on Windows) one is being read: the next sweep takes it.
      }
    },
    recipesWithout(before, after) {
      const names = folder === null || !existsSync(folder) ? [] : readdirSync(folder);
      const recipes: string[] = [];
      for (const name of names.filter((one) => one.startsWith(datasetStem(before.hash)))) {
        const file = path.join(folder ?? '', name);
        const chain = readDatasetHead(file)?.header.preprocessing ?? readUnfinished(file)?.chain;
        if (chain === undefined) continue;
        const label = after.classes.map((_, index) => index);
        recipes.push(...recipesOf({ cohort: after, chain, key, itemsBetween: itemsOf(after), label }));
      }
      return recipes;
    },
  };
}
