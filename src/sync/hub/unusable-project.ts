// What stands against a project that its schema allows: it could not do what it promises.
import type { Project } from '../../contract/federation.ts';
import type { ProjectProblem } from '../../contract/project-draft.ts';
import { unusableTrunkRule } from '../aggregation/unusable-trunk-rule.ts';
import type { Unusable } from '../aggregation/unusable.ts';
import { unusableUpdate } from '../aggregation/unusable-update.ts';
import { unusableSecureAggregation } from '../secure-aggregation/unusable-secure-aggregation.ts';

/** Empty for a project that can be used. */
export function unusableProject(project: Project): ProjectProblem[] {
  return [
    unusableClasses(project),
    unusableTrunkRule(project.trunkRule, project.updateCodec),
    unusableUpdate(project),
    unusableSecureAggregation(project),
  ].flatMap((unusable) => (unusable === null ? [] : [{ field: unusable.field, message: unusable.reason }]));
}

/** Cohorts are matched to a project by the names of its classes. */
export function unusableClasses({ classes }: Pick<Project, 'classes'>): Unusable | null {
  const names = classes.map((name) => name.trim());
  if (names.includes('')) return { field: 'classes', reason: 'a class has no name; give each one' };
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined
    ? null
    : { field: 'classes', reason: `${twice} is there twice; name each class once, in the order of the logits` };
}
