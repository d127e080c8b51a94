// The tests' own key chain: a login that fails says so, and leaves no process behind.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { keyChainLacks, logIn } from './key-chain.ts';

const lacks = keyChainLacks();

afterEach(() => void vi.unstubAllEnvs());

/** A folder in which programs lie that come before those of the system. */
function withPrograms(programs: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-login-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const first = path.join(folder, 'bin');
  mkdirSync(first);
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(path.join(first, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  vi.stubEnv('PATH', `${first}:${process.env['PATH']}`);
  return folder;
}

test.skipIf(lacks !== null)('a keyring that ends at its start fails the login, and its bus is gone', async () => {
  const folder = withPrograms({
    'dbus-daemon': `echo $$ > "$(dirname "$0")/pid"; PATH="\${PATH#*:}"; exec dbus-daemon "$@"`,
    'gnome-keyring-daemon': 'exit 1',
  });
  await expect(logIn(folder, 'login')).rejects.toThrow('the GNOME keyring does not come');
  const pid = readFileSync(path.join(folder, 'bin', 'pid'), 'utf8').trim();
  expect(pid).toMatch(/^\d+$/);
  expect(existsSync(`/proc/${pid}`)).toBe(false);
});

test.skipIf(lacks !== null)('a bus that ends before it says where it listens fails the login', async () => {
  const folder = withPrograms({ 'dbus-daemon': 'exit 1' });
  await expect(logIn(folder, 'login')).rejects.toThrow('the session bus ended');
});
