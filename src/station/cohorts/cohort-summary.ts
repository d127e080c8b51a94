// What is told of a cohort version, counted over its items.
import type { Cohort } from '../../contract/cohort.ts';
import type { Task } from '../../contract/network.ts';
import { splitNames } from '../../contract/training.ts';
import type { CohortItem } from './cohort-items.ts';

/** Classes with fewer patients than this get a warning. */
const fewPatients = 5;

/** Counts by class and split. @param classNames in the order of the items' labels; of a segmentation the first is the background, which every slice has */
export function countsOf(
  task: Task,
  items: readonly CohortItem[],
  classNames: readonly string[],
): Pick<Cohort, 'instances' | 'patients' | 'classes' | 'split'> {
  const has = ({ labels }: CohortItem, label: number): boolean =>
    (task === 'segmentation' && label === 0) || labels.includes(label);
  return {
    ...countOf(items),
    classes: classNames.map((name, label) => ({ name, ...countOf(items.filter((item) => has(item, label))) })),
    split: Object.fromEntries(
      splitNames.map((name) => [name, countOf(items.filter(({ split }) => split === name))]),
    ) as Cohort['split'],
  };
}

function countOf(items: readonly CohortItem[]): { instances: number; patients: number } {
  return { instances: items.length, patients: new Set(items.map(({ patient }) => patient)).size };
}

/** What a person should know of the classes before training. */
export function classWarnings(task: Task, items: readonly CohortItem[], classes: Cohort['classes']): string[] {
  const warnings: string[] = [];
  const foreground = task === 'segmentation' ? classes.slice(1) : classes;
  for (const { name, patients } of foreground) {
    if (patients < fewPatients) {
      warnings.push(
        `The class “${name}” has ${patients} ${patients === 1 ? 'patient' : 'patients'} only; its figures will be uncertain.`,
      );
    }
  }
  for (const splitName of splitNames) {
    const present = new Set(items.filter(({ split }) => split === splitName).flatMap(({ labels }) => labels));
    const missing = foreground
      .filter(({ name }) => !present.has(classes.findIndex((entry) => entry.name === name)))
      .map(({ name }) => `“${name}”`);
    if (missing.length > 0)
      warnings.push(`No patient of ${missing.slice(0, 10).join(', ')} is in the ${splitName} split.`);
  }
  if (task === 'multi-label') warnings.push(...withoutNegatives(items, classes));
  if (task === 'classification') {
    const several = [...Map.groupBy(items, ({ patient }) => patient).values()].filter(
      (own) => new Set(own.map(({ labels }) => labels[0])).size > 1,
    ).length;
    if (several > 0)
      warnings.push(`${several} ${several === 1 ? 'patient has' : 'patients have'} images of more than one class.`);
  }
  if (classes.length > 50)
    warnings.push(`${classes.length} classes were found: check that the label column holds classes.`);
  return warnings;
}

/** A label that every image of a split has is measured there as little as one that none has. */
function withoutNegatives(items: readonly CohortItem[], classes: Cohort['classes']): string[] {
  return splitNames.flatMap((splitName) => {
    const own = items.filter(({ split }) => split === splitName);
    const everywhere = classes.filter(
      (_, label) => own.length > 0 && own.every(({ labels }) => labels.includes(label)),
    );
    const names = everywhere.slice(0, 10).map(({ name }) => `“${name}”`);
    return names.length === 0 ? [] : [`Every image of the ${splitName} split has ${names.join(', ')}: no AUC there.`];
  });
}
