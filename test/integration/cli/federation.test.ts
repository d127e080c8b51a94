import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Membership } from '../../../src/contract/federation.ts';
import type { EvaluationReport } from '../../../src/contract/metrics.ts';
import type { Model } from '../../../src/contract/model.ts';
import { writePracticeStudies } from '../../../src/station/practice/practice-studies.ts';
import { makeCertificate } from '../sync/own-certificate.ts';
import { imagiq, start, temporaryFolder } from './imagiq.ts';

const classes = 'effusion,nodule,normal,pneumothorax';

async function hubIn(folder: string, commits: number): Promise<{ data: string; stop: () => void }> {
  const data = path.join(folder, 'hub');
  const flags = ['--network', 'cnn-small', '--classes', classes, '--commits', String(commits), '--buffer', '2'];
  const hub = start('--json', 'hub', '--data', data, '--port', '0', '--federation', 'Chest', ...flags);
  await hub.firstLine;
  return { data, stop: () => hub.process.kill('SIGKILL') };
}

async function inviteTo(data: string): Promise<string> {
  return (await imagiq('--json', 'invite', '--data', data)).json<{ invite: string }>().invite;
}

async function hospital(folder: string, name: string, site: number): Promise<string> {
  const home = path.join(folder, name);
  const studies = path.join(folder, `${name}-studies`);
  const { labelsFile } = await writePracticeStudies({ site, folder: studies, patients: 12 });
  await imagiq('--home', home, 'import', studies);
  const made = await imagiq('--home', home, 'cohort', 'create', 'chest', '--labels', labelsFile);
  expect(made.stderr).toBe('');
  return home;
}

