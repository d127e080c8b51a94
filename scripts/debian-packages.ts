// Installs the Debian packages of debian-packages.txt where this machine allows it; says what is missing elsewhere.
import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const list = readFileSync(new URL('./debian-packages.txt', import.meta.url), 'utf8');
const wanted = list
  .split('\n')
  .filter((line) => !line.startsWith('#'))
  .flatMap((line) => line.split(/\s+/))
  .filter(Boolean);

/** Package names that are wanted and not installed here; empty where there is no dpkg to ask. */
function missingPackages(): string[] {
  return wanted.filter((name) => {
    const status = spawnSync('dpkg-query', ['-W', '-f=${Status}', name], { encoding: 'utf8' });
    return !status.error && !status.stdout.includes('install ok installed');
  });
}

/** Installs what is missing when root on Debian. Tests of a package that stays missing skip with their reason. */
export function ensureDebianPackages(): void {
  if (!existsSync('/etc/debian_version')) return;
  const missing = missingPackages();
  if (missing.length === 0) return;
  if (process.geteuid?.() !== 0) {
    console.error(`Not installed (needs root): ${missing.join(' ')}. Tests that need them will be skipped.`);
    return;
  }
  console.error(`Installing Debian packages: ${missing.join(' ')} …`);
  const options: SpawnSyncOptions = {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  spawnSync('apt-get', ['update', '-qq'], options);
  const result = spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], options);
  if (result.status !== 0) console.error('apt-get install failed; tests that need these packages will be skipped.');
}
