// A cohort before it has a version: the images of a selection with their labels, patients and splits. They lie in a table
// (draft-table.ts) and go by one at a time.
import type { Cohort, LabelOrigin } from '../../contract/cohort.ts';
import type { Task } from '../../contract/network.ts';
import type { StudyFilter } from '../../contract/study-filter.ts';
import { splitNames, type SplitName } from '../../contract/training.ts';
import { type CohortItem, cohortHash, type ItemMask, pseudonymOf } from './cohort-items.ts';
import type { LibraryForCohorts } from './cohort-library.ts';
import { classWarnings, countsOf, type PatientClasses, patientClasses } from './cohort-summary.ts';
import type { DraftPatient, DraftRow, DraftTable } from './draft-table.ts';
import { cohortFaults } from './faults.ts';
import { matchLabels } from './label-matching.ts';
import { labelJoint, type LabelRow, openLabelSetsFile, openLabelsFile } from './labels-file.ts';
import { notSplit, type PatientsToSplit, splitPatients, splitRank, strataOf } from './split.ts';
import { labelFromStored } from './stored-label-matching.ts';
import type { Stage, Turns } from './turns.ts';

export interface CohortRequest {
  readonly name: string;
  /** Default: classification. */
  readonly task?: Task;
  readonly query: string;
  readonly filters?: readonly StudyFilter[];
  /** Only these studies; null for all that match the query. */
  readonly studyInstanceUIDs: readonly string[] | null;
  readonly labelsFile: string | null;
  /** The label's column where it is not called `label`. */
  readonly labelColumn: string | null;
  /** Of several labels: columns of 0 and 1, one for each. */
  readonly labelColumns?: readonly string[] | null;
  /**
   * Labels stored with the studies; null: the labels file, or where none is given those of the import. For a segmentation SEG or
   * RTSTRUCT, where only these are meant.
   */
  readonly labelsFrom?: LabelOrigin | null;
}

export interface CohortDraft {
  readonly cohort: Omit<Cohort, 'version' | 'createdAt'>;
  /** Read out of the draft's table, which is to stay open as long. */
  items(): Iterable<CohortItem>;
  readonly count: number;
}

/** What a draft needs of the site. */
export interface DraftSite {
  readonly library: LibraryForCohorts;
  readonly key: Uint8Array;
  /** The split of a patient (a pseudonym) in an earlier version; null where no version had it. */
  earlierSplit(patient: string): SplitName | null;
  /** Whether this patient may take part in no cohort any more. */
  isForgotten(patient: string): boolean;
}

const maxClasses = 1_000;

/** Images with one label, or with several. @param table empty @throws Fault 200–210, 217–220, 225, 226 and 228 (cancelled) */
export async function draftCohort(
  request: CohortRequest,
  site: DraftSite,
  table: DraftTable,
  turns: Turns,
): Promise<CohortDraft> {
  const { task = 'classification' } = request;
  const labelImages = labelling(request, site.library);
  const forgotten = await selectImages(request, site, table, turns);
  const { names, warnings } = await labelImages(table, turns);
  const items = table.takeLabelled();
  const found = new Set(names);
  for (const label of table.itemLabels()) for (const name of namesIn(label, task)) found.add(name);
  // Plain order of code points: every site gets the same classes in the same order from the same labels.
  const classNames = [...found].sort();
  if (classNames.length > maxClasses) throw cohortFaults.tooManyClasses(classNames.length);
  if (classNames.length < 2) throw cohortFaults.oneClassOnly(classNames[0] ?? '');
  const classIndex = new Map(classNames.map((name, index) => [name, index]));
  return completed(request, site, table, turns, {
    items,
    classNames,
    labelsOf: (label) => indicesOf(namesIn(label, task), classIndex),
    masksOf: () => [],
    warnings: [...forgotten, ...warnings],
  });
}

/** Ascending. */
export function indicesOf(names: Iterable<string>, classIndex: ReadonlyMap<string, number>): number[] {
  return [...names].map((name) => classIndex.get(name) ?? 0).sort((a, b) => a - b);
}

