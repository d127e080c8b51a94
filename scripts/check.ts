// `npm run check`: everything that must hold before a commit, each named; all are run even after a failure.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const bin = (name: string): string => `node_modules/.bin/${name}`;
const checks: [title: string, command: string, ...rest: string[]][] = [
  ['format', bin('oxfmt'), '--check'],
  ['lint and import directions', bin('oxlint'), '--deny-warnings', '--type-aware'],
  ['types (node)', process.execPath, 'node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'],
];
if (existsSync('src/main/tsconfig.json')) {
  checks.push(['types (main)', process.execPath, 'node_modules/typescript/bin/tsc', '-p', 'src/main/tsconfig.json']);
}
if (existsSync('src/renderer/tsconfig.json')) {
  checks.push([
    'types (renderer)',
    bin('svelte-check'),
    '--tsconfig',
    'src/renderer/tsconfig.json',
    '--fail-on-warnings',
  ]);
}
checks.push(['types (console)', bin('svelte-check'), '--tsconfig', 'src/console/tsconfig.json', '--fail-on-warnings']);
checks.push(['unused code', bin('knip')]);

let failed = 0;
for (const [title, command, ...rest] of checks) {
  const started = performance.now();
  const result = spawnSync(command, rest, { encoding: 'utf8', maxBuffer: 1 << 26 });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const ok = result.status === 0;
  console.log(`${ok ? '✓' : '✗'} ${title} (${seconds} s)`);
  if (!ok) {
    failed += 1;
    console.log(`${result.stdout ?? ''}${result.stderr ?? ''}${result.error ?? ''}`);
  }
}
console.log(failed === 0 ? 'All checks passed.' : `${failed} of ${checks.length} checks failed.`);
process.exit(failed === 0 ? 0 : 1);
