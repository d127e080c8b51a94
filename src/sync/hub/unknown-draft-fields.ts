// Fields of a project's file that mean nothing: a misspelt name would else leave its setting at the default, and nobody would know.
import { nearestName } from '../../contract/nearest-name.ts';
import type { ProjectProblem } from '../../contract/project-draft.ts';

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Names that are read though no project has them any more, or a project has what they stand for. */
const readOtherwise: ReadonlySet<string> = new Set(['task', 'network', 'trunkRule.stalenessExponent']);

/** Each field of a draft that the project which was read from it has not, beside its path. */
export function unknownDraftFields(draft: unknown, project: object): readonly ProjectProblem[] {
  return unknownFields(draft, project, readOtherwise);
}

/** Each field that what was read from it has not, beside its path. @param skipped paths that are not looked at */
export function unknownFields(
  draft: unknown,
  read: unknown,
  skipped: ReadonlySet<string> = new Set(),
  path = '',
): readonly ProjectProblem[] {
  if (!isFields(draft) || !isFields(read)) return [];
  return Object.entries(draft).flatMap(([name, value]) => {
    const field = path === '' ? name : `${path}.${name}`;
    if (skipped.has(field)) return [];
    if (Object.hasOwn(read, name)) return unknownFields(value, read[name], skipped, field);
    return [{ field, message: unknownName(name, Object.keys(read)) }];
  });
}

/** Of a field that means nothing, to follow its name. @param known what could stand there */
export function unknownName(name: string, known: readonly string[]): string {
  const meant = nearestName(name, known);
  if (meant !== null) return `means nothing here; is ${meant} meant?`;
  return `means nothing here${known.length === 0 ? '' : `; what can be set is ${known.join(', ')}`}`;
}