/** Takes the images that are asked for into the table, and tells of patients that are left out. @throws Fault 206 when nothing is left */
export async function selectImages(
  { query, filters = [], studyInstanceUIDs }: CohortRequest,
  { library, key, isForgotten }: DraftSite,
  table: DraftTable,
  turns: Turns,
): Promise<string[]> {
  const patientOf = (patientKey: string): DraftPatient => {
    const pseudonym = pseudonymOf(patientKey, key);
    return { pseudonym, rank: splitRank(pseudonym, key), isForgotten: isForgotten(pseudonym) };
  };
  const found = library.selectInstances({ query, filters, studyInstanceUIDs });
  await turns.stage('choose', null).each(found, (one) => {
    // Segmentations have pixels, but they are no images of a patient.
    if (one.modality !== 'SEG') table.admit(one, patientOf);
  });
  const { images, forgotten } = table.counts();
  if (images === 0) throw cohortFaults.nothingSelected();
  const patients = forgotten === 1 ? '1 patient' : `${forgotten} patients`;
  return forgotten === 0 ? [] : [`${patients} that cohorts must forget ${forgotten === 1 ? 'is' : 'are'} left out.`];
}

/** Splits, counts and names a draft of the table's items. @throws Fault 208, 226, 228 (cancelled) */
export async function completed(
  { name, task = 'classification', query, filters = [] }: CohortRequest,
  { earlierSplit }: DraftSite,
  table: DraftTable,
  turns: Turns,
  parts: {
    /** How many the table has. */
    readonly items: number;
    readonly classNames: readonly string[];
    /** Indices of classes out of what was written into an item, ascending. */
    labelsOf(label: string): number[];
    masksOf(masks: string): readonly ItemMask[];
    readonly warnings: readonly string[];
  },
): Promise<CohortDraft> {
  const { classNames, labelsOf, masksOf } = parts;
  const { images, patients, studies } = table.counts();
  const stage = turns.stage('divide', 2 * parts.items + patients);
  const chosen = chosenImages(studies);
  const shown = patientClasses({ patients, classes: classNames.length });
  await stage.each(table.itemsByImage(), (row) => {
    chosen.take(row);
    shown.take({ patient: row.patient, labels: labelsOf(row.label) });
  });
  const present = shown.items.reduce((count, items) => count + (items > 0 ? 1 : 0), 0);
  if (present < 3) throw cohortFaults.tooFewPatients(present);
  const splits = splitPatients(await patientsToSplit(table, shown, earlierSplit, stage));
  const counts = countsOf(task, shown, splits, classNames);
  const empty = counts.classes.filter(({ instances }) => instances === 0);
  if (empty.length > 0) throw cohortFaults.emptyClass(empty.map((entry) => entry.name));
  function* itemsOf(rows: Iterable<DraftRow>): Generator<CohortItem> {
    for (const { sopInstanceUID, pseudonym, label, patient, frames, frame, masks } of rows)
      yield {
        sopInstanceUID,
        patient: pseudonym,
        labels: labelsOf(label),
        split: splitNames[splits[patient]!]!,
        frames,
        frame: frame === 0 ? null : frame,
        masks: masksOf(masks),
      };
  }
  const hash = cohortHash(task, classNames);
  await stage.each(itemsOf(table.itemsByImage()), (item) => hash.take(item));
  const facts = chosen.facts();
  const { nameless } = facts;
  const theirs = nameless === 1 ? '1 image has' : `${nameless} images have`;
  return {
    items: () => itemsOf(table.items()),
    count: parts.items,
    cohort: {
      name,
      task,
      hash: hash.digest(),
      query,
      ...(filters.length > 0 && { filters: [...filters] }),
      ...counts,
      studies: facts.studies,
      modalities: facts.modalities,
      unlabelled: images - facts.images,
      warnings: [
        ...parts.warnings,
        ...classWarnings(task, shown, splits, counts.classes),
        ...(nameless > 0 ? [`${theirs} no PatientID: each study counts as a patient of its own.`] : []),
      ],
    },
  };
}

