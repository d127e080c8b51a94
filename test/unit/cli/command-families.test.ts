// Commands are loaded by name: each is found where the list says, and nowhere else.
import { describe, expect, it, test } from 'vitest';
import { commandFamilies, familiesFor, hiddenCommandFamily } from '../../../src/cli/command-families.ts';

describe('the list of commands', { timeout: 60_000 }, () => {
  test.each([...commandFamilies, hiddenCommandFamily])('$names', async ({ names, load }) => {
    expect((await load()).map((command) => command.name())).toEqual(names);
  });

  it('has every command once', () => {
    const all = commandFamilies.flatMap(({ names }) => names);
    expect(new Set(all).size).toBe(all.length);
  });
});

test('the family of the command that is asked for is loaded, else all', () => {
  const names = (...words: string[]): string[] => familiesFor(words).flatMap((family) => family.names);
  const all = names();
  expect(all).toContain('practice-hospital');
  expect(names('--home', 'train', '--json', 'epsilon', '--q', '1')).toEqual(['epsilon']);
  expect(names('--home=x', 'invite', '--data', 'hub')).toEqual(['hub', 'invite']);
  expect(names('--help')).toEqual(all);
  expect(names('help', 'train')).toEqual(all);
  expect(names('trian')).toEqual(all);
});
