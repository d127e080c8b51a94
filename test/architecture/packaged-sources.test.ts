// An installed package runs the sources as they are: what they import has to be in it.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const packed = [...readFileSync(path.join(root, 'electron-builder.yml'), 'utf8').matchAll(/^ {2}- src\/(\w+)\/\*\*$/gm)]
  .map(([, folder]) => folder!)
  .toSorted();

test('every folder of sources that a packaged one imports is packaged', () => {
  expect(packed).toContain('station');
  const missing = new Set<string>();
  for (const folder of packed) {
    for (const file of globSync('**/*.ts', { cwd: path.join(root, 'src', folder) })) {
      const text = readFileSync(path.join(root, 'src', folder, file), 'utf8');
      for (const [, imported] of text.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
        const [home] = path
          .relative(path.join(root, 'src'), path.resolve(root, 'src', folder, path.dirname(file), imported!))
          .split(path.sep);
        if (!packed.includes(home!)) missing.add(`${folder} → ${home}`);
      }
    }
  }
  expect([...missing]).toEqual([]);
});
