// Whether a commit is due, and of which updates.
import type { Project, SitesAwaited, TrunkRule } from '../../contract/federation.ts';
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
 * @param fewestSites different sites without which there is no commit, deadline or not.
 */
export function nextCommit<Update extends WaitingUpdate>(
  buffered: readonly Update[],
  rule: Pick<TrunkRule, 'combination' | 'bufferSize' | 'deadlineMs' | 'quorum'>,
  now: number,
  fewestSites = 1,
): NextCommit<Update> {
  const oldest = buffered[0];
  if (oldest === undefined) return { updates: null, dueAt: null };
  const sites = [...new Set(buffered.map(({ site }) => site))];
  const counted = isRobust(rule) ? sites.length : buffered.length;
  const dueAt = rule.deadlineMs === null ? null : Date.parse(oldest.acceptedAt) + rule.deadlineMs;
  const isDue = dueAt !== null && dueAt <= now && counted >= rule.quorum;
  if ((counted < rule.bufferSize && !isDue) || sites.length < fewestSites) return { updates: null, dueAt };
  if (!isRobust(rule)) return { updates: buffered.slice(0, rule.bufferSize) };
  const first = new Set(sites.slice(0, rule.bufferSize));
  return { updates: buffered.filter(({ site }) => first.has(site)) };
}

/** Different sites without which there is no commit: those of a project that has none yet. */
export function fewestSites({ sitesToStart }: Pick<Project, 'sitesToStart'>, trunkVersion: number): number {
  return trunkVersion === 0 ? sitesToStart : 1;
}

/** What a project's first commit still waits for; null when enough sites have delivered, or nothing is counted here in the open. */
export function sitesAwaited(
  { project, trunkVersion }: { readonly project: Project; readonly trunkVersion: number },
  buffered: readonly Pick<WaitingUpdate, 'site'>[],
): SitesAwaited | null {
  if (project.secureAggregation !== null || project.mode.kind !== 'trunk') return null;
  const needed = fewestSites(project, trunkVersion);
  const delivered = new Set(buffered.map(({ site }) => site)).size;
  return needed > 1 && delivered < needed ? { needed, delivered } : null;
}
