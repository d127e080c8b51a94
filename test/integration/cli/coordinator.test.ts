// What a coordinator is told, and what a refusal leaves behind: nothing.
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { imagiq, start, temporaryFolder } from './imagiq.ts';

interface Refusal {
  readonly fault: { readonly code: number; readonly message: string; readonly retry: string };
}

async function takenPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as { port: number }).port;
}

test('a hub that is refused, and a join with a cut-off invite, leave no folder behind', async () => {
  const folder = temporaryFolder();
  const data = path.join(folder, 'hub');
  const project = path.join(folder, 'project.json');
  writeFileSync(project, JSON.stringify({ network: 'cnn-small', classes: ['a', 'b'], commits: 0 }));
  const hub = ['--json', 'hub', '--data', data];
  const port = ['--port', String(await takenPort())];
  for (const [flags, code] of [
    [port, 521],
    [['--port', '0', '--host', '192.0.2.1'], 523],
    [['--port', '0', '--public-url', 'ws://hub.example.org'], 526],
    [['--port', '0', '--project', project], 803],
  ] as const) {
    const refused = await imagiq(...hub, ...flags);
    expect([refused.json<Refusal>().fault.code, existsSync(data)]).toEqual([code, false]);
  }
  const elsewhere = await imagiq('hub', '--data', data, '--port', '0', '--host', '192.0.2.1');
  expect(elsewhere.stderr).toContain('The hub cannot listen: 192.0.2.1 is no address of this machine.');
  const home = path.join(folder, 'home');
  const joined = await imagiq('--home', home, '--json', 'join', 'imagiq://join/eyJ2ZXJzaW9uIjoxLCJ1cmwi');
  expect([joined.json<Refusal>().fault.code, existsSync(home)]).toEqual([412, false]);
}, 120_000);

test('a second hub on the folder of one that runs hears of the folder, whatever port it asks for', async () => {
  const data = path.join(temporaryFolder(), 'hub');
  const hub = start('--json', 'hub', '--data', data, '--port', '0');
  const { port } = JSON.parse(await hub.firstLine) as { port: number };
  for (const asked of [port, 0]) {
    const refused = await imagiq('hub', '--data', data, '--port', String(asked));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`A hub runs on the data folder ${data} already`);
  }
}, 60_000);

test('a mode that is none is told in words, by option and by file', async () => {
  const folder = temporaryFolder();
  const [data, project] = [path.join(folder, 'hub'), path.join(folder, 'project.json')];
  const hub = ['hub', '--data', data, '--port', '0'];
  const withMode = (mode: string) => imagiq(...hub, '--network', 'cnn-small', '--classes', 'a,b', '--mode', mode);
  expect((await withMode('gossip:0')).stderr).toContain('a whole number from 1 to 100, such as gossip:2');
  expect((await withMode('cyclic:3')).stderr).toContain('cyclic takes nothing after it');
  const fields = { id: 'chest', title: 'Chest', network: 'cnn-small', classes: ['a', 'b'], commits: 3, seed: 1 };
  const rest = { hyperParameters: {}, trunkRule: { bufferSize: 2 } };
  writeFileSync(project, JSON.stringify({ ...fields, ...rest, mode: { kind: 'gosip' } }));
  expect((await imagiq(...hub, '--project', project)).stderr).toContain(
    'mode.kind: must be one of trunk, gossip, cyclic, rotating',
  );
  writeFileSync(project, JSON.stringify({ sites: 4, training: { kind: 'logstic' } }));
  expect((await imagiq('simulate', '--scenario', project)).stderr).toContain(
    'training.kind: must be one of logistic, replayed',
  );
  expect(existsSync(data)).toBe(false);
}, 60_000);

test('all that is wrong with a project’s options is named at once', async () => {
  const data = path.join(temporaryFolder(), 'hub');
  const options = ['--network', 'cnn-small', '--classes', 'a,a', '--commits', '-3', '--buffer', '0'];
  const refused = await imagiq('hub', '--data', data, '--port', '0', ...options);
  expect(refused.code).toBe(2);
  for (const flag of ['--classes: a is there twice', '--commits: must be at least 1', '--buffer: must be at least 1'])
    expect(refused.stderr).toContain(flag);
}, 60_000);

test('a misspelt field of a project’s file is named, and leaves nothing behind', async () => {
  const folder = temporaryFolder();
  const [data, project] = [path.join(folder, 'hub'), path.join(folder, 'project.json')];
  const rule = { bufferSize: 2, clipnorm: 5 };
  const hyperParameters = { epochs: 1 };
  const fields = { id: 'chest', title: 'Chest', network: 'cnn-small', classes: ['a', 'b'], commits: 3, seed: 1 };
  writeFileSync(project, JSON.stringify({ ...fields, hyperParameters, trunkRule: rule }));
  const refused = await imagiq('hub', '--data', data, '--port', '0', '--project', project);
  expect([refused.code, existsSync(data)]).toEqual([1, false]);
  expect(refused.stderr).toContain('trunkRule.clipnorm: means nothing here; is clipNorm meant?');
}, 60_000);

