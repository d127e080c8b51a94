// How long the sites of a scenario train.
import type { Scenario } from './scenario.ts';

/** Gives virtual seconds of a site's next update. */
export function trainingSeconds({ training, sites }: Scenario): (site: number, random: () => number) => number {
  if (training.kind === 'replayed') {
    const lists = training.secondsOfUpdates;
    const turns = new Map<number, number>();
    return (site) => {
      const list = lists[site % lists.length]!;
      const turn = turns.get(site) ?? 0;
      turns.set(site, turn + 1);
      return list[turn % list.length]!;
    };
  }
  const { secondsPerUpdate, speedSpread, jitter } = training;
  return (site, random) => secondsPerUpdate * speedSpread ** (site / (sites - 1)) * (1 + jitter * (2 * random() - 1));
}
