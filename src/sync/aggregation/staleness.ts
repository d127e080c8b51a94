// How much an update counts that was trained from an old trunk. τ = trunk commits made since the version it started from.
// polynomial: FedBuff (arXiv 2106.06639) with exponent 1/2. threshold: the hinge of FedAsync (arXiv 1903.03934).
import type { StalenessRule } from '../../contract/federation.ts';

/** s(τ) in (0, 1], for a whole τ ≥ 0; 1 for a fresh update under every rule. */
export function stalenessWeight(rule: StalenessRule, stalenessCommits: number): number {
  if (!Number.isInteger(stalenessCommits) || stalenessCommits < 0) {
    throw new RangeError(`staleness is ${stalenessCommits}, not a whole number of commits`);
  }
  if (rule.kind === 'polynomial') return (1 + stalenessCommits) ** -rule.exponent;
  const excess = rule.kind === 'threshold' ? stalenessCommits - rule.freeCommits : 0;
  return rule.kind === 'constant' || excess <= 0 ? 1 : 1 / (rule.slope * excess + 1);
}
