import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Output } from '../../../src/cli/output.ts';
import { progressLines } from '../../../src/cli/progress-lines.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** What is shown of a command that has something to say every 100 ms for 25 s. */
function shown(order: Pick<Output, 'isJson' | 'isTerminal'>): {
  readonly lines: string[];
  readonly changing: string[];
} {
  const [lines, changing]: string[][] = [[], []];
  const told = progressLines({
    ...order,
    result: () => {},
    document: () => {},
    log: (line) => lines!.push(line),
    progress: (line) => changing!.push(line),
  });
  for (let tenth = 1; tenth <= 250; tenth += 1) {
    vi.advanceTimersByTime(100);
    told(() => `${tenth / 10} s`);
  }
  return { lines: lines!, changing: changing! };
}

test('a line every ten seconds where nobody sees lines change', () => {
  expect(shown({ isJson: false, isTerminal: false })).toEqual({ lines: ['10 s', '20 s'], changing: [] });
});

test('on a terminal one line that changes, and not more often than can be read', () => {
  const { lines, changing } = shown({ isJson: false, isTerminal: true });
  expect(lines).toEqual([]);
  expect(changing.slice(0, 2)).toEqual(['0.2 s', '0.4 s']);
});

test('nothing beside JSON', () => {
  expect(shown({ isJson: true, isTerminal: true })).toEqual({ lines: [], changing: [] });
});
