// Cohorts of a site: which images take part in training, what they are labelled, and who is tested on.
import { createHash, createHmac } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type Cohort, cohortNameSchema, type LabelOrigin } from '../../contract/cohort.ts';
import type { StudyFilter } from '../../contract/study-filter.ts';
import { splitNames, type SplitName } from '../../contract/training.ts';
import { buildDatasetFile, datasetStem, type Dataset, type DatasetOptions } from './build-dataset.ts';
import type { LibraryForCohorts, SelectedInstance } from './cohort-library.ts';
import { type CohortItem, openCohortStore } from './cohort-store.ts';
import { cohortFaults } from './faults.ts';
import { matchLabels } from './label-matching.ts';
import { readLabelsFile } from './labels-file.ts';
import { splitPatients } from './split.ts';
import { labelsByInstance } from './stored-label-matching.ts';

export interface CohortRequest {
  readonly name: string;
  readonly query: string;
  readonly filters?: readonly StudyFilter[];
  /** Only these studies; null for all that match the query. */
  readonly studyInstanceUIDs: readonly string[] | null;
  readonly labelsFile: string | null;
  /** The label's column where it is not called `label`. */
  readonly labelColumn: string | null;
  /** Labels stored with the studies; null: the labels file, or where none is given those of the import. */
  readonly labelsFrom?: LabelOrigin | null;
}

export interface Cohorts {
  /**
   * Makes a cohort, or the next version of the one with this name; the newest version as it is where nothing changed.
   * @throws Fault 200–210 and 215, which say what to do.
   */
  create(request: CohortRequest): Cohort;
  /** The newest version of each cohort. */
  list(): Cohort[];
  /** Images of the newest version, none where there is no such cohort. */
  sopInstanceUIDs(name: string): string[];
  /** Pseudonyms of the patients whose images the newest version trains on. @throws Fault 211 */
  trainingPatients(name: string): string[];
  /** @throws Fault 211 */
  show(name: string): Cohort;
  /** Removes all versions and the data set files that no cohort needs any more. @throws Fault 211 */
  delete(name: string): void;
  /** Writes the newest version's images as a tensor file (contract/dataset.ts), once for each shape. */
  buildDataset(name: string, options: DatasetOptions): Promise<Dataset>;
  close(): void;
}

/** Classes with fewer patients than this get a warning. */
const fewPatients = 5;
const maxClasses = 1_000;

/**
 * Opens the cohorts of a home folder.
 * @param options.datasets where data set files are built: those of earlier versions and deleted cohorts are removed there
 * @param options.pseudonymKey the site's secret: patients become keyed hashes that only this site can repeat
 */
export function openCohorts(options: {
  folder: string;
  datasets?: string;
  library: LibraryForCohorts;
  pseudonymKey: Uint8Array;
  now?: () => Date;
}): Cohorts {
  const { library, pseudonymKey, now = () => new Date() } = options;
  const store = openCohortStore(path.join(options.folder, 'cohorts.sqlite'));
  const { datasets } = options;
  /** Data sets being written, so that two askers do not write the same one. */
  const building = new Map<string, Promise<unknown>>();
  const show = (name: string): Cohort => {
    const cohort = store.newest(name);
    if (cohort === null) throw cohortFaults.unknownCohort(name);
    return cohort;
  };
  /** Patients' images outlive no cohort: only the newest version of each can be asked for. */
  const sweepDatasets = (): void => {
    if (datasets === undefined) return;
    const hashes = [
      ...store.list().map(({ hash }) => hash),
      ...[...building.keys()].map((lane) => lane.split('/', 1)[0]),
    ];
    const needed = hashes.map((hash) => datasetStem(hash ?? ''));
    try {
      for (const name of readdirSync(datasets))
        if (!needed.some((stem) => name.startsWith(stem))) rmSync(path.join(datasets, name), { force: true });
    } catch {
      // No data set was built yet, or (on Windows) one is being read: the next sweep takes it.
    }
  };
  return {
    create(request) {
      const name = cohortNameSchema.safeParse(request.name);
      if (!name.success) throw cohortFaults.nameInvalid(name.error.issues[0]?.message ?? 'it is not valid');
      const draft = draftCohort(request, library, pseudonymKey, store.splits(request.name));
      const newest = store.newest(request.name);
      if (newest?.hash === draft.cohort.hash) return newest;
      const cohort = { ...draft.cohort, version: (newest?.version ?? 0) + 1, createdAt: now().toISOString() };
      store.add(cohort, draft.items);
      sweepDatasets();
      return cohort;
    },
    list: () => store.list(),
    sopInstanceUIDs(name) {
      const cohort = store.newest(name);
      if (cohort === null) return [];
      return store.items(name, cohort.version).map(({ sopInstanceUID }) => sopInstanceUID);
    },
    show,
    trainingPatients(name) {
      const items = store.items(name, show(name).version);
      return [...new Set(items.filter(({ split }) => split === 'train').map(({ patient }) => patient))];
    },
    delete(name) {
      if (!store.remove(name)) throw cohortFaults.unknownCohort(name);
      sweepDatasets();
    },
    async buildDataset(name, buildOptions) {
      const cohort = show(name);
      const items = store.items(name, cohort.version);
      const lane = `${cohort.hash}/${buildOptions.folder}`;
      const before = building.get(lane) ?? Promise.resolve();
      const built = before
        .catch(() => {})
        .then(() => buildDatasetFile({ cohort, items, library, pseudonymKey, ...buildOptions }));
      building.set(lane, built);
      try {
        return await built;
      } finally {
        if (building.get(lane) === built) building.delete(lane);
      }
    },
    close: () => store.close(),
  };
}