/** Counts the images that items are of, which it takes in the order of images. */
function chosenImages(allStudies: number): {
  take(row: DraftRow): void;
  facts(): { images: number; nameless: number; studies: number; modalities: string[] };
} {
  const isChosen = new Uint8Array(allStudies);
  const modalities = new Set<string>();
  let [images, nameless, last] = [0, 0, 0];
  return {
    take({ image, study, modality, patientID }) {
      if (image === last) return;
      images += 1;
      if (patientID === '') nameless += 1;
      isChosen[study] = 1;
      modalities.add(modality);
      last = image;
    },
    facts: () => ({
      images,
      nameless,
      studies: isChosen.reduce((sum, one) => sum + one, 0),
      modalities: [...modalities].sort(),
    }),
  };
}

async function patientsToSplit(
  table: DraftTable,
  shown: PatientClasses,
  earlierSplit: DraftSite['earlierSplit'],
  stage: Stage,
): Promise<PatientsToSplit> {
  const patients = shown.items.length;
  const order = new Uint32Array(patients);
  const earlier = new Uint8Array(patients).fill(notSplit);
  let count = 0;
  await stage.each(table.patients(), ({ patient, pseudonym }) => {
    if (shown.items[patient] === 0) return;
    order[count] = patient;
    count += 1;
    const kept = earlierSplit(pseudonym);
    if (kept !== null) earlier[patient] = splitNames.indexOf(kept);
  });
  return { order: order.subarray(0, count), strata: strataOf(shown), earlier };
}

/** One label as it is; several out of one text, joined by | as labels files do or by + as objects' labels are kept. */
function namesIn(label: string, task: Task): string[] {
  if (task !== 'multi-label') return [label];
  const names = label.split(/\||\s\+\s/).map((name) => name.trim());
  return [...new Set(names.filter((name) => name !== ''))];
}

interface Labels {
  /** All that can occur; null where only those that do occur are known. */
  readonly names: readonly string[] | null;
  readonly warnings: readonly string[];
}

/** How images get their labels; what cannot work with any selection is thrown before one is made. */
function labelling(
  { task, labelsFile, labelColumn, labelColumns = null, labelsFrom = null }: CohortRequest,
  library: LibraryForCohorts,
): (table: DraftTable, turns: Turns) => Promise<Labels> {
  if (labelsFile !== null && labelsFrom !== null) throw cohortFaults.labelsTwice();
  if (labelsFile === null) {
    const origin = labelsFrom ?? 'import';
    const stored = library.labels.count(origin);
    if (stored === 0) throw labelsFrom === null ? cohortFaults.labelsMissing() : cohortFaults.noneStored(origin);
    return async (table, turns) => {
      await labelFromStored(table, (level) => library.labels.each(origin, level), turns.stage('label', stored));
      if (table.labelled().clear === 0) throw cohortFaults.storedLabelsMatchNothing(origin, stored);
      return { names: null, warnings: [] };
    };
  }
  const isMany = task === 'multi-label';
  const file = isMany
    ? openLabelSetsFile(labelsFile, labelColumn, labelColumns)
    : { ...openLabelsFile(labelsFile, labelColumn), names: null };
  return async (table, turns) => {
    const { key, columns, count, names } = file;
    const rows = isMany ? () => inOrder(file.rows()) : file.rows;
    const { matchedRows, ambiguousRows, emptyRows, warnings } = await matchLabels({ key, rows, count }, table, turns);
    if (emptyRows === count) throw cohortFaults.cellsEmpty(emptyRows, labelColumn ?? 'label', key);
    if (matchedRows + ambiguousRows === 0) throw cohortFaults.nothingMatches(key, count, columns);
    if (table.labelled().clear === 0) throw cohortFaults.noLabelLeft(warnings);
    return { names, warnings };
  };
}

/** One set written in two orders is one set. */
function* inOrder(rows: Iterable<LabelRow>): Generator<LabelRow> {
  for (const row of rows) {
    const names = row.label === '' ? [] : namesIn(row.label, 'multi-label').sort();
    yield { ...row, label: row.label === '' ? '' : names.join(labelJoint) || labelJoint };
  }
}
