// A fault's code names one fault: people search for it, and programs decide by it.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const src = path.resolve(import.meta.dirname, '../../src');

test('no code stands in two places of the fault tables', () => {
  const tables = globSync(['**/*faults.ts', 'cli/**/*.ts'], { cwd: src });
  expect(tables.length).toBeGreaterThan(10);
  const places = new Map<string, string[]>();
  for (const table of tables) {
    const text = readFileSync(path.join(src, table), 'utf8');
    for (const [, code] of text.matchAll(/(?:\bcode:\s*|\bconst \w*Code = |\b(?:never|later|now)\(\s*)(\d{3})\b/g)) {
      places.set(code!, [...(places.get(code!) ?? []), table]);
    }
  }
  expect(places.size).toBeGreaterThan(200);
  expect([...places].filter(([, tablesOfCode]) => tablesOfCode.length > 1)).toEqual([]);
});