function draftCohort(
  request: CohortRequest,
  library: LibraryForCohorts,
  key: Uint8Array,
  earlier: ReadonlyMap<string, SplitName>,
): { cohort: Omit<Cohort, 'version' | 'createdAt'>; items: CohortItem[] } {
  const { name, query, filters = [], studyInstanceUIDs } = request;
  const labelsOf = labelling(request, library);
  const selected = [...library.selectInstances({ query, filters, studyInstanceUIDs })];
  if (selected.length === 0) throw cohortFaults.nothingSelected();
  const { labels, warnings } = labelsOf(selected);
  const labelled = selected
    .filter(({ sopInstanceUID }) => labels.has(sopInstanceUID))
    .sort((a, b) => (a.sopInstanceUID < b.sopInstanceUID ? -1 : 1));
  // Plain order of code points: every site gets the same classes in the same order from the same labels.
  const classNames = [...new Set(labelled.map(({ sopInstanceUID }) => labels.get(sopInstanceUID) ?? ''))].sort();
  const items = splitItems(labelled, labels, classNames, key, earlier);
  const patients = new Set(items.map(({ patient }) => patient)).size;
  if (classNames.length > maxClasses) throw cohortFaults.tooManyClasses(classNames.length);
  if (classNames.length < 2) throw cohortFaults.oneClassOnly(classNames[0] ?? '');
  if (patients < 3) throw cohortFaults.tooFewPatients(patients);
  const classes = classNames.map((className, label) => ({
    name: className,
    ...countOf(items.filter((item) => item.label === label)),
  }));
  const split = Object.fromEntries(
    splitNames.map((splitName) => [splitName, countOf(items.filter((item) => item.split === splitName))]),
  ) as Cohort['split'];
  return {
    items,
    cohort: {
      name,
      hash: hashOf(items, classNames),
      query,
      ...(filters.length > 0 && { filters: [...filters] }),
      instances: items.length,
      patients,
      studies: new Set(labelled.map(({ studyInstanceUID }) => studyInstanceUID)).size,
      classes,
      split,
      modalities: [...new Set(labelled.map(({ modality }) => modality))].sort(),
      unlabelled: selected.length - labelled.length,
      warnings: [...warnings, ...warningsOf(labelled, items, classes)],
    },
  };
}

