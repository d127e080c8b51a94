// Cohorts of a site: which images take part in training, what they are labelled, and who is tested on.
import path from 'node:path';
import { type Cohort, cohortNameSchema, type CohortProgress } from '../../contract/cohort.ts';
import type { Task } from '../../contract/network.ts';
import type { Preprocessing } from '../../contract/preprocessing.ts';
import { buildDatasetFile, type Dataset, type DatasetOptions } from './build-dataset.ts';
import { type CohortDraft, type CohortRequest, draftCohort, type DraftSite } from './cohort-draft.ts';
import { cohortHash, type CohortItem, pseudonymOf } from './cohort-items.ts';
import type { LibraryForCohorts } from './cohort-library.ts';
import { openCohortStore, orDiskFull } from './cohort-store.ts';
import { classWarnings, countsOf, type PatientClasses, patientClasses } from './cohort-summary.ts';
import { cohortsUsing } from './cohorts-using.ts';
import { openDraftTable, removeDraftTables } from './draft-table.ts';
import { isDiskFull, stationFault } from '../faults.ts';
import { splitNames } from '../../contract/training.ts';
import { noRules, type WorkRules } from '../neighbour/work-rules.ts';
import { datasetFiles } from './dataset-files.ts';
import { cohortFaults } from './faults.ts';
import { largestSidePixels } from './sampled-extent.ts';
import { draftSegmentation } from './segmentation-draft.ts';
import { plannedShards } from './shard-plan.ts';
import { type Stage, turnsOf } from './turns.ts';
import { wholeShards } from './whole-shards.ts';

export interface Cohorts {
  /**
   * Makes a cohort, or the next version of the one with this name; the newest version as it is where nothing changed. Other work of
   * this process goes on meanwhile.
   * @throws Fault 200–210, 215, 221–223, 225 and 226, which say what to do, 228 (cancelled), 116 while images are removed.
   */
  create(
    request: CohortRequest,
    making?: { signal?: AbortSignal | undefined; onProgress?: (progress: CohortProgress) => void },
  ): Promise<Cohort>;
  /**
   * Takes a patient out of all versions of all cohorts and removes the patient's images from built data sets; cohorts that had some
   * get a new version. Returns their names.
   */
  forgetPatient(patientKey: string): string[];
  /** The newest version of each cohort. */
  list(): Cohort[];
  /** Images of the newest version, none where there is no such cohort. */
  sopInstanceUIDs(name: string): string[];
  /** Cohorts whose newest version has images, or masks of images, that `isGoing` tells; with the number of such images. */
  using(isGoing: (sopInstanceUID: string) => boolean): Promise<{ name: string; images: number }[]>;
  /** Of the newest version; to be read to its end before anything is written to cohorts. @throws Fault 211 */
  items(name: string): Iterable<CohortItem>;
  /** The version that has this hash, the newest or an earlier one; null where there is none here. */
  withHash(name: string, hash: string): Cohort | null;
  /** SOP Instance UIDs of the training split of the version that has this hash; none where there is no such version here. */
  trainingImages(name: string, hash: string): string[];
  /** Pseudonyms of the patients whose images the newest version trains on. @throws Fault 211 */
  trainingPatients(name: string): string[];
  /** The most images that one patient has in the newest version's training split. @throws Fault 211 */
  mostTrainingImages(name: string): number;
  /** One image of each patient by the patient's number in the data sets built by this chain. @throws Fault 211 */
  patientImages(name: string, chain: Preprocessing): string[];
  /** @throws Fault 211 */
  show(name: string): Cohort;
  /** Removes all versions and the data set files that no cohort needs any more. @throws Fault 211 */
  delete(name: string): void;
  /** Writes the newest version's images as a tensor file (contract/dataset.ts), once for each shape. */
  buildDataset(name: string, options: DatasetOptions): Promise<Dataset>;
  /** A shard was found damaged: the next build reads all that it uses again, and makes anew what is not whole. */
  doubtDatasets(): void;
  /** Pixels of the larger side of the newest version's images at their finest spacing; null where none tells its spacing. */
  largestSidePixels(name: string): Promise<number | null>;
  close(): void;
}

