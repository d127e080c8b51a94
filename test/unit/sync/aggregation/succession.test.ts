import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAhead, successionOf } from '../../../../src/sync/aggregation/succession.ts';

const roster = ['oslo', 'lyon', 'quito', 'perth'];

describe('the order of a turn', () => {
  it('is the same for everyone, holds each member once, and gives each the first place in turn', () => {
    const firsts = [0, 1, 2, 3].map((turn) => successionOf(roster, turn, 9)[0]);
    expect(new Set(firsts).size).toBe(4);
    for (let turn = 0; turn < 8; turn += 1) {
      expect(successionOf(roster, turn, 9)).toEqual(successionOf([...roster].reverse(), turn, 9));
      expect([...successionOf(roster, turn, 9)].sort()).toEqual([...roster].sort());
    }
    expect(successionOf([], 3, 1)).toEqual([]);
  });

  it('of two models one is ahead of the other, for all alike: a strict order', () => {
    const made = fc.record({ turn: fc.integer({ min: 0, max: 3 }), by: fc.constantFrom(...roster) });
    fc.assert(
      fc.property(made, made, made, fc.integer({ min: 0, max: 99 }), (a, b, c, seed) => {
        const ahead = (one: typeof a, other: typeof a): boolean => isAhead(one, other, roster, seed);
        expect(ahead(a, a)).toBe(false);
        const isSame = a.turn === b.turn && a.by === b.by;
        expect(isSame || ahead(a, b) === !ahead(b, a)).toBe(true);
        expect(!(ahead(a, b) && ahead(b, c)) || ahead(a, c)).toBe(true);
      }),
    );
  });

  it('a later turn is ahead, and in one turn whoever it was for before who stepped in', () => {
    const [first, second] = successionOf(roster, 5, 0) as [string, string];
    expect(isAhead({ turn: 6, by: second }, { turn: 5, by: first }, roster, 0)).toBe(true);
    expect(isAhead({ turn: 5, by: first }, { turn: 5, by: second }, roster, 0)).toBe(true);
    expect(isAhead({ turn: 5, by: 'gone' }, { turn: 5, by: second }, roster, 0)).toBe(false);
  });
});
