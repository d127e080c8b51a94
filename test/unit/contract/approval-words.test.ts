import { describe, expect, it } from 'vitest';
import { leavesWords, rhythmWords } from '../../../src/contract/approval-words.ts';
import { practiceProject } from '../../integration/sync/federation-fixture.ts';

describe('what is read before a project is approved', () => {
  const trunk = practiceProject({ rule: { bufferSize: 2 } });
  const gossip = practiceProject({ mode: { kind: 'gossip', neighbours: 2, patienceMs: 300_000 }, commits: 20 });

  it('speaks of updates and commits where the hub keeps a trunk', () => {
    expect(rhythmWords(trunk)).toContain('here between two updates · trunk moves after every 2 updates · ends after');
    expect(leavesWords(trunk).join('\n')).toMatch(/Model updates.*[^]*With each update: .*validation images/);
  });

  it('calls rounds rounds, of one update too', () => {
    const moves = (rule: object): string => rhythmWords(practiceProject({ rule }));
    expect(moves({ bufferSize: 1 })).toContain('trunk moves after each update (asynchronous) ·');
    expect(moves({ bufferSize: 1, rounds: true })).toContain('trunk moves in rounds, after the first update of each ·');
    expect(moves({ bufferSize: 3, rounds: true })).toContain('trunk moves in rounds, after 3 updates of each ·');
  });

  it('speaks of turns where whole models go from site to site, and of no commit', () => {
    expect(rhythmWords(gossip)).toMatch(/^\d+ epochs? here in a turn · ends after 20 turns$/);
    const words = leavesWords(gossip).join('\n');
    expect(words).toContain('sealed, to your neighbours');
    expect(words).toContain('With each turn: the number of training images, the training loss, and a fingerprint');
    expect(words).not.toMatch(/update|trunk|commit/i);
  });
});
