import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { trainerEnvironment, trainerFlags } from '../../../src/trainer/process-environment.ts';

test('compiled code is kept in the user’s own folder, unless the parent says where or that it is not', () => {
  const cache = path.join('/users', 'ana', 'cache');
  const own = trainerEnvironment({ XDG_CACHE_HOME: cache, LOCALAPPDATA: cache })['NODE_COMPILE_CACHE'];
  expect(own?.endsWith(path.join('imagiq', 'code'))).toBe(true);
  expect(own?.startsWith(cache)).toBe(process.platform !== 'darwin');
  // One that is empty, or begins nowhere, is none (XDG Base Directory Specification).
  for (const none of ['', 'cache']) {
    const others = trainerEnvironment({ XDG_CACHE_HOME: none, LOCALAPPDATA: none })['NODE_COMPILE_CACHE'];
    expect(path.isAbsolute(others ?? '')).toBe(true);
  }
  expect(trainerEnvironment({ NODE_COMPILE_CACHE: 'elsewhere' })['NODE_COMPILE_CACHE']).toBe('elsewhere');
});

test('the young generation stays small, however many objects go by', () => {
  const script = `
    const kept = [];
    for (let index = 0; index < 3e6; index += 1) kept[index % 5e4] = { index };
    const { space_size } = v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
    console.log(space_size);`;
  const youngBytes = (flags: readonly string[]): number =>
    Number(execFileSync(process.execPath, [...flags, '-e', script], { encoding: 'utf8' }));
  expect(youngBytes(trainerFlags)).toBeLessThanOrEqual(4 * 2 ** 20);
  expect(youngBytes([])).toBeGreaterThan(8 * 2 ** 20);
});