describe('a federation from the command line', () => {
  test('two hospitals join by invite, train, and finish the project; then one leaves', async () => {
    const folder = temporaryFolder();
    const { data } = await hubIn(folder, 2);
    const lyon = await hospital(folder, 'lyon', 0);
    const oslo = await hospital(folder, 'oslo', 1);
    const join = async (home: string, site: string): Promise<Membership> =>
      (
        await imagiq(
          '--home',
          home,
          '--json',
          'join',
          await inviteTo(data),
          '--site',
          site,
          '--cohort',
          'chest',
          '--wait',
        )
      ).json<Membership>();
    const [first, second] = await Promise.all([join(lyon, 'lyon'), join(oslo, 'oslo')]);
    for (const membership of [first, second]) expect(membership).toMatchObject({ state: 'finished', trunkVersion: 2 });
    expect(first.updates.accepted + second.updates.accepted).toBeGreaterThanOrEqual(4);
    expect(first.members.map(({ site }) => site).sort()).toEqual(['lyon', 'oslo']);

    const status = (await imagiq('--home', oslo, '--json', 'status')).json<{ memberships: Membership[] }>();
    expect(status.memberships[0]).toMatchObject({ federation: 'Chest', site: 'oslo' });
    const kept = (await imagiq('--home', lyon, '--json', 'peers', 'keep')).json<{ id: string }>();
    expect(kept).toMatchObject({ site: 'trunk', version: 2, isKnown: false });
    const { models } = (await imagiq('--home', lyon, '--json', 'models', 'list')).json<{ models: Model[] }>();
    expect(models.map(({ id, federation }) => [id, federation?.federation])).toEqual([[kept.id, 'Chest']]);
    const measured = await imagiq(
      '--home',
      lyon,
      '--json',
      'evaluate',
      '--model',
      kept.id,
      '--cohort',
      'chest',
      '--split',
      'validation',
    );
    // What the bench measured of it, on the same images.
    await imagiq('--home', lyon, '--json', 'peers', 'select');
    const { scoreboard } = (await imagiq('--home', lyon, '--json', 'peers', 'list')).json<Membership>();
    const onBench = scoreboard!.rows.find(({ model }) => model === 'trunk')!.accuracy!.value;
    expect(measured.json<{ report: EvaluationReport }>().report.metrics.accuracy!.value).toBeCloseTo(onBench, 6);
    const again = (await imagiq('--home', lyon, '--json', 'peers', 'keep')).json<object>();
    expect(again).toMatchObject({ id: kept.id, isKnown: true });
    const unknown = await imagiq('--home', lyon, '--json', 'peers', 'keep', 'ffff');
    expect(unknown.json<{ fault: { code: number } }>().fault.code).toBe(497);
    const left = await imagiq('--home', oslo, '--json', 'leave');
    expect(left.json()).toEqual({ left: 'Chest', hasHubHeard: true });
    const after = await imagiq('--home', oslo, 'leave');
    expect(after.code).toBe(1);
    expect(after.stderr).toContain('belongs to none');
  }, 240_000);

  test('a member approves later, and only with a cohort whose classes are the project’s', async () => {
    const folder = temporaryFolder();
    const { data } = await hubIn(folder, 2);
    const home = path.join(folder, 'lyon');
    const studies = path.join(folder, 'lyon-studies');
    const { labelsFile } = await writePracticeStudies({ site: 0, folder: studies, patients: 12 });
    await imagiq('--home', home, 'import', studies);
    await imagiq('--home', home, 'cohort', 'create', 'chest', '--labels', labelsFile);
    const other = path.join(folder, 'other.csv');
    writeFileSync(other, readFileSync(labelsFile, 'utf8').replaceAll(',nodule', ',Nodule'));
    await imagiq('--home', home, 'cohort', 'create', 'misnamed', '--labels', other);
    await imagiq('--home', home, 'join', await inviteTo(data), '--site', 'lyon');

    const refused = await imagiq('--home', home, '--json', 'approve', '--cohort', 'misnamed');
    expect(refused.code).toBe(1);
    const { fault } = refused.json<{ fault: { code: number; message: string } }>();
    expect(fault.code).toBe(613);
    expect(fault.message).toMatch(/Nodule.*nodule/);
    const approved = await imagiq('--home', home, '--json', 'approve', 'Chest', '--cohort', 'chest');
    expect(approved.json<Membership>()).toMatchObject({ federation: 'Chest', cohort: 'chest' });
    expect(approved.code).toBe(0);
    // What was approved can be read again.
    const shown = await imagiq('--home', home, 'project', 'show');
    expect(shown.stdout).toMatch(/cohort chest: approved[^]*Leaves a site:[^]*Hash [0-9a-f]{64}/);
  }, 90_000);

  test('an invite works once', async () => {
    const folder = temporaryFolder();
    const { data } = await hubIn(folder, 2);
    const invite = await inviteTo(data);
    const first = await imagiq('--home', path.join(folder, 'a'), 'join', invite, '--site', 'lyon');
    expect(first.code).toBe(0);
    const second = await imagiq('--home', path.join(folder, 'b'), 'join', invite, '--site', 'oslo');
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/used|invite/i);
  }, 60_000);

  test('an authority that is named with the invite is believed, and kept once the hub has let the site in', async () => {
    const folder = temporaryFolder();
    const { certFile, keyFile } = makeCertificate(folder, 'hub');
    const stranger = makeCertificate(folder, 'stranger');
    const data = path.join(folder, 'hub');
    const hub = start('--json', 'hub', '--data', data, '--port', '0', '--tls-cert', certFile, '--tls-key', keyFile);
    await hub.firstLine;
    const home = path.join(folder, 'home');
    const join = async (...flags: string[]) => imagiq('--home', home, '--json', 'join', await inviteTo(data), ...flags);
    const codeOf = async (...flags: string[]) => (await join(...flags)).json<{ fault: { code: number } }>().fault.code;
    const kept = async () =>
      (await imagiq('--home', home, '--json', 'settings')).json<{ connection: { caFile: string | null } }>().connection;
    expect(await codeOf()).toBe(488);
    expect(await codeOf('--ca', stranger.certFile)).toBe(488);
    expect(await codeOf('--ca', keyFile)).toBe(484);
    expect(await kept()).toMatchObject({ caFile: null });
    expect((await join('--ca', certFile)).json<Membership>()).toMatchObject({ federation: 'ImagiQ' });
    expect(await kept()).toMatchObject({ caFile: certFile, caProblem: null });
    expect(await codeOf('--ca', stranger.certFile)).toBe(814);
  }, 300_000);

  test('text that is no invite is refused before anything is sent', async () => {
    const ended = await imagiq('--home', path.join(temporaryFolder(), 'home'), 'join', 'imagiq://join/nonsense');
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('invite');
  });

  test('status says who is online as long as the hub is there, and then that it is not known', async () => {
    const folder = temporaryFolder();
    const { data, stop } = await hubIn(folder, 2);
    for (const site of ['Lyon', 'Oslo'])
      await imagiq('--home', path.join(folder, site), 'join', await inviteTo(data), '--site', site);
    const status = async () =>
      (await imagiq('--home', path.join(folder, 'Oslo'), '--json', 'status')).json<{ memberships: Membership[] }>()
        .memberships[0]!;
    const online = ({ members }: Membership) =>
      Object.fromEntries(members.map((member) => [member.site, member.online]));
    const before = await status();
    expect([before.state, online(before)]).toEqual(['online', { Lyon: false, Oslo: true }]);
    stop();
    const after = await status();
    expect([after.state, online(after)]).toEqual(['offline', { Lyon: null, Oslo: false }]);
  }, 120_000);

  test('a hub that is not there is said, and the invite stays good', async () => {
    const folder = temporaryFolder();
    const { data, stop } = await hubIn(folder, 2);
    const invite = await inviteTo(data);
    stop();
    const ended = await imagiq('--home', path.join(folder, 'home'), 'join', invite);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/hub/i);
  }, 60_000);

  test('a port that is taken is said by the hub', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const ended = await imagiq('hub', '--data', path.join(temporaryFolder(), 'hub'), '--port', String(port));
    server.close();
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(String(port));
  });

  test('an invite to a folder without a hub says so', async () => {
    const ended = await imagiq('invite', '--data', temporaryFolder());
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/hub/i);
  });
});