/**
 * Opens the cohorts of a home folder.
 * @param options.datasets where data set files are built: those of earlier versions and deleted cohorts are removed there
 * @param options.rules when data sets may be built: the workstation has a user
 * @param options.pseudonymKey the site's secret: patients become keyed hashes that only this site can repeat
 */
export function openCohorts(options: {
  folder: string;
  datasets?: string;
  library: LibraryForCohorts;
  pseudonymKey: Uint8Array;
  now?: () => Date;
  /** Default: all threads at once, and no waiting. */
  rules?: WorkRules;
}): Cohorts {
  const { library, pseudonymKey, now = () => new Date(), rules = noRules } = options;
  const whole = wholeShards();
  const store = openCohortStore(path.join(options.folder, 'cohorts.sqlite'));
  removeDraftTables(options.folder);
  /** Data sets being written, so that two askers do not write the same one. */
  const building = new Map<string, Promise<unknown>>();
  const datasets = datasetFiles({
    folder: options.datasets ?? null,
    store,
    key: pseudonymKey,
    building: () => [...building.keys()].map((lane) => lane.split('/', 1)[0] ?? ''),
  });
  /** How often a patient was forgotten since these were opened. */
  let forgotten = 0;
  const show = (name: string): Cohort => {
    const cohort = store.newest(name);
    if (cohort === null) throw cohortFaults.unknownCohort(name);
    return cohort;
  };
  const siteFor = (name: string): DraftSite => ({
    library,
    key: pseudonymKey,
    earlierSplit: (patient) => store.splitOf(name, patient),
    isForgotten: store.isForgotten,
  });
  /** Null where the draft is not of the newest version or has what was removed or forgotten since: `isStale` tells. */
  const keep = async (draft: CohortDraft, stage: Stage, isStale: () => boolean): Promise<Cohort | null> => {
    if (isStale()) return null;
    const newest = store.newest(draft.cohort.name);
    if (newest?.hash === draft.cohort.hash) return newest;
    const cohort = { ...draft.cohort, version: (newest?.version ?? 0) + 1, createdAt: now().toISOString() };
    if (!(await store.add(cohort, draft.items(), stage, isStale))) return null;
    datasets.sweep(null);
    return cohort;
  };
  return {
    async create(request, making = {}) {
      checkName(request);
      const turns = turnsOf(making);
      const draftOf = request.task === 'segmentation' ? draftSegmentation : draftCohort;
      for (;;) {
        const table = orDiskFull(() => openDraftTable(options.folder));
        try {
          // While it was made, images may have left the library, patients been forgotten, or divided by another of this name.
          const others = (): string => `${library.removals()} ${forgotten} ${store.newest(request.name)?.version ?? 0}`;
          const before = others();
          const isStale = (): boolean => others() !== before;
          const draft = await draftOf(request, siteFor(request.name), table, turns);
          const kept = await keep(draft, turns.stage('keep', draft.count), isStale);
          if (kept !== null) return kept;
        } catch (error) {
          throw isDiskFull(error) ? stationFault.diskFull() : error;
        } finally {
          table.close();
        }
      }
    },
    forgetPatient(patientKey) {
      forgotten += 1;
      const affected = store.forgetPatient(pseudonymOf(patientKey, pseudonymKey));
      const recipes = new Set<string>();
      for (const { name, version } of affected) {
        const before = show(name);
        const classNames = before.classes.map((entry) => entry.name);
        const { shown, splits } = keptPatients(before, store.items(name, version));
        const counts = countsOf(before.task, shown, splits, classNames);
        const cohort: Cohort = {
          ...before,
          ...counts,
          version: version + 1,
          createdAt: now().toISOString(),
          hash: hashOf(before.task, store.itemsByImage(name, version), classNames),
          studies: Math.min(before.studies, counts.instances),
          warnings: classWarnings(before.task, shown, splits, counts.classes),
        };
        store.addCopy(cohort, version);
        for (const recipe of datasets.recipesWithout(before, cohort)) recipes.add(recipe);
      }
      datasets.sweep(recipes);
      return affected.map(({ name }) => name);
    },
    list: () => store.list(),
    sopInstanceUIDs(name) {
      const cohort = store.newest(name);
      return cohort === null ? [] : store.sopInstanceUIDs(name, cohort.version);
    },
    show,
    items: (name) => store.items(name, show(name).version),
    using: (isGoing) => cohortsUsing(store, isGoing),
    trainingImages(name, hash) {
      const cohort = store.withHash(name, hash);
      return cohort === null ? [] : store.sopInstanceUIDs(name, cohort.version, 'train');
    },
    withHash: (name, hash) => store.withHash(name, hash),
    mostTrainingImages: (name) =>
      store.patients(name, show(name).version, 'train').reduce((most, { items }) => Math.max(most, items), 0),
    trainingPatients: (name) => store.patients(name, show(name).version, 'train').map(({ patient }) => patient),
    delete(name) {
      if (!store.remove(name)) throw cohortFaults.unknownCohort(name);
      datasets.sweep(new Set());
    },
    patientImages(name, chain) {
      const cohort = show(name);
      const images: string[] = [];
      const plan = {
        cohort,
        chain,
        key: pseudonymKey,
        label: cohort.classes.map((_, index) => index),
        itemsBetween: (from: string, to: string) => store.itemsBetween(name, cohort.version, from, to),
      };
      for (const { items, firstPatient, patientOf } of plannedShards(plan)) {
        items.forEach(({ sopInstanceUID }, index) => {
          images[firstPatient + patientOf[index]!] ??= sopInstanceUID;
        });
      }
      return images;
    },
    async buildDataset(name, buildOptions) {
      const cohort = show(name);
      const itemsBetween = (from: string, to: string) => store.itemsBetween(name, cohort.version, from, to);
      const lane = `${cohort.hash}/${buildOptions.folder}`;
      const before = building.get(lane) ?? Promise.resolve();
      const built = before
        .catch(() => {})
        .then(() => buildDatasetFile({ cohort, itemsBetween, library, pseudonymKey, whole, rules, ...buildOptions }));
      building.set(lane, built);
      try {
        return await built;
      } finally {
        if (building.get(lane) === built) building.delete(lane);
        datasets.sweep(new Set());
      }
    },
    doubtDatasets: () => whole.doubt(),
    largestSidePixels(name) {
      const { version } = show(name);
      return largestSidePixels({ library, itemsBetween: (from, to) => store.itemsBetween(name, version, from, to) });
    },
    close: () => store.close(),
  };
}

/** Counts a version's items, which come in the order of patients; the patients are numbered so. */
function keptPatients(
  { patients, classes }: Cohort,
  items: Iterable<CohortItem>,
): { shown: PatientClasses; splits: Uint8Array } {
  const splits = new Uint8Array(patients);
  const shown = patientClasses({ patients, classes: classes.length });
  let last = { patient: '', number: -1 };
  for (const { patient, split, labels } of items) {
    if (patient !== last.patient) last = { patient, number: last.number + 1 };
    splits[last.number] = splitNames.indexOf(split);
    shown.take({ patient: last.number, labels });
  }
  return { shown, splits };
}

function hashOf(task: Task, items: Iterable<CohortItem>, classNames: readonly string[]): string {
  const hash = cohortHash(task, classNames);
  for (const item of items) hash.take(item);
  return hash.digest();
}

/** @throws Fault 215 */
function checkName(request: CohortRequest): void {
  const name = cohortNameSchema.safeParse(request.name);
  if (!name.success) throw cohortFaults.nameInvalid(name.error.issues[0]?.message ?? 'it is not valid');
}
