import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type DemoResult, demoResultSchema } from '../../../src/cli/report/demo-result.ts';
import { imagiq, temporaryFolder } from './imagiq.ts';

test('the practice federation runs from nothing to a compared model and a report', async () => {
  const folder = temporaryFolder();
  const report = path.join(folder, 'report.html');
  const ended = await imagiq(
    '--json',
    'demo',
    '--commits',
    '3',
    '--folder',
    path.join(folder, 'federation'),
    '--report',
    report,
  );
  const result = demoResultSchema.parse(ended.json<DemoResult>());
  // Three commits are too few to promise a better trunk; the exit code says honestly whether it was.
  expect(ended.code).toBe(result.passed ? 0 : 1);
  expect(result.sites.map(({ name }) => name)).toEqual(['lyon', 'oslo', 'quito', 'kyoto']);
  expect(result.pooled.rows.map(({ model }) => model)).toEqual([
    ...Array<string>(4).fill('local-only'),
    'trunk',
    ...Array<string>(4).fill('ensemble'),
    'central',
  ]);
  expect(result.sites.reduce((sum, { updates }) => sum + updates, 0)).toBeGreaterThanOrEqual(6);
  expect(readFileSync(report, 'utf8')).toContain('<svg');
}, 420_000);
