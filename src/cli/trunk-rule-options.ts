// The hub's rules as option values: a kind, and its numbers after colons. A wrong one ends with exit code 2 and says why.
import { InvalidArgumentError } from 'commander';
import type { z } from 'zod';
import {
  combinationSchema,
  type CombinationRule,
  type ServerOptimizer,
  serverOptimizerSchema,
  stalenessSchema,
  type StalenessRule,
} from '../contract/federation.ts';

/** Of `--combination`, for its help. */
export const combinationWords =
  'mean[:sites], median, trimmed-mean:SHARE (cut off at each end, 0 to 0.5), or krum:LIARS[:KEPT] (stands LIARS lying sites where a commit has 2 × LIARS + 3 or more; takes the mean of KEPT, 1 if not given)';

/** `mean` and `mean:updates`, `mean:sites`, `median`, `trimmed-mean:0.2`, `krum:2` (of up to two liars keep one) or `krum:2:4` (keep four). */
export function combination(text: string): CombinationRule {
  const [kind, first, second] = parts(text);
  const [, of] = text.split(':');
  const fields = {
    ...(kind === 'mean' && { of }),
    ...(kind === 'trimmed-mean' && { trimShare: first }),
    ...(kind === 'krum' && { byzantine: first, ...(second !== undefined && { kept: second }) }),
  };
  return decoded(
    combinationSchema,
    { kind, ...fields },
    'mean[:sites], median, trimmed-mean:SHARE or krum:LIARS[:KEPT]',
  );
}

/** `sgd`, `sgd:0.9` (momentum), `adam` or `yogi`. */
export function serverOptimizer(text: string): ServerOptimizer {
  const [kind, momentum] = parts(text);
  return decoded(
    serverOptimizerSchema,
    { kind, ...(kind === 'sgd' && momentum !== undefined && { momentum }) },
    'sgd[:MOMENTUM], adam or yogi',
  );
}

/** `constant`, `polynomial:0.5` (or just `0.5`), `threshold:SLOPE:FREE-COMMITS`. */
export function staleness(text: string): StalenessRule {
  const [kind, first, second] = Number.isFinite(Number(text)) ? ['polynomial', Number(text)] : parts(text);
  const fields = {
    ...(kind === 'polynomial' && { exponent: first }),
    ...(kind === 'threshold' && { slope: first, freeCommits: second }),
  };
  return decoded(
    stalenessSchema,
    { kind, ...fields },
    'constant, polynomial:EXPONENT (0 to 4) or threshold:SLOPE:FREE-COMMITS',
  );
}

function parts(text: string): [string | undefined, ...(number | undefined)[]] {
  const [kind, ...numbers] = text.split(':');
  return [kind, ...numbers.map(Number)];
}

function decoded<Rule>(schema: z.ZodType<Rule>, value: unknown, allowed: string): Rule {
  const rule = schema.safeParse(value);
  if (!rule.success) throw new InvalidArgumentError(`must be ${allowed}.`);
  return rule.data;
}
