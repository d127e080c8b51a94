// The import fence holds: for each forbidden direction, a planted file is refused by the same lint that `npm run check` runs.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const planted: string[] = [];

afterEach(() => {
  for (const file of planted.splice(0)) rmSync(file, { force: true });
});

function lintOf(folder: string, source: string, name = 'planted-by-a-test.ts'): string {
  const file = path.join(root, folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, source);
  planted.push(file);
  const result = spawnSync(process.execPath, [path.join(root, 'node_modules/.bin/oxlint'), '--quiet', file], {
    cwd: root,
    encoding: 'utf8',
  });
  return `${result.status}\n${result.stdout}`;
}

describe('the import directions', () => {
  test.each([
    ['src/sync/site', "import type { Study } from '../../contract/dicom.ts';", 'never dicom.ts'],
    ['src/sync/hub', "import type { Cohort } from '../../contract/cohort.ts';", 'never dicom.ts'],
    ['src/sync/protocol', "import type { Study } from '../../contract/dicom.ts';", 'never dicom.ts'],
    ['src/sync/aggregation', "import type { Cohort } from '../../contract/cohort.ts';", 'never dicom.ts'],
    ['src/sync/simulation', "import type { Study } from '../../contract/dicom.ts';", 'never dicom.ts'],
    ['src/ledger', "import { openStation } from '../station/open-station.ts';", 'ledger/ imports'],
    ['src/ledger', "import type { Study } from '../contract/dicom.ts';", 'ledger/ imports'],
    ['src/renderer/ledger', "import { openFileLedger } from '../../ledger/file-ledger.ts';", 'renderer/ imports'],
    ['src/console', "import type { Study } from '../contract/dicom.ts';", 'console/ imports'],
    ['src/console', "import { openHub } from '../sync/hub/hub.ts';", 'console/ imports'],
    ['src/console', "import { useWindow } from '../renderer/context.ts';", 'console/ imports'],
    ['src/trainer', "import { openFileLedger } from '../ledger/file-ledger.ts';", 'trainer/ imports'],
    ['src/sync/site', "import { openStation } from '../../station/open-station.ts';", 'Federation code'],
    ['src/main', "import { openStation } from '../station/open-station.ts';", 'main/ imports'],
    ['src/renderer', "import { openStation } from '../station/open-station.ts';", 'renderer/ imports'],
    ['src/renderer', "import { app } from 'electron';", 'renderer/ imports'],
    ['src/trainer', "import { openStation } from '../station/open-station.ts';", 'trainer/ imports'],
    ['src/station', "import { openHub } from '../sync/hub/hub.ts';", 'station/ imports'],
    ['src/station', "import ort from 'onnxruntime-node';", 'station/ imports'],
    ['src/contract', "import { openHub } from '../sync/hub/hub.ts';", 'contract/ imports'],
    ['src/cli', "import { metricsOf } from '../trainer/client.ts';", 'cli/ imports'],
  ])('%s refuses %s', (folder, source, sentence) => {
    const report = lintOf(folder, `${source}\n`);
    expect(report).toContain(sentence);
    expect(report.startsWith('0')).toBe(false);
  });

  test('a permitted import passes', () => {
    expect(lintOf('src/console', "export { count } from '../renderer/ui/format.ts';\n").startsWith('0')).toBe(true);
    expect(lintOf('src/sync/site', "export { Fault } from '../../contract/fault.ts';\n").startsWith('0')).toBe(true);
  });
});
