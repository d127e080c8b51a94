import { describe, expect, test } from 'vitest';
import { successionOf } from '../../../../src/sync/aggregation/succession.ts';
import { believedAfterMs } from '../../../../src/sync/aggregation/turn-claim.ts';

const rule = { roster: ['a', 'b', 'c', 'd'], seed: 0, patienceMs: 100, places: 3, turns: 40 };
const claim = (turn: number, by: string, followsAnother: boolean) => ({ turn, by, followsAnother });

describe('a claimed turn', () => {
  test('is believed at once of whoever is first in its order, later of who steps in, and never of one who may not', () => {
    const [first, second, third, fourth] = successionOf(rule.roster, 6, rule.seed);
    const after = [first, second, third, fourth].map((by) => believedAfterMs(claim(7, by!, true), 6, rule));
    expect(after).toEqual([0, 100, 200, null]);
    expect(believedAfterMs(claim(7, 'stranger', true), 6, rule)).toBeNull();
  });

  test('beyond the project’s last is none', () => {
    const [first] = successionOf(rule.roster, 40, rule.seed);
    expect(believedAfterMs(claim(41, first!, true), 40, rule)).toBeNull();
  });

  test('far ahead by one member’s word alone is believed when all others could have been away for so long', () => {
    const by = successionOf(rule.roster, 29, rule.seed)[0]!;
    const alone = believedAfterMs(claim(30, by, false), 6, rule);
    // Of 24 turns it would have been at each of the four places six times.
    expect(alone).toBe(6 * (0 + 1 + 2 + 3) * 100);
    expect(believedAfterMs(claim(30, by, true), 6, rule)).toBe(0);
  });

  test('of the turn that a site is at waits for nothing: the order says which stands', () => {
    const [first, second] = successionOf(rule.roster, 5, rule.seed);
    expect([first, second].map((by) => believedAfterMs(claim(6, by!, false), 6, rule))).toEqual([0, 0]);
  });
});