/** How images get their labels; what cannot work with any selection is thrown before one is made. */
function labelling(
  { labelsFile, labelColumn, labelsFrom = null }: CohortRequest,
  library: LibraryForCohorts,
): (selected: readonly SelectedInstance[]) => { labels: ReadonlyMap<string, string>; warnings: readonly string[] } {
  if (labelsFile !== null && labelsFrom !== null) throw cohortFaults.labelsTwice();
  if (labelsFile === null) {
    const origin = labelsFrom ?? 'import';
    const stored = library.labels.all(origin);
    if (stored.length === 0) throw labelsFrom === null ? cohortFaults.labelsMissing() : cohortFaults.noneStored(origin);
    return (selected) => {
      const labels = labelsByInstance(stored, selected);
      if (labels.size === 0) throw cohortFaults.storedLabelsMatchNothing(origin, stored.length);
      return { labels, warnings: [] };
    };
  }
  const file = readLabelsFile(labelsFile, labelColumn);
  return (selected) => {
    const { labels, matchedRows, warnings } = matchLabels(file, selected);
    if (matchedRows === 0) throw cohortFaults.nothingMatches(file.key, file.rows.length, file.columns);
    if (labels.size === 0) throw cohortFaults.noLabelLeft(warnings);
    return { labels, warnings };
  };
}

function splitItems(
  labelled: readonly SelectedInstance[],
  labels: ReadonlyMap<string, string>,
  classNames: readonly string[],
  key: Uint8Array,
  earlier: ReadonlyMap<string, SplitName>,
): CohortItem[] {
  const classIndex = new Map(classNames.map((className, index) => [className, index]));
  const items = labelled.map((instance) => ({
    sopInstanceUID: instance.sopInstanceUID,
    patient: pseudonymOf(instance, key),
    label: classIndex.get(labels.get(instance.sopInstanceUID) ?? '') ?? 0,
    frames: instance.frames,
  }));
  const patients = [...Map.groupBy(items, ({ patient }) => patient)].map(([pseudonym, own]) => ({
    pseudonym,
    classes: [...new Set(own.map(({ label }) => label))],
  }));
  const split = splitPatients(patients, key, earlier);
  return items.map((item) => ({ ...item, split: split.get(item.patient) ?? 'train' }));
}

function pseudonymOf({ patientKey }: SelectedInstance, key: Uint8Array): string {
  return createHmac('sha256', key).update(`patient/${patientKey}`).digest('hex').slice(0, 32);
}

function countOf(items: readonly CohortItem[]): { instances: number; patients: number } {
  return { instances: items.length, patients: new Set(items.map(({ patient }) => patient)).size };
}

/** SHA-256 (hex) over what decides a data set: classes, then each item in the order of its UID. */
function hashOf(items: readonly CohortItem[], classNames: readonly string[]): string {
  const hash = createHash('sha256').update(`${JSON.stringify(['cohort', 1, classNames])}\n`);
  for (const { sopInstanceUID, patient, label, split, frames } of items) {
    hash.update(`${JSON.stringify([sopInstanceUID, patient, label, split, frames])}\n`);
  }
  return hash.digest('hex');
}

function warningsOf(
  labelled: readonly SelectedInstance[],
  items: readonly CohortItem[],
  classes: Cohort['classes'],
): string[] {
  const warnings: string[] = [];
  for (const { name, patients } of classes) {
    if (patients < fewPatients) {
      warnings.push(
        `The class “${name}” has ${patients} ${patients === 1 ? 'patient' : 'patients'} only; its figures will be uncertain.`,
      );
    }
  }
  for (const splitName of splitNames) {
    const present = new Set(items.filter(({ split }) => split === splitName).map(({ label }) => label));
    const missing = classes.filter((_, label) => !present.has(label)).map(({ name }) => `“${name}”`);
    if (missing.length > 0)
      warnings.push(`No patient of ${missing.slice(0, 10).join(', ')} is in the ${splitName} split.`);
  }
  const several = [...Map.groupBy(items, ({ patient }) => patient).values()].filter(
    (own) => new Set(own.map(({ label }) => label)).size > 1,
  ).length;
  if (several > 0)
    warnings.push(`${several} ${several === 1 ? 'patient has' : 'patients have'} images of more than one class.`);
  const nameless = labelled.filter(({ patientID }) => patientID === '').length;
  if (nameless > 0) {
    warnings.push(
      `${nameless} ${nameless === 1 ? 'image has' : 'images have'} no PatientID: each study counts as a patient of its own.`,
    );
  }
  if (classes.length > 50)
    warnings.push(`${classes.length} classes were found: check that the label column holds classes.`);
  return warnings;
}
