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
    unusableClasses(project) ?? [],
    ...unusableTrunkRule(project.trunkRule, project.updateCodec),
    ...unusableUpdate(project),
    unusableWithPrivacy(project) ?? [],
    ...unusableSecureAggregation(project),
  ]
    .flat()
    .map(({ field, reason }) => ({ field, message: reason }));
}

/** Batch norm mixes the images of a batch, so that none has a gradient of its own that could be clipped. */
function unusableWithPrivacy({ network, hyperParameters }: Project): Unusable | null {
  const norm = network.layers.find(({ op }) => op === 'batch-norm');
  if (hyperParameters.privacy === null || norm === undefined) return null;
  return {
    field: 'network',
    reason: `layer ${norm.id} of ${network.name} is a batch norm, which mixes the images of a batch: with hyperParameters.privacy no site could train it. Use group norm, or name a bundled network, whose twin with group norm is taken`,
  };
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