test('an invite says until when it is good, where it leads, and which fingerprint to compare', async () => {
  const data = temporaryFolder();
  const hub = start('--json', 'hub', '--data', data, '--port', '0');
  const { url, fingerprint } = JSON.parse(await hub.firstLine) as { url: string; fingerprint: string };
  const made = (await imagiq('--json', 'invite', '--data', data, '--expires-hours', '2')).json<{
    invite: string;
    expiresAt: string;
  }>();
  expect(made).toMatchObject({ invite: expect.stringMatching(/^imagiq:\/\/join\//), url, fingerprint });
  expect(Math.round((Date.parse(made.expiresAt) - Date.now()) / 600_000)).toBe(12);
  const told = await imagiq('invite', '--data', data);
  expect(told.stdout.trim().split('\n')).toHaveLength(1);
  expect(told.stderr.replaceAll(' ', '')).toContain(fingerprint);
  expect(told.stderr).toContain('Good for one site until');
}, 60_000);

test('where there is no hub, trying again later does not help', async () => {
  const refused = await imagiq('--json', 'invite', '--data', path.join(temporaryFolder(), 'nothing'));
  expect(refused.json<Refusal>().fault).toMatchObject({ code: 522, retry: 'never' });
}, 60_000);

test('an answer is to the project that the hub has now, not to the one that this site heard of last', async () => {
  const folder = temporaryFolder();
  const [data, home] = [path.join(folder, 'hub'), path.join(folder, 'home')];
  const hub = start('--json', 'hub', '--data', data, '--port', '0', '--network', 'cnn-small', '--classes', 'a,b');
  await hub.firstLine;
  const { invite } = (await imagiq('--json', 'invite', '--data', data)).json<{ invite: string }>();
  await imagiq('--home', home, 'join', invite, '--site', 'Lyon');
  const before = hub.stderr().length;
  await imagiq('project', 'propose', '--data', data, '--network', 'cnn-small', '--classes', 'c,d');
  // The hub looks at its rows four times a second; the site is to hear of it with this command and not before.
  await expect.poll(() => hub.stderr().slice(before)).toContain('is put to the sites');
  const declined = await imagiq('--home', home, '--json', 'project', 'decline', '--because', 'not ours');
  expect(declined.json()).toMatchObject({
    project: { classes: ['c', 'd'] },
    answer: { answer: 'declined', isHeard: true },
  });
}, 60_000);

test('a cohort that is not there is told at once, and before an invite is spent; so is a federation without a project', async () => {
  const folder = temporaryFolder();
  const [data, home] = [path.join(folder, 'hub'), path.join(folder, 'home')];
  await start('--json', 'hub', '--data', data, '--port', '0').firstLine;
  const { invite } = (await imagiq('--json', 'invite', '--data', data)).json<{ invite: string }>();
  const site = ['--home', home, '--json'];
  const refusal = async (...words: string[]): Promise<number> =>
    (await imagiq(...site, ...words)).json<Refusal>().fault.code;
  expect(await refusal('join', invite, '--site', 'Basel', '--cohort', 'nope')).toBe(211);
  expect((await imagiq(...site, 'join', invite, '--site', 'Basel')).code).toBe(0);
  expect(await refusal('project', 'approve', '--cohort', 'nope')).toBe(211);
  expect(await refusal('approve', '--cohort', 'nope')).toBe(211);
  const declined = await imagiq(...site, 'project', 'decline');
  expect(declined.json<Refusal>().fault).toMatchObject({ code: 808, retry: 'later' });
}, 40_000);

test('a site that left while the hub was away is no success before the hub has heard it', async () => {
  const folder = temporaryFolder();
  const [data, home] = [path.join(folder, 'hub'), path.join(folder, 'home')];
  const hub = start('--json', 'hub', '--data', data, '--port', '0');
  await hub.firstLine;
  const { invite } = (await imagiq('--json', 'invite', '--data', data)).json<{ invite: string }>();
  await imagiq('--home', home, 'join', invite, '--site', 'Lyon');
  hub.process.kill('SIGKILL');
  await hub.ended;
  await imagiq('--home', home, 'leave');
  const run = await imagiq('--home', home, 'run');
  expect([run.code, run.stdout]).toEqual([1, expect.stringContaining('The hub has not heard yet that this site left')]);
}, 60_000);

test('without a target a scenario is compared with rounds by what both reached', async () => {
  const scenario = path.join(temporaryFolder(), 'scenario.json');
  const project = { trunkRule: { bufferSize: 2 }, commits: 3 };
  writeFileSync(scenario, JSON.stringify({ sites: 2, training: { kind: 'logistic', secondsPerUpdate: 60 }, project }));
  const played = await imagiq('simulate', '--scenario', scenario, '--against-rounds');
  expect(played.stdout).toMatch(
    /no target \(targetShare\) .*: score -?[\d.]+ after \d+ s, in rounds score -?[\d.]+ after \d+ s\./,
  );
}, 60_000);

test.runIf(process.platform === 'linux')(
  'a folder that cannot be made is told, and not tried for ever',
  async () => {
    const data = path.join(temporaryFolder(), 'hub');
    const hub = start('--json', 'hub', '--data', data, '--port', '0');
    await hub.firstLine;
    for (const [words, code] of [
      [['hub', '--data', '/proc/imagiq', '--port', '0'], 549],
      [['invite', '--data', '/proc/imagiq'], 522],
      [['invite', '--data', '/proc/version'], 522],
      [['hub', 'backup', '--data', data, '--to', '/proc/imagiq'], 509],
      [['ledger', 'export', '/proc/imagiq/acts.csv', '--data', data], 643],
      [['--home', path.join(data, 'home'), 'ledger', 'export', '/proc/imagiq/acts.csv'], 643],
    ] as const) {
      const refused = start('--json', ...words);
      const giveUp = setTimeout(() => refused.process.kill('SIGKILL'), 15_000);
      expect((await refused.ended).json<Refusal>().fault.code).toBe(code);
      clearTimeout(giveUp);
    }
  },
  100_000,
);
