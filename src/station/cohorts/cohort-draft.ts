// A cohort before it has a version: the images of a selection with their labels, patients and splits.
import type { Cohort, LabelOrigin } from '../../contract/cohort.ts';
import type { Task } from '../../contract/network.ts';
import type { StudyFilter } from '../../contract/study-filter.ts';
import type { SplitName } from '../../contract/training.ts';
import { type CohortItem, cohortHash, pseudonymOf } from './cohort-items.ts';
import type { LibraryForCohorts, SelectedInstance } from './cohort-library.ts';
import { classWarnings, countsOf } from './cohort-summary.ts';
import { cohortFaults } from './faults.ts';
import { matchLabels } from './label-matching.ts';
import { labelJoint, readLabelSetsFile, readLabelsFile } from './labels-file.ts';
import { splitPatients } from './split.ts';
import { labelsByInstance } from './stored-label-matching.ts';

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
  readonly items: readonly CohortItem[];
}

/** What a draft needs of the site. */
export interface DraftSite {
  readonly library: LibraryForCohorts;
  readonly key: Uint8Array;
  /** Of patients in earlier versions. */
  readonly earlier: ReadonlyMap<string, SplitName>;
  /** Whether this patient (a pseudonym) may take part in no cohort any more. */
  isForgotten(patient: string): boolean;
}

const maxClasses = 1_000;

/** Images with one label, or with several. @throws Fault 200–210, 217–220, 225 and 226 */
export function draftCohort(request: CohortRequest, site: DraftSite): CohortDraft {
  const { task = 'classification' } = request;
  const labelsOf = labelling(request, site.library);
  const { selected, forgotten } = selectedFor(request, site);
  const { labels, names, warnings } = labelsOf(selected);
  const labelled = selected.filter(({ sopInstanceUID }) => labels.has(sopInstanceUID));
  const labelsByUID = new Map(labelled.map(({ sopInstanceUID: uid }) => [uid, namesIn(labels.get(uid) ?? '', task)]));
  // Plain order of code points: every site gets the same classes in the same order from the same labels.
  const classNames = [...new Set([...(names ?? []), ...[...labelsByUID.values()].flat()])].sort();
  if (classNames.length > maxClasses) throw cohortFaults.tooManyClasses(classNames.length);
  if (classNames.length < 2) throw cohortFaults.oneClassOnly(classNames[0] ?? '');
  const classIndex = new Map(classNames.map((name, index) => [name, index]));
  const pseudonyms = new Map<string, string>();
  for (const { patientKey } of labelled)
    if (!pseudonyms.has(patientKey)) pseudonyms.set(patientKey, pseudonymOf(patientKey, site.key));
  const unsplit = labelled.map((instance) => ({
    sopInstanceUID: instance.sopInstanceUID,
    patient: pseudonyms.get(instance.patientKey)!,
    labels: (labelsByUID.get(instance.sopInstanceUID) ?? [])
      .map((name) => classIndex.get(name) ?? 0)
      .sort((a, b) => a - b),
    frames: instance.frames,
    frame: null,
    masks: [],
  }));
  return completed(request, site, {
    items: unsplit,
    classNames,
    chosen: labelled,
    unlabelled: selected.length - labelled.length,
    warnings: [...forgotten, ...warnings],
  });
}

/** @throws Fault 206 when nothing is left */
export function selectedFor(
  { query, filters = [], studyInstanceUIDs }: CohortRequest,
  { library, key, isForgotten }: DraftSite,
): { selected: SelectedInstance[]; forgotten: string[] } {
  const found = [...library.selectInstances({ query, filters, studyInstanceUIDs })]
    // Segmentations have pixels, but they are no images of a patient.
    .filter(({ modality }) => modality !== 'SEG');
  const isOut = new Map<string, boolean>();
  for (const { patientKey } of found)
    if (!isOut.has(patientKey)) isOut.set(patientKey, isForgotten(pseudonymOf(patientKey, key)));
  const selected = found
    .filter(({ patientKey }) => isOut.get(patientKey) === false)
    .sort((a, b) => (a.sopInstanceUID < b.sopInstanceUID ? -1 : 1));
  if (selected.length === 0) throw cohortFaults.nothingSelected();
  const count = [...isOut.values()].filter(Boolean).length;
  const patients = count === 1 ? '1 patient' : `${count} patients`;
  return {
    selected,
    forgotten: count === 0 ? [] : [`${patients} that cohorts must forget ${count === 1 ? 'is' : 'are'} left out.`],
  };
}

