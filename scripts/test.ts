// `npm test`: Debian packages where allowed, then every test, under a virtual display when there is no real one.
import { spawnSync } from 'node:child_process';
import { ensureDebianPackages } from './debian-packages.ts';

ensureDebianPackages();
const vitest = ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)];
const hasDisplay = process.platform !== 'linux' || Boolean(process.env['DISPLAY']);
const hasXvfb = spawnSync('which', ['xvfb-run']).status === 0;
const [command, ...commandArguments] =
  hasDisplay || !hasXvfb
    ? [process.execPath, ...vitest]
    : ['xvfb-run', '-a', '-s', '-screen 0 2560x1440x24', process.execPath, ...vitest];
const result = spawnSync(command as string, commandArguments, { stdio: 'inherit' });
process.exit(result.status ?? 1);
