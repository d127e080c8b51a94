// Which models of a bench that draw masks vote together: the best by Dice, and one more at a time for as long as the Dice of the mean of
// their probabilities grows on this site's own validation images (Caruana et al. 2004, 10.1145/1015330.1015432). What a model says of every
// pixel is too much to be kept as predictions of whole images are, so each vote is measured anew, and only among the best few.
import { Fault } from '../../contract/fault.ts';
import type { Project } from '../../contract/federation.ts';
import type { Metrics } from '../../contract/metrics.ts';
import { voterOf } from './bench-voter.ts';
import type { MembershipDesk } from './membership-desk.ts';
import type { BenchCandidate } from './membership-file.ts';

/** Models that are tried together: up to sixteen passes through the validation images for a choice. */
const mostTried = 4;

export interface MaskVotes {
  /** How several do together; null where they cannot vote: masks of other sizes, or too many to be summed. */
  of(voters: readonly BenchCandidate[], project: Project, cohort: string): Promise<Metrics | null>;
  /** The images are others. */
  clear(): void;
}

/** Votes as they are measured, remembered until one of their models is gone from the bench. */
export function openMaskVotes(desk: MembershipDesk): MaskVotes {
  let measured = new Map<string, Metrics | null>();
  const keyOf = (voters: readonly BenchCandidate[]): string =>
    voters
      .map(({ model }) => model)
      .toSorted()
      .join(' ');
  const sweep = (): void => {
    const here = new Set(desk.state.candidates.map(({ model }) => model));
    for (const key of measured.keys()) if (!key.split(' ').every((model) => here.has(model))) measured.delete(key);
  };
  return {
    async of(voters, project, cohort) {
      if (voters.length === 1) return voters[0]!.metrics;
      const key = keyOf(voters);
      // A vote that is under way when the images change is kept nowhere.
      const kept = measured;
      const known = kept.get(key);
      if (known !== undefined) return known;
      const [first, ...others] = await Promise.all(voters.map((voter) => voterOf(voter, desk)));
      const order = { project, cohort, split: 'validation', ...first!, others } as const;
      const metrics = await desk.work.evaluate(order).then((evaluation) => evaluation.metrics, asNone);
      sweep();
      kept.set(key, metrics);
      return metrics;
    },
    clear() {
      measured = new Map();
    },
  };
}

/** What fails for good fails for these models only: the others may vote. */
function asNone(thrown: unknown): null {
  if (thrown instanceof Fault && thrown.retry === 'never') return null;
  throw thrown;
}

export const diceOf = (metrics: Metrics | null): number => metrics?.dice?.value ?? 0;

/**
 * The best by itself, or with others that make it better.
 * @param voted how several do together; null where they cannot vote
 * @returns `tried`: those among which was chosen
 */
export async function climbedByDice(
  candidates: readonly BenchCandidate[],
  project: Project,
  voted: (voters: readonly BenchCandidate[]) => Promise<Metrics | null>,
): Promise<{
  readonly chosen: readonly BenchCandidate[];
  readonly reached: number;
  readonly tried: readonly BenchCandidate[];
}> {
  const ranked = candidates.toSorted((a, b) => diceOf(b.metrics) - diceOf(a.metrics));
  const best = ranked[0]!;
  const grid = ({ definition }: BenchCandidate): string => {
    const { height, width } = (definition ?? project.network).input;
    return `${height} × ${width}`;
  };
  // Masks are averaged pixel by pixel.
  const tried = ranked.filter((one) => grid(one) === grid(best)).slice(0, mostTried);
  let chosen: readonly BenchCandidate[] = [best];
  let reached = diceOf(best.metrics);
  for (;;) {
    const before = chosen;
    for (const one of tried.filter((candidate) => !before.includes(candidate))) {
      const dice = diceOf(await voted([...before, one]));
      if (dice > reached) [chosen, reached] = [[...before, one], dice];
    }
    if (chosen === before) return { chosen, reached, tried };
  }
}
