// Whether a commit is due, and of which updates.
import type { TrunkRule } from '../../contract/federation.ts';
import { isRobust } from './unusable-trunk-rule.ts';

export interface WaitingUpdate {
  readonly site: string;
  /** ISO 8601. */
  readonly acceptedAt: string;
}

export type NextCommit<Update> =
  | { readonly updates: readonly Update[] }
  /** Not due yet; `dueAt` is when the deadline ends (ms since 1970), null without one. */
  | { readonly updates: null; readonly dueAt: number | null };

/**
 * The mean counts updates: the first K. A rule that stands liars counts sites: everything of the first K sites, which it averages
 * per site, so that neither a quick site's updates pile up nor it gets more than one voice.
 * @param buffered in the order of their acceptance.
 */
export function nextCommit<Update extends WaitingUpdate>(
  buffered: readonly Update[],
  rule: Pick<TrunkRule, 'combination' | 'bufferSize' | 'deadlineMs' | 'quorum'>,
  now: number,
): NextCommit<Update> {
  const oldest = buffered[0];
  if (oldest === undefined) return { updates: null, dueAt: null };
  const sites = [...new Set(buffered.map(({ site }) => site))];
  const counted = isRobust(rule) ? sites.length : buffered.length;
  const dueAt = rule.deadlineMs === null ? null : Date.parse(oldest.acceptedAt) + rule.deadlineMs;
  const isDue = dueAt !== null && dueAt <= now && counted >= rule.quorum;
  if (counted < rule.bufferSize && !isDue) return { updates: null, dueAt };
  if (!isRobust(rule)) return { updates: buffered.slice(0, rule.bufferSize) };
  const first = new Set(sites.slice(0, rule.bufferSize));
  return { updates: buffered.filter(({ site }) => first.has(site)) };
}
