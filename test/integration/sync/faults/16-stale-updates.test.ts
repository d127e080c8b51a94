import { afterEach, describe, expect, it } from 'vitest';
import { openHub } from '../../../../src/sync/hub/hub.ts';
import { firstWeight, openBench, until } from '../federation-fixture.ts';
import { processesOf } from './processes.ts';

const bench = openBench();
const { hubProcess, siteProcess } = processesOf(bench);
afterEach(() => bench.close());

describe('fault 16: an update from a trunk that is too old', () => {
  it('is refused with the reason, is in no commit, and its site goes on from the newest trunk', async () => {
    const folder = bench.folder();
    const rule = { bufferSize: 1, maxStalenessCommits: 1 };
    const hub = await hubProcess({ folder, project: { rule, commits: 1_000, peerModels: false } });
    const [toLyon, toOslo] = hub.invites;
    siteProcess({ folder: bench.folder(), name: 'Lyon', invite: toLyon!, secondsPerUpdate: 0.1 });
    const slow = siteProcess({ folder: bench.folder(), name: 'Oslo', invite: toOslo!, secondsPerUpdate: 8 });
    const isRefused = () => hub.news.find(({ kind }) => kind === 'update-refused');
    const refused = await until('an update of the slow site is refused', isRefused, 120_000);
    expect(refused).toMatchObject({ site: 'Oslo', fault: { code: 560, retry: 'never' } });
    await until('it has heard of it', () => (slow.membership()?.updates.refused ?? 0) > 0);
    const { trunkVersion } = slow.membership()!;
    await until('it follows the trunk', () => slow.membership()!.trunkVersion > trunkVersion, 60_000);
    hub.child.kill('SIGKILL');
    await hub.died;
    const reopened = bench.keep(await openHub({ folder, port: 0 }));
    const { trunkVersion: last, acceptedUpdates } = await reopened.status();
    expect(acceptedUpdates).toBe(last);
    // One accepted update a commit, each of 1: none that was refused is in it.
    expect(firstWeight((await reopened.trunkWeights())!)).toBe(last);
  }, 180_000);
});
