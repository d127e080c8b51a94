// A project as a coordinator writes it, in a file, by options or in the console's form: its network may be a bundled one's name. Everything that
// is wrong with it is said at once, each beside its field.
import { z } from 'zod';
import { faultValueOf } from '../../contract/fault.ts';
import { type Project, projectSchema } from '../../contract/federation.ts';
import { issueWords } from '../../contract/issue-words.ts';
import { type Network, type Task, taskNames } from '../../contract/network.ts';
import type { NetworkChoice, ProjectProblem } from '../../contract/project-draft.ts';
import { unusableClasses, unusableProject } from './unusable-project.ts';

/** What a hub cannot know by itself, because it trains nothing. */
export interface ProjectNetworks {
  choices(): readonly NetworkChoice[];
  /** @throws Fault when there is none of this name, or it cannot do the task. */
  named(name: string, task: Task | undefined): Network;
  /** The same with group norm in place of batch norm. @throws Fault when the network cannot be built. */
  withoutBatchNorm(network: Network): Network;
  /** How many numbers are trained. @throws Fault when the network cannot be built. */
  parameters(network: Network, classes: number): number;
  /** Trunk version 0 as a tensor file. */
  initialTrunk(project: Project): Uint8Array;
}

export type ReadDraft =
  | { readonly project: Project; readonly parameters: number; readonly problems: readonly [] }
  | { readonly project: null; readonly problems: readonly ProjectProblem[] };

/** Whether the draft has a privacy promise, right or wrong. */
function asksForPrivacy({ hyperParameters }: Record<string, unknown>): boolean {
  const { privacy = null } = draftSchema.safeParse(hyperParameters).data ?? {};
  return privacy !== null;
}

const draftSchema = z.record(z.string(), z.unknown());

/** The project that a draft describes, or all that stands against it. */
export function readProjectDraft(draft: unknown, networks: ProjectNetworks): ReadDraft {
  const given = draftSchema.safeParse(draft);
  if (!given.success) return refused([{ field: '', message: 'it is no JSON object' }]);
  const problems: ProjectProblem[] = [];
  const { task: givenTask, ...fields } = given.data;
  let network = fields['network'];
  const task = z
    .enum(taskNames)
    .optional()
    .safeParse(givenTask ?? undefined);
  if (!task.success) problems.push({ field: 'task', message: `must be one of ${taskNames.join(', ')}` });
  if (typeof network === 'string') {
    try {
      const found = networks.named(network, task.data);
      // As in a run at a site: whoever names a bundled network and a promise means the one that can keep it.
      network = asksForPrivacy(fields) ? networks.withoutBatchNorm(found) : found;
    } catch (thrown) {
      problems.push({ field: 'network', message: faultValueOf(thrown).message });
    }
  }
  const project = projectSchema.safeParse({ ...fields, network }, { reportInput: true });
  if (!project.success) {
    const isNetworkSaid = problems.some(({ field }) => field === 'network');
    for (const issue of project.error.issues) {
      const field = issue.path.join('.');
      if (!(isNetworkSaid && field === 'network')) problems.push({ field, message: issueWords(issue, given.data) });
    }
    const classes = projectSchema.pick({ classes: true }).safeParse(fields);
    const unusable = classes.success ? unusableClasses(classes.data) : null;
    if (unusable !== null) problems.push({ field: unusable.field, message: unusable.reason });
    return refused(problems);
  }
  problems.push(...unusableProject(project.data));
  let parameters = 0;
  try {
    parameters = networks.parameters(project.data.network, project.data.classes.length);
  } catch (thrown) {
    problems.push({ field: 'network', message: faultValueOf(thrown).message });
  }
  return problems.length > 0 ? refused(problems) : { project: project.data, parameters, problems: [] };
}

const refused = (problems: readonly ProjectProblem[]): ReadDraft => ({ project: null, problems });

/** All problems as one sentence's end: `classes: a is there twice; commits must be at least 1`. */
export function problemsText(problems: readonly ProjectProblem[], named: (field: string) => string): string {
  return problems
    .map(({ field, message }) => (field === '' ? message : `${named(field)}: ${message}`))
    .join('\n')
    .slice(0, 3_000);
}
