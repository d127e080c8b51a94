// Reconnection: full jitter, so that a hub's restart does not bring all sites back in the same second.
import { wireLimits } from './limits.ts';

/** Milliseconds to wait before attempt `attempt` (0 first): the first is quick, later ones random up to a doubling ceiling. */
export function retryDelayMs(attempt: number, random: () => number): number {
  if (attempt === 0) return Math.round(random() * wireLimits.firstRetryMs);
  const ceiling = Math.min(wireLimits.retryToMs, wireLimits.retryFromMs * 2 ** Math.min(attempt - 1, 10));
  return Math.round(random() * ceiling);
}
