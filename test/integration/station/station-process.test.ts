// The station's process as the shell starts it, and its door for `imagiq`.
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type FromStation, fromStationSchema } from '../../../src/contract/calls.ts';
import { connectLocalStation } from '../../../src/station/local-socket.ts';
import { writePracticeStudies } from '../../../src/station/practice/practice-studies.ts';
import { imagiq } from '../cli/imagiq.ts';

function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-station-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** Starts a station; resolves with the message that says that it is open: the library's. */
async function startStation(home: string): Promise<{ child: ChildProcess; gone: Promise<number | null> }> {
  const child = fork(path.resolve('src/station/station.ts'), ['--home', home], {
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const gone = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await heard(child, (message) => 'event' in message && message.event === 'library-changed');
  return { child, gone };
}

/** Resolves with the first message from the station for which `wanted` holds. */
function heard(child: ChildProcess, wanted: (message: FromStation) => boolean): Promise<FromStation> {
  return new Promise((resolve) => {
    const hear = (raw: unknown): void => {
      const message = fromStationSchema.parse(raw);
      if (!wanted(message)) return;
      child.off('message', hear);
      resolve(message);
    };
    child.on('message', hear);
  });
}

test.each([
  ['short', 'home'],
  ['too long for a socket', path.join('hospital'.repeat(8), 'radiology'.repeat(6), 'home')],
])(
  'imagiq works while the app has the home folder open (path %s)',
  async (_which, name) => {
    const home = path.join(temporaryFolder(), name);
    const { child, gone } = await startStation(home);
    expect(statSync(home).mode & 0o077).toBe(0);
    const studies = await imagiq('--home', home, '--json', 'studies');
    expect(studies.stderr).toBe('');
    expect(studies.json()).toEqual({ total: 0, studies: [] });

    const heard: string[] = [];
    const link = await connectLocalStation(home, (event) => heard.push(event));
    await expect(link.call('import-paths', { paths: ['/no/such/folder'], mode: 'reference' })).rejects.toThrow(
      '/no/such',
    );
    expect(heard).toContain('library-changed');
    child.disconnect();
    expect(await gone).toBe(0);
    await expect(link.call('about', {})).rejects.toMatchObject({ code: 611 });
    await expect(connectLocalStation(home, () => {})).rejects.toMatchObject({ code: 611 });
  },
  30_000,
);

test('a station goes on after Ctrl+C in the terminal and ends when its parent is gone', async () => {
  const { child, gone } = await startStation(path.join(temporaryFolder(), 'home'));
  child.kill('SIGINT');
  const answered = heard(child, (message) => 'id' in message);
  child.send({ id: 7, call: 'runs', arguments: {} });
  expect(await answered).toMatchObject({ id: 7, value: { runs: [] } });
  child.disconnect();
  expect(await gone).toBe(0);
}, 30_000);

test('a run that trains while the app is closed is paused with its checkpoint, not lost', async () => {
  const folder = temporaryFolder();
  const home = path.join(folder, 'home');
  const studies = path.join(folder, 'studies');
  const { labelsFile } = await writePracticeStudies({ site: 1, folder: studies, patients: 8 });
  const { child, gone } = await startStation(home);
  const link = await connectLocalStation(home, () => {});
  await link.call('import-paths', { paths: [studies] });
  await link.call('create-cohort', { name: 'chest', labelsFile });
  await link.call('start-run', { cohort: 'chest', network: 'cnn-small', hyperParameters: { epochs: 5_000 } });
  const [run = ''] = readdirSync(path.join(home, 'runs'));
  const record = (): string => readFileSync(path.join(home, 'runs', run, 'run.json'), 'utf8');
  await vi.waitFor(() => expect(/"epoch":[1-9]/.test(record())).toBe(true), { timeout: 30_000, interval: 100 });
  child.disconnect();
  expect(await gone).toBe(0);
  expect(JSON.parse(record())).toMatchObject({ run: { state: 'paused', fault: null } });
  expect(readdirSync(path.join(home, 'runs', run)).length).toBeGreaterThan(1);
}, 60_000);
