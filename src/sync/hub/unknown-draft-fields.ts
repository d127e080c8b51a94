// Fields of a project's file that mean nothing: a misspelt name would else leave its setting at the default, and nobody would know.
import type { ProjectProblem } from '../../contract/project-draft.ts';

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Names that are read though no project has them any more, or a project has what they stand for. */
const readOtherwise: ReadonlySet<string> = new Set(['task', 'network', 'trunkRule.stalenessExponent']);

/** Each field of a draft that the project which was read from it has not, beside its path. */
export function unknownDraftFields(draft: unknown, project: object, path = ''): readonly ProjectProblem[] {
  if (!isFields(draft) || !isFields(project)) return [];
  return Object.entries(draft).flatMap(([name, value]) => {
    const field = path === '' ? name : `${path}.${name}`;
    if (readOtherwise.has(field)) return [];
    if (Object.hasOwn(project, name)) return unknownDraftFields(value, (project as Fields)[name] as object, field);
    const known = Object.keys(project).join(', ');
    return [{ field, message: `means nothing here; what can be set is ${known}` }];
  });
}
