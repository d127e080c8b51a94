import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { openHomeFolder } from '../../../../src/station/home/home-folder.ts';

function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-home-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('a home folder has one owner at a time, and is free again when it is closed', () => {
  const folder = temporaryFolder();
  const first = openHomeFolder(folder);
  expect(() => openHomeFolder(folder)).toThrow(
    expect.objectContaining({ code: 601, message: expect.stringContaining(String(process.pid)) }),
  );
  first.close();
  const second = openHomeFolder(folder);
  expect(second.pseudonymKey).toEqual(first.pseudonymKey);
  second.close();
});

/** A process of its own that opens the folder, keeps nothing of what it got and has its garbage collected. It ends with the test. */
async function ownerOf(folder: string): Promise<ChildProcess> {
  const module = pathToFileURL(path.resolve('src/station/home/home-folder.ts')).href;
  const program = `const { openHomeFolder } = await import(${JSON.stringify(module)});
    openHomeFolder(${JSON.stringify(folder)});
    for (let turn = 0; turn < 3; turn += 1) { globalThis.gc(); await new Promise((resolve) => setTimeout(resolve, 10)); }
    console.log('open'); setInterval(() => {}, 1e6);`;
  const owner = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void owner.kill('SIGKILL'));
  await new Promise((resolve) => owner.stdout.once('data', resolve));
  return owner;
}

test('the lock of a killed process holds nobody up, also where its process number lives on', async () => {
  const folder = temporaryFolder();
  const owner = await ownerOf(folder);
  expect(() => openHomeFolder(folder)).toThrow(expect.objectContaining({ code: 601 }));
  const gone = new Promise((resolve) => owner.once('exit', resolve));
  owner.kill('SIGKILL');
  await gone;
  writeFileSync(path.join(folder, 'home.owner'), '1');
  openHomeFolder(folder).close();
});

test('a folder that cannot be made is refused in plain words', () => {
  const file = path.join(temporaryFolder(), 'notes.txt');
  writeFileSync(file, '');
  const home = path.join(file, 'home');
  const message = `The data folder ${home} cannot be used: a part of its path is no folder. Choose a folder that you may write to.`;
  expect(() => openHomeFolder(home)).toThrow(expect.objectContaining({ code: 602, message }));
});

test('a damaged key is said and left as it is, since another would make every patient a new one', () => {
  const folder = temporaryFolder();
  openHomeFolder(folder).close();
  const key = path.join(folder, 'keys', 'pseudonym.key');
  writeFileSync(key, 'short');
  expect(() => openHomeFolder(folder)).toThrow(expect.objectContaining({ code: 614 }));
  expect(readFileSync(key, 'utf8')).toBe('short');
  // The refused opening holds no lock.
  expect(() => openHomeFolder(folder)).toThrow(expect.objectContaining({ code: 614 }));
});
