// What `imagiq import` says and leaves when it cannot take everything: full disks, killed imports, paths that are not there.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../../src/station/library/database.ts';
import { openLibrary } from '../../../src/station/library/library.ts';
import { dicomFile, sliceElements } from '../../fixtures/dicom-bytes.ts';
import { imagiq, start, temporaryFolder } from './imagiq.ts';

interface Report {
  readonly imported: number;
  readonly refused: number;
}
interface Failure {
  readonly fault: {
    readonly code: number;
    readonly message: string;
    readonly counts: Readonly<Record<string, number>>;
  };
}

function writeSlices(folder: string, count: number, size: number): string {
  mkdirSync(folder, { recursive: true });
  for (let index = 0; index < count; index += 1)
    writeFileSync(
      path.join(folder, `${String(index).padStart(4, '0')}.dcm`),
      dicomFile(sliceElements({ uid: `1.2.3.1.${index}`, size, instanceNumber: index })),
    );
  return folder;
}

function smallDisk(at: string, size: string): boolean {
  mkdirSync(at, { recursive: true });
  try {
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', at], { stdio: 'ignore' });
  } catch {
    return false;
  }
  onTestFinished(() => void execFileSync('/bin/umount', [at]));
  return true;
}

/** Files of the store, relative to the home folder. */
const copiesIn = (home: string): string[] =>
  (existsSync(path.join(home, 'instances'))
    ? readdirSync(path.join(home, 'instances'), { recursive: true, encoding: 'utf8' })
    : []
  )
    .filter((name) => name.endsWith('.dcm'))
    .map((name) => path.join('instances', name))
    .sort();

function indexedIn(home: string): string[] {
  const db = openDatabase(home);
  try {
    return db.prepare<[], string>('SELECT path FROM instances WHERE isCopy = 1 ORDER BY path').pluck().all();
  } finally {
    db.close();
  }
}

describe('an import from the command line', { timeout: 120_000 }, () => {
  test('that fills the disk ends with a fault that counts what is kept and what is not', async (context) => {
    const folder = temporaryFolder();
    const home = path.join(folder, 'home');
    context.skip(!smallDisk(home, '6m'), 'a small disk cannot be mounted here');
    const files = writeSlices(path.join(folder, 'files'), 400, 128);
    const ended = await imagiq('--home', home, '--json', 'import', files, '--mode', 'copy');
    expect(ended.code).toBe(1);
    const { fault } = ended.json<Failure>();
    expect(fault.code).toBe(101);
    const { found = 0, imported = 0, duplicates = 0, refused = 0, notImported = 0 } = fault.counts;
    expect(notImported).toBe(found - imported - duplicates - refused);
    expect(notImported).toBeGreaterThan(0);
    expect(fault.message).toContain(`${imported} imported`);
    const kept = await imagiq('--home', home, '--json', 'studies');
    expect(kept.json<{ studies: { instances: number }[] }>().studies[0]?.instances ?? 0).toBe(imported);
  });

  test('goes on past a path that is not there, says so, and does not end as if all were well', async () => {
    const folder = temporaryFolder();
    const files = writeSlices(path.join(folder, 'files'), 2, 4);
    const gone = path.join(folder, 'gone');
    const ended = await imagiq('--home', path.join(folder, 'home'), '--json', 'import', gone, files);
    expect(ended.json<Report>()).toMatchObject({ imported: 2, refused: 1 });
    expect(ended.stderr).toContain(`${gone}: It cannot be read: it does not exist`);
    expect(ended.code).toBe(1);
    expect((await imagiq('--home', path.join(folder, 'home'), 'import')).code).toBe(2);
  });

  test('of nothing says so and fails', async () => {
    const folder = temporaryFolder();
    mkdirSync(path.join(folder, 'empty'));
    const ended = await imagiq('--home', path.join(folder, 'home'), '--json', 'import', path.join(folder, 'empty'));
    expect(ended.json<Report>()).toMatchObject({ imported: 0, refused: 0 });
    expect(ended.stderr).toContain('Nothing was imported');
    expect(ended.code).toBe(1);
  });

  test('that is killed leaves no copy that the index does not know, once the library opens again', async () => {
    const folder = temporaryFolder();
    const home = path.join(folder, 'home');
    const files = writeSlices(path.join(folder, 'files'), 600, 64);
    const running = start('--home', home, 'import', files, '--mode', 'copy');
    await expect.poll(() => copiesIn(home).length, { timeout: 60_000, interval: 5 }).toBeGreaterThan(0);
    running.process.kill('SIGKILL');
    await running.ended;
    openLibrary({ folder: home }).close();
    const copies = copiesIn(home);
    expect(copies).toEqual(indexedIn(home));
    expect((await imagiq('--home', home, '--json', 'import', files, '--mode', 'copy')).json<Report>()).toMatchObject({
      imported: 600 - copies.length,
    });
    expect(copiesIn(home)).toHaveLength(600);
  });

  test('killed between a copy and its row: that copy goes, indexed ones and what nobody noted stay', async () => {
    const folder = temporaryFolder();
    const home = path.join(folder, 'home');
    const first = await imagiq(
      '--home',
      home,
      'import',
      writeSlices(path.join(folder, 'files'), 3, 4),
      '--mode',
      'copy',
    );
    expect(first).toMatchObject({ code: 0 });
    const [indexed = '', ...others] = copiesIn(home);
    const nameOf = (digit: string): string => path.join('instances', digit.repeat(2), `${digit.repeat(64)}.dcm`);
    for (const name of [nameOf('a'), nameOf('b')]) {
      mkdirSync(path.dirname(path.join(home, name)), { recursive: true });
      writeFileSync(path.join(home, name), 'a copy');
    }
    mkdirSync(path.join(home, 'copying'));
    writeFileSync(
      path.join(home, 'copying', 'thread-9'),
      `${[nameOf('a'), indexed, '../../etc/passwd'].join('\n')}\ninst`,
    );
    openLibrary({ folder: home }).close();
    expect(copiesIn(home)).toEqual([indexed, ...others, nameOf('b')].sort());
    expect(existsSync(path.join(home, 'copying'))).toBe(false);
  });
});
