// How a project's shared model moves, in sentences for the person who approves it.
import type { Mode } from './federation.ts';

/** Null where the hub keeps the trunk: then its rule says it all. */
export function modeWords(mode: Mode): string[] | null {
  const wait = 'patienceMs' in mode ? `${Math.max(1, Math.round(mode.patienceMs / 1_000))} s` : '';
  switch (mode.kind) {
    case 'trunk':
      return null;
    case 'gossip':
      return [
        `Each site has a shared model of its own and mixes it with those of ${mode.neighbours} neighbours.`,
        `Who is ahead of all neighbours waits for news of them, at most ${wait}.`,
      ];
    case 'cyclic':
      return [
        'One model travels from site to site; each trains it in turn and hands it to all.',
        `Where a site is away, the next one steps in after ${wait}.`,
      ];
    case 'rotating':
      return [
        'In each round all sites train; another site each time averages what they send.',
        `Where that site is away, the next one takes the round after ${wait}. A round needs half of the sites.`,
      ];
  }
}

/** What leaves the hospital by a mode; null where updates go to the hub. */
export function modeLeaves(mode: Mode): string | null {
  if (mode.kind === 'trunk') return null;
  const whom = { gossip: 'your neighbours', cyclic: 'every member', rotating: 'the sites that may average it' }[
    mode.kind
  ];
  return `After each turn the weights that were trained here, whole and not summed up with others: sealed, to ${whom}; the hub cannot read them.`;
}
