import path from 'node:path';
import { expect, test } from 'vitest';
import { trainerEnvironment } from '../../../src/trainer/process-environment.ts';

test('compiled code is kept in the user’s own folder, unless the parent says where or that it is not', () => {
  const cache = path.join('/users', 'ana', 'cache');
  const own = trainerEnvironment({ XDG_CACHE_HOME: cache, LOCALAPPDATA: cache })['NODE_COMPILE_CACHE'];
  expect(own?.endsWith(path.join('imagiq', 'code'))).toBe(true);
  expect(own?.startsWith(cache)).toBe(process.platform !== 'darwin');
  expect(trainerEnvironment({ NODE_COMPILE_CACHE: 'elsewhere' })['NODE_COMPILE_CACHE']).toBe('elsewhere');
});
