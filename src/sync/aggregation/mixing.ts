// Averaging without a centre: who mixes with whom on a partial mesh, and by how much. Every matrix here is symmetric and doubly
// stochastic, so that a round that all take part in conserves the mean, and differences shrink at its second eigenvalue
// (D-PSGD, arXiv 1705.09056; AD-PSGD for the pairwise form, arXiv 1710.06952).
import { weightedSum } from './weighted-sum.ts';
import type { Weights } from './weights.ts';

/**
 * A member's neighbours on a mesh that everyone works out alike from the roster: the sorted members stand in a ring, and each is
 * joined to the nearest `neighbours` of them, half on either side. An odd number is taken as the next even one; where there are no
 * more members than that, all are joined to all.
 */
export function neighboursOf(roster: readonly string[], member: string, neighbours: number): string[] {
  const ring = [...new Set(roster)].sort();
  const at = ring.indexOf(member);
  const reach = Math.ceil(neighbours / 2);
  if (at === -1) return [];
  if (2 * reach >= ring.length - 1) return ring.filter((other) => other !== member);
  const offsets = Array.from({ length: reach }, (_, index) => index + 1);
  return offsets.flatMap((offset) => [
    ring[(at + offset) % ring.length]!,
    ring[(at - offset + ring.length) % ring.length]!,
  ]);
}

/** Metropolis–Hastings: what a neighbour's weights count, each end having so many neighbours. The rest stays with the own. */
export function metropolisShare(ownNeighbours: number, otherNeighbours: number): number {
  return 1 / (1 + Math.max(ownNeighbours, otherNeighbours));
}

/**
 * `own + Σ share × (other − own)`. Shares are at least 0 and add up to at most 1. The order of the others does not show in a single bit.
 * @throws RangeError for other shares, or weights of another layout.
 */
export function mixed(own: Weights, others: readonly { readonly weights: Weights; readonly share: number }[]): Weights {
  const kept = 1 - others.reduce((sum, { share }) => sum + share, 0);
  if (others.some(({ share }) => !(share >= 0)) || kept < -1e-9) throw new RangeError('shares are parts of one whole');
  return weightedSum([
    { weights: own, factor: Math.max(0, kept) },
    ...others.map(({ weights, share }) => ({ weights, factor: share })),
  ]);
}

/** The mean of several weights, each counting by its examples; the first gives the layout. */
export function weightedMean(parts: readonly { readonly weights: Weights; readonly examples: number }[]): Weights {
  const total = parts.reduce((sum, { examples }) => sum + examples, 0);
  if (!(total > 0)) throw new RangeError('a mean needs weights that count');
  return weightedSum(parts.map(({ weights, examples }) => ({ weights, factor: examples / total })));
}
