import { expect, it } from 'vitest';
import type { Mode } from '../../../../src/contract/federation.ts';
import { undelivered } from '../../../../src/sync/site/undelivered.ts';

const gossip: Mode = { kind: 'gossip', neighbours: 2, patienceMs: 1_000 };
const turnOf = (author: string, branch: string, turn: number) => ({
  model: `${author}-${turn}`,
  author,
  site: author,
  branch,
  turn,
  parents: [],
  at: '2026-11-29T11:00:00.000Z',
});
const stateOf = (mode: Mode, branch: string) => ({
  project: { project: { mode, commits: 3 } },
  lineage: [turnOf('oslo', branch, 3), turnOf('quito', branch, 2)],
});

it('in gossip a peer that has made its last turn is not waited for', () => {
  expect(undelivered(stateOf(gossip, 'gossip'), ['oslo', 'quito', 'perth'])).toEqual(['quito', 'perth']);
  expect(undelivered({ project: null, lineage: [] }, ['oslo'])).toEqual(['oslo']);
});

it('where there is one shared model, everybody needs its last turn', () => {
  const awaiting = ['oslo', 'quito'];
  expect(undelivered(stateOf({ kind: 'cyclic', patienceMs: 1_000 }, 'chain'), awaiting)).toEqual(awaiting);
});
