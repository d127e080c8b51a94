// What is wrong with a field that a person wrote, to follow the field's name: `must be at least 1`.
import type { z } from 'zod';
import { nearestName } from './nearest-name.ts';

/**
 * Of an issue that was made with `reportInput`.
 * @param written all that the issue was found in: a field that is missing may stand there under a misspelt name
 */
export function issueWords(issue: z.core.$ZodIssue, written?: unknown): string {
  switch (issue.code) {
    case 'too_small':
      return issue.origin === 'array'
        ? `needs ${issue.minimum} or more`
        : `must be ${issue.inclusive === false ? 'above' : 'at least'} ${issue.minimum}`;
    case 'too_big': {
      if (issue.origin === 'string') return `may have ${issue.maximum} characters at most`;
      if (issue.origin === 'array') return `may be ${issue.maximum} at most`;
      return `must be ${issue.inclusive === false ? 'below' : 'at most'} ${issue.maximum}`;
    }
    case 'invalid_type':
      if (issue.input === undefined || issue.input === null) {
        const misspelt = nearestName(String(issue.path.at(-1)), namesAt(written, issue.path.slice(0, -1)));
        return misspelt === null ? 'is missing' : `is missing; is it meant by “${misspelt}”?`;
      }
      return `must be ${issue.expected === 'int' ? 'a whole number' : `${/^[ao]/.test(issue.expected) ? 'an' : 'a'} ${issue.expected}`}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    // Of an object whose kind is none that there is.
    case 'invalid_union':
      return 'options' in issue && issue.options !== undefined
        ? `must be one of ${issue.options.map(String).join(', ')}`
        : issue.message;
    case 'unrecognized_keys':
      return `${issue.keys.join(', ')}: there is no such field`;
    case 'invalid_format':
      return 'may have small letters, digits and hyphens, and begins with a letter or digit';
    default:
      return issue.message;
  }
}

/** What stands at a path of what was written, by name. */
export function namesAt(written: unknown, path: readonly PropertyKey[]): string[] {
  let at = written;
  for (const name of path)
    at = typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[name] : null;
  return typeof at === 'object' && at !== null && !Array.isArray(at) ? Object.keys(at) : [];
}
