// Which cohorts a model can be used on, its own first.
import type { Cohort } from '../../contract/cohort.ts';
import type { Model } from '../../contract/model.ts';

export interface CohortChoice {
  readonly name: string;
  /** Why the model cannot be used on it; null where it can. */
  readonly problem: string | null;
}

const mostNamed = 3;

/** Cohorts of the model's task: the one it was trained on, those whose classes it knows, then the others with the reason; each the newest first. */
export function cohortChoices(model: Model, cohorts: readonly Cohort[]): CohortChoice[] {
  const rank = ({ name, problem }: CohortChoice): number => (problem !== null ? 2 : name === model.cohort ? 0 : 1);
  return cohorts
    .filter(({ task }) => task === model.task)
    .toSorted((a, b) => b.createdAt.localeCompare(a.createdAt) || a.name.localeCompare(b.name))
    .map(({ name, classes }) => ({ name, problem: problemOf(model, classes) }))
    .sort((a, b) => rank(a) - rank(b));
}

function problemOf(model: Model, classes: Cohort['classes']): string | null {
  const unknown = classes.map(({ name }) => name).filter((name) => !model.classes.includes(name));
  if (unknown.length === 0) return null;
  const more = unknown.length > mostNamed ? ', …' : '';
  return `the model does not know ${unknown.slice(0, mostNamed).join(', ')}${more}`;
}
