// A disk that is full: what is there can still be looked at.
import { execFileSync } from 'node:child_process';
import { mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { imagiq, temporaryFolder } from './imagiq.ts';

/** A disk of its own, of 8 MB; null where this process may not mount one. */
function smallDisk(): string | null {
  const at = path.join(temporaryFolder(), 'disk');
  mkdirSync(at);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', at], { stdio: 'ignore' });
  } catch {
    return null;
  }
  onTestFinished(() => void execFileSync('umount', [at]));
  return at;
}

function fill(disk: string): void {
  let part = 0;
  const more = (): void => writeFileSync(path.join(disk, `fill-${(part += 1)}`), Buffer.alloc(64 * 1024));
  expect(() => {
    for (;;) more();
  }).toThrow('ENOSPC');
  expect(statfsSync(disk).bavail).toBe(0);
}

test('runs, models, cohorts and studies are listed on a full disk, and what would write says that it is full', async (context) => {
  const disk = smallDisk();
  if (disk === null) return context.skip('this process may not mount a disk of its own');
  const home = ['--home', path.join(disk, 'home')];
  expect((await imagiq(...home, 'status')).code).toBe(0);
  fill(disk);
  for (const looked of [
    ['status'],
    ['runs', 'list'],
    ['models', 'list'],
    ['cohort', 'list'],
    ['studies'],
    ['ledger', 'list'],
  ]) {
    const { code, stderr } = await imagiq(...home, ...looked);
    expect([looked, code, stderr]).toEqual([looked, 0, '']);
  }
  const refused = await imagiq(...home, 'privacy', 'budget', '--epsilon', '4');
  expect(refused.code).not.toBe(0);
}, 120_000);
