// A disk that is full: what is there can still be looked at.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { linkStation } from '../../../src/cli/station-link.ts';

/** A disk of its own, of 8 MB; null where this process may not mount one. */
function smallDisk(): string | null {
  const at = mkdtempSync(path.join(os.tmpdir(), 'imagiq-full-'));
  onTestFinished(() => rmSync(at, { recursive: true, force: true }));
  const disk = path.join(at, 'disk');
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk], { stdio: 'ignore' });
  } catch {
    return null;
  }
  onTestFinished(() => void execFileSync('umount', [disk]));
  return disk;
}

function fill(disk: string): void {
  let part = 0;
  const more = (): void => writeFileSync(path.join(disk, `fill-${(part += 1)}`), Buffer.alloc(64 * 1024));
  expect(() => {
    for (;;) more();
  }).toThrow('ENOSPC');
  expect(statfsSync(disk).bavail).toBe(0);
}

test('a home on a full disk opens and lists what it has; what has to write says that the disk is full', async (context) => {
  const disk = smallDisk();
  if (disk === null) return context.skip('this process may not mount a disk of its own');
  const home = path.join(disk, 'home');
  await (await linkStation({ home })).close();
  fill(disk);
  const station = await linkStation({ home });
  try {
    for (const call of ['about', 'runs', 'models', 'cohorts', 'studies', 'model-evaluations', 'memberships'] as const)
      await expect(station.call(call, {})).resolves.toBeDefined();
    await expect(station.call('set-privacy-budget', { epsilon: 4, delta: 1e-5 })).rejects.toThrow('disk');
  } finally {
    await station.close();
  }
}, 120_000);
