// The station's process as the shell starts it, and its door for `imagiq`.
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type FromStation, fromStationSchema } from '../../../src/contract/calls.ts';
import type { KeyChainNews } from '../../../src/contract/key-chain.ts';
import { connectLocalStation } from '../../../src/station/local-socket.ts';
import { writePracticeStudies } from '../../../src/station/practice/practice-studies.ts';
import { imagiq } from '../cli/imagiq.ts';

function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-station-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** Starts a station; resolves with the message that says that it is open: the library's. */
async function startStation(
  home: string,
  keyChain: KeyChainNews = { sealingKey: null, fault: null },
): Promise<{ child: ChildProcess; gone: Promise<number | null> }> {
  const child = fork(path.resolve('src/station/station.ts'), ['--home', home], {
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  child.send({ keyChain });
  const gone = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await heard(child, (message) => 'fault' in message || ('event' in message && message.event === 'library-changed'));
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

test('a station that cannot be opened says why and ends, though it listened for peers by then', async () => {
  const home = path.join(temporaryFolder(), 'home');
  mkdirSync(path.join(home, 'federations'), { recursive: true });
  const listening = { isOn: true, port: 0, address: '127.0.0.1' };
  writeFileSync(path.join(home, 'federations', 'listening.json'), JSON.stringify(listening));
  writeFileSync(path.join(home, 'peers.json'), '{ damaged');
  const { gone } = await startStation(home);
  expect(await gone).toBe(1);
}, 30_000);

test('a station goes on after Ctrl+C in the terminal and ends when its parent is gone', async () => {
  const { child, gone } = await startStation(path.join(temporaryFolder(), 'home'));
  child.kill('SIGINT');
  const answered = heard(child, (message) => 'id' in message);
  child.send({ id: 7, call: 'runs', arguments: {} });
  expect(await answered).toMatchObject({ id: 7, value: { runs: [] } });
  child.disconnect();
  expect(await gone).toBe(0);
}, 30_000);

test('sealed keys: imagiq works through the app, and without it refuses by name, changing nothing', async () => {
  const home = path.join(temporaryFolder(), 'home');
  const keys = path.join(home, 'federations', 'keys', 'device-keys');
  const sealing = { key: randomBytes(32), sealedKey: Buffer.from('as the key chain has it') };
  const order = async (child: ChildProcess, seal: typeof sealing | null): Promise<FromStation> => {
    const answered = heard(child, (message) => 'id' in message);
    child.send({ id: 5, sealing: seal });
    return answered;
  };

  const first = await startStation(home);
  expect((await imagiq('--home', home, '--json', 'status')).json()).toMatchObject({ keysSealed: false });
  const plain = readFileSync(keys, 'utf8');
  expect(await order(first.child, sealing)).toMatchObject({ id: 5, value: { isSealed: true } });
  expect((await imagiq('--home', home, '--json', 'status')).json()).toMatchObject({ keysSealed: true });
  first.child.disconnect();
  await first.gone;

  const sealed = readFileSync(keys);
  expect(sealed.includes('PRIVATE KEY')).toBe(false);
  const refused = await imagiq('--home', home, 'studies');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('sealed by the system’s key chain');
  expect(refused.stderr).toContain('Start the app');
  expect((await imagiq('--home', home, '--json', 'status')).json()).toMatchObject({ fault: { code: 695 } });

  // A key chain that does not open: the station says what the shell said of it, and ends.
  const fault = { code: 704, message: 'It is locked.', retry: 'later' } as const;
  const told = await startStation(home, { sealingKey: null, fault });
  expect(await told.gone).toBe(1);
  const wrong = await startStation(home, { sealingKey: randomBytes(32), fault: null });
  expect(await wrong.gone).toBe(1);
  expect(readFileSync(keys)).toEqual(sealed);

  const second = await startStation(home, { sealingKey: sealing.key, fault: null });
  expect((await imagiq('--home', home, '--json', 'status')).json()).toMatchObject({ keysSealed: true });
  expect(await order(second.child, null)).toMatchObject({ id: 5, value: { isSealed: false } });
  second.child.disconnect();
  await second.gone;
  expect(readFileSync(keys, 'utf8')).toBe(plain);
  const after = await imagiq('--home', home, '--json', 'ledger', 'list');
  expect(after.stdout).toContain('keys-sealed');
  expect(after.stdout).toContain('keys-unsealed');
}, 120_000);

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