/** Splits, counts and names a draft. @throws Fault 208, 226 */
export function completed(
  { name, task = 'classification', query, filters = [] }: CohortRequest,
  { key, earlier }: DraftSite,
  parts: {
    readonly items: readonly Omit<CohortItem, 'split'>[];
    readonly classNames: readonly string[];
    /** The instances that take part. */
    readonly chosen: readonly SelectedInstance[];
    readonly unlabelled: number;
    readonly warnings: readonly string[];
  },
): CohortDraft {
  const { classNames, chosen } = parts;
  const patients = new Map<string, Set<number>>();
  for (const { patient, labels } of parts.items) {
    const known = patients.get(patient) ?? new Set();
    patients.set(patient, known);
    for (const label of labels) known.add(label);
  }
  if (patients.size < 3) throw cohortFaults.tooFewPatients(patients.size);
  const split = splitPatients(
    [...patients].map(([pseudonym, classes]) => ({ pseudonym, classes: [...classes] })),
    key,
    earlier,
  );
  const items = parts.items.map((item) => ({ ...item, split: split.get(item.patient) ?? ('train' as const) }));
  const counts = countsOf(task, items, classNames);
  const empty = counts.classes.filter(({ instances }) => instances === 0);
  if (empty.length > 0) throw cohortFaults.emptyClass(empty.map((entry) => entry.name));
  const nameless = chosen.filter(({ patientID }) => patientID === '').length;
  const images = nameless === 1 ? '1 image has' : `${nameless} images have`;
  return {
    items,
    cohort: {
      name,
      task,
      hash: cohortHash(task, items, classNames),
      query,
      ...(filters.length > 0 && { filters: [...filters] }),
      ...counts,
      studies: new Set(chosen.map(({ studyInstanceUID }) => studyInstanceUID)).size,
      modalities: [...new Set(chosen.map(({ modality }) => modality))].sort(),
      unlabelled: parts.unlabelled,
      warnings: [
        ...parts.warnings,
        ...classWarnings(task, items, counts.classes),
        ...(nameless > 0 ? [`${images} no PatientID: each study counts as a patient of its own.`] : []),
      ],
    },
  };
}

/** One label as it is; several out of one text, joined by | as labels files do or by + as objects' labels are kept. */
function namesIn(label: string, task: Task): string[] {
  if (task !== 'multi-label') return [label];
  const names = label.split(/\||\s\+\s/).map((name) => name.trim());
  return [...new Set(names.filter((name) => name !== ''))];
}

interface Labels {
  readonly labels: ReadonlyMap<string, string>;
  /** All that can occur; null where only those that do occur are known. */
  readonly names: readonly string[] | null;
  readonly warnings: readonly string[];
}

/** How images get their labels; what cannot work with any selection is thrown before one is made. */
function labelling(
  { task, labelsFile, labelColumn, labelColumns = null, labelsFrom = null }: CohortRequest,
  library: LibraryForCohorts,
): (selected: readonly SelectedInstance[]) => Labels {
  if (labelsFile !== null && labelsFrom !== null) throw cohortFaults.labelsTwice();
  if (labelsFile === null) {
    const origin = labelsFrom ?? 'import';
    const stored = library.labels.all(origin);
    if (stored.length === 0) throw labelsFrom === null ? cohortFaults.labelsMissing() : cohortFaults.noneStored(origin);
    return (selected) => {
      const labels = labelsByInstance(stored, selected);
      if (labels.size === 0) throw cohortFaults.storedLabelsMatchNothing(origin, stored.length);
      return { labels, names: null, warnings: [] };
    };
  }
  const file =
    task === 'multi-label'
      ? readLabelSetsFile(labelsFile, labelColumn, labelColumns)
      : { ...readLabelsFile(labelsFile, labelColumn), names: null };
  // One set written in two orders is one set.
  const rows = task !== 'multi-label' ? file.rows : file.rows.map((row) => ({ ...row, label: inOrder(row.label) }));
  return (selected) => {
    const { labels, matchedRows, emptyRows, warnings } = matchLabels({ ...file, rows }, selected);
    if (emptyRows === file.rows.length) throw cohortFaults.cellsEmpty(emptyRows, labelColumn ?? 'label', file.key);
    if (matchedRows === 0) throw cohortFaults.nothingMatches(file.key, file.rows.length, file.columns);
    if (labels.size === 0) throw cohortFaults.noLabelLeft(warnings);
    return { labels, names: file.names, warnings };
  };
}

const inOrder = (label: string): string =>
  label === '' ? '' : namesIn(label, 'multi-label').sort().join(labelJoint) || labelJoint;
