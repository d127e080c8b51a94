import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, it } from 'vitest';
import { cloneBenches } from '../../../src/cli/clone-bench.ts';

const script = path.resolve(import.meta.dirname, '../../../scripts/bench.ts');

it('each bench that the command line names is one of the clone’s', () => {
  const { status, stderr } = spawnSync(process.execPath, [script, 'none', '--json'], { encoding: 'utf8' });
  expect(status).toBe(2);
  const known = /Known: (.*)\./.exec(stderr)?.[1]?.split(', ') ?? [];
  expect(known).toEqual(expect.arrayContaining(Object.keys(cloneBenches)));
});

it('figures in JSON are those of one bench', () => {
  expect(spawnSync(process.execPath, [script, '--json'], { encoding: 'utf8' })).toMatchObject({
    status: 2,
    stdout: '',
  });
});
