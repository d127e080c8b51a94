import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Membership } from '../../../src/contract/federation.ts';
import { imagiq, start, temporaryFolder } from './imagiq.ts';

const project = ['--network', 'cnn-small', '--classes', 'normal,nodule'];

describe('a coordinator at the command line', () => {
  test('sees the members, expels one at once, and the hospital reads why', async () => {
    const folder = temporaryFolder();
    const data = path.join(folder, 'hub');
    await start('--json', 'hub', '--data', data, '--port', '0', '--federation', 'Chest', ...project).firstLine;
    const { invite } = (await imagiq('--json', 'invite', '--data', data)).json<{ invite: string }>();
    const home = path.join(folder, 'lyon');
    expect((await imagiq('--home', home, 'join', invite, '--site', 'lyon')).code).toBe(0);

    const listed = (await imagiq('--json', 'members', 'list', '--data', data)).json<{ members: object[] }>();
    expect(listed.members).toMatchObject([{ site: 'lyon', state: 'member', because: null, updates: 0 }]);
    const silent = await imagiq('members', 'expel', 'lyon', '--data', data);
    expect(silent.code).toBe(2);
    const ended = await imagiq('--json', 'members', 'expel', 'lyon', '--data', data, '--because', 'the study ended');
    expect(ended.json()).toMatchObject({ site: 'lyon', state: 'expelled', because: 'the study ended' });

    const work = await imagiq('--home', home, '--json', 'run');
    expect(work.code).toBe(1);
    const status = (await imagiq('--home', home, '--json', 'status')).json<{ memberships: Membership[] }>();
    expect(status.memberships[0]?.state).toBe('refused');
    expect(status.memberships[0]?.reason).toContain('the study ended');
    const again = await imagiq('members', 'revoke', 'lyon', '--data', data, '--because', 'twice');
    expect(again.stderr).toContain('No member of the federation is called lyon');
  }, 180_000);

  test('a hub without a project says so, also in its JSON; with one from an earlier start it names that', async () => {
    const data = path.join(temporaryFolder(), 'hub');
    const begin = async (...flags: string[]): Promise<{ project: string | null }> => {
      const hub = start('--json', 'hub', '--data', data, '--port', '0', ...flags);
      const line = JSON.parse(await hub.firstLine) as { project: string | null };
      hub.process.kill('SIGTERM');
      await hub.ended;
      return line;
    };
    expect(await begin()).toMatchObject({ project: null });
    expect((await imagiq('project', 'show', '--data', data)).stderr).toContain('no project yet');
    expect(await begin(...project)).toMatchObject({ project: 'cnn-small-2-classes' });
    expect(await begin()).toMatchObject({ project: 'cnn-small-2-classes' });
    const shown = (await imagiq('--json', 'project', 'show', '--data', data)).json();
    expect(shown).toMatchObject({
      project: {
        id: 'cnn-small-2-classes',
        trunkRule: { combination: { kind: 'mean', of: 'sites' }, stalenessEffect: 'step' },
      },
      trunkVersion: 0,
      isFinished: false,
      bufferedUpdates: 0,
    });
  }, 120_000);

  test('a project is proposed with small updates, FedBN and SCAFFOLD by options; what cannot be together is refused with the reason', async () => {
    const data = path.join(temporaryFolder(), 'hub');
    const hub = start('--json', 'hub', '--data', data, '--port', '0');
    await hub.firstLine;
    const propose = (...flags: string[]): ReturnType<typeof imagiq> =>
      imagiq('--json', 'project', 'propose', '--data', data, ...project, ...flags);
    const small = ['--update-codec', 'top-k', '--kept-share', '0.05', '--update-compression', 'zstd'];
    const stale = ['--staleness', 'threshold:2:1', '--staleness-effect', 'share'];
    const refused = await propose(...small, '--control-variates');
    expect(refused.code).toBe(2);
    expect(refused.stdout + refused.stderr).toContain('set --optimiser to');
    expect((await propose('--update-codec', 'top-k', '--kept-share', '2')).code).toBe(2);
    const drift = ['--control-variates', '--optimiser', 'sgd', '--site-normalisation'];
    const proposed = await propose(...small, ...stale, ...drift);
    expect(proposed.json()).toMatchObject({
      project: {
        updateCodec: 'top-k',
        keptShare: 0.05,
        updateCompression: 'zstd',
        controlVariates: true,
        siteNormalisation: true,
        hyperParameters: { optimiser: 'sgd' },
        trunkRule: { staleness: { kind: 'threshold', slope: 2, freeCommits: 1 }, stalenessEffect: 'share' },
      },
    });
    hub.process.kill('SIGTERM');
    await hub.ended;
  }, 120_000);

  test('simulate takes the rules, refuses what cannot be, and says in JSON what it ran', async () => {
    const flags = ['--sites', '10', '--buffer', '8', '--lying', '2', '--staleness', 'constant'];
    const ended = await imagiq('--json', 'simulate', ...flags, '--combination', 'krum:2:5');
    const { asynchronous, initialLoss, ...said } = ended.json<{
      asynchronous: { finalLoss: number };
      initialLoss: number;
      lying: number;
    }>();
    expect(said).toMatchObject({
      lying: 2,
      combination: { kind: 'krum', byzantine: 2, kept: 5 },
      serverOptimizer: { kind: 'sgd', momentum: 0 },
      staleness: { kind: 'constant' },
    });
    expect(asynchronous.finalLoss).toBeLessThan(0.7 * initialLoss);
    const lied = await imagiq('simulate', '--sites', '10', '--lying', '3', '--buffer', '2');
    expect(lied.stdout).toContain('3 sites of 10 lie');
    expect(lied.stdout).not.toContain('commits old');
    expect((await imagiq('simulate', '--combination', 'krum')).code).toBe(2);
    const impossible = await imagiq('simulate', ...flags, '--combination', 'krum:4');
    expect(impossible.code).toBe(1);
    expect(impossible.stderr).toContain('among 11 or more');
  }, 120_000);
});
