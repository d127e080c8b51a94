// How much an update counts that was trained from an old trunk. τ = trunk commits made since the version it started from.

/**
 * - constant: 1.
 * - polynomial: (1+τ)^-a (FedBuff, arXiv 2106.06639, with a = 1/2).
 * - threshold: 1 up to b commits, then 1 / (a(τ−b)+1) (the hinge of FedAsync, arXiv 1903.03934).
 */
export type StalenessRule =
  | { readonly kind: 'constant' }
  | { readonly kind: 'polynomial'; readonly exponent: number }
  | { readonly kind: 'threshold'; readonly slope: number; readonly freeCommits: number };

/** s(τ) in (0, 1], for a whole τ ≥ 0; 1 for a fresh update under every rule. */
export function stalenessWeight(rule: StalenessRule, stalenessCommits: number): number {
  if (!Number.isInteger(stalenessCommits) || stalenessCommits < 0) {
    throw new RangeError(`staleness is ${stalenessCommits}, not a whole number of commits`);
  }
  if (rule.kind === 'polynomial') return (1 + stalenessCommits) ** -rule.exponent;
  const excess = rule.kind === 'threshold' ? stalenessCommits - rule.freeCommits : 0;
  return rule.kind === 'constant' || excess <= 0 ? 1 : 1 / (rule.slope * excess + 1);
}
