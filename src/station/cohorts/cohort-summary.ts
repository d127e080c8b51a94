// What is told of a cohort version, counted as its items go by: of each patient a few bits for each class are kept, and no more.
import type { Cohort } from '../../contract/cohort.ts';
import type { Task } from '../../contract/network.ts';
import { splitNames } from '../../contract/training.ts';

/** Classes with fewer patients than this get a warning. */
const fewPatients = 5;
/** Of many small classes the others are counted. */
const namedClasses = 10;

interface CountedItem {
  /** Counts from 0. */
  readonly patient: number;
  /** Indices into the cohort's classes. */
  readonly labels: readonly number[];
}

/** Which classes the items of each patient show. */
export interface PatientClasses {
  /** By patient; 0 of one that has none. */
  readonly items: Uint32Array;
  /** By class the items that show it. */
  readonly itemsOf: Uint32Array;
  /** By class the patients with an item that shows it. */
  readonly patientsOf: Uint32Array;
  /** Whether an item of the patient shows the class. */
  shows(patient: number, label: number): boolean;
  /** Whether an item of the patient does not. */
  lacks(patient: number, label: number): boolean;
}

/** Counts the items that it takes. @param size `patients`: more than any patient's number */
export function patientClasses({
  patients,
  classes,
}: {
  patients: number;
  classes: number;
}): PatientClasses & { take(item: CountedItem): void } {
  const counts = new Uint32Array(patients);
  const itemsOf = new Uint32Array(classes);
  const patientsOf = new Uint32Array(classes);
  const [shown, lacking] = [bits(patients * classes), bits(patients * classes)];
  return {
    take({ patient, labels }) {
      counts[patient]! += 1;
      for (let label = 0; label < classes; label += 1) {
        const place = patient * classes + label;
        if (!labels.includes(label)) lacking.set(place);
        else {
          itemsOf[label]! += 1;
          if (!shown.has(place)) patientsOf[label]! += 1;
          shown.set(place);
        }
      }
    },
    items: counts,
    itemsOf,
    patientsOf,
    shows: (patient, label) => shown.has(patient * classes + label),
    lacks: (patient, label) => lacking.has(patient * classes + label),
  };
}

function bits(length: number): { has(place: number): boolean; set(place: number): void } {
  const bytes = new Uint8Array(Math.ceil(length / 8));
  return {
    has: (place) => ((bytes[place >>> 3]! >>> (place & 7)) & 1) === 1,
    set: (place) => void (bytes[place >>> 3]! |= 1 << (place & 7)),
  };
}

/**
 * Counts by class and split.
 * @param splits by patient its place in `splitNames`
 * @param classNames in the order of the items' labels; of a segmentation the first is the background, which every slice has
 */
export function countsOf(
  task: Task,
  { items, itemsOf, patientsOf }: PatientClasses,
  splits: Uint8Array,
  classNames: readonly string[],
): Pick<Cohort, 'instances' | 'patients' | 'classes' | 'split'> {
  const of = (isCounted: (patient: number) => boolean): { instances: number; patients: number } => {
    const count = { instances: 0, patients: 0 };
    items.forEach((own, patient) => {
      if (own === 0 || !isCounted(patient)) return;
      count.instances += own;
      count.patients += 1;
    });
    return count;
  };
  const all = of(() => true);
  return {
    ...all,
    classes: classNames.map((name, label) =>
      task === 'segmentation' && label === 0
        ? { name, ...all }
        : { name, instances: itemsOf[label]!, patients: patientsOf[label]! },
    ),
    split: Object.fromEntries(
      splitNames.map((name, code) => [name, of((patient) => splits[patient] === code)]),
    ) as Cohort['split'],
  };
}

/** What a person should know of the classes before training. @param splits as of `countsOf` */
export function classWarnings(
  task: Task,
  shown: PatientClasses,
  splits: Uint8Array,
  classes: Cohort['classes'],
): string[] {
  const warnings: string[] = [];
  const labels = [...classes.keys()].slice(task === 'segmentation' ? 1 : 0);
  const small = labels.map((label) => classes[label]!).filter(({ patients }) => patients < fewPatients);
  for (const { name, patients } of small.slice(0, namedClasses))
    warnings.push(
      `The class “${name}” has ${patients} ${patients === 1 ? 'patient' : 'patients'} only; its figures will be uncertain.`,
    );
  if (small.length > namedClasses)
    warnings.push(
      `So it is with ${small.length - namedClasses} more classes: fewer than ${fewPatients} patients each.`,
    );
  /** Whether a patient with items in the split is so. */
  const some = (code: number, is: (patient: number) => boolean): boolean =>
    shown.items.some((own, patient) => own > 0 && splits[patient] === code && is(patient));
  const quoted = (chosen: readonly number[]): string =>
    chosen
      .slice(0, 10)
      .map((label) => `“${classes[label]!.name}”`)
      .join(', ');
  for (const [code, splitName] of splitNames.entries()) {
    const missing = labels.filter((label) => !some(code, (patient) => shown.shows(patient, label)));
    if (missing.length > 0) warnings.push(`No patient of ${quoted(missing)} is in the ${splitName} split.`);
  }
  if (task === 'multi-label') {
    // A label that every image of a split has is measured there as little as one that none has.
    for (const [code, splitName] of splitNames.entries()) {
      const isEmpty = !some(code, () => true);
      const everywhere = labels.filter((label) => !isEmpty && !some(code, (patient) => shown.lacks(patient, label)));
      if (everywhere.length > 0)
        warnings.push(`Every image of the ${splitName} split has ${quoted(everywhere)}: no AUC there.`);
    }
  }
  if (task === 'classification') {
    const several = shown.items.reduce(
      (count, _, patient) => count + (labels.filter((label) => shown.shows(patient, label)).length > 1 ? 1 : 0),
      0,
    );
    if (several > 0)
      warnings.push(`${several} ${several === 1 ? 'patient has' : 'patients have'} images of more than one class.`);
  }
  if (classes.length > 50)
    warnings.push(`${classes.length} classes were found: check that the label column holds classes.`);
  return warnings;
}
