import { afterEach, describe, expect, it } from 'vitest';
import { openBench, until } from '../federation-fixture.ts';
import { processesOf } from './processes.ts';

const bench = openBench();
const { hubProcess, siteProcess } = processesOf(bench);
afterEach(() => bench.close());

/** Two sites that train in a fifth of a second, and one that takes twenty times as long, or an hour. */
async function federationWithStraggler(project: Parameters<typeof hubProcess>[0]['project'], secondsOfTheSlow: number) {
  const hub = await hubProcess({ folder: bench.folder(), project: { peerModels: false, ...project }, invites: 3 });
  const sites = ['Lyon', 'Oslo', 'Quito'].map((name, index) =>
    siteProcess({
      folder: bench.folder(),
      name,
      invite: hub.invites[index]!,
      secondsPerUpdate: name === 'Quito' ? secondsOfTheSlow : 0.2,
    }),
  );
  const acceptedOf = (site: string): number =>
    hub.news.filter((news) => news.kind === 'update-accepted' && news.site === site).length;
  const commits = (): number[] => hub.news.flatMap((news) => (news.kind === 'trunk-committed' ? [news.updates] : []));
  const finished = (): Promise<unknown> =>
    until(
      'the project is finished',
      () => hub.news.find((one) => one.kind === 'trunk-committed' && one.isFinished),
      60_000,
    );
  return { hub, sites, acceptedOf, commits, finished };
}

describe('fault 14: a straggler', () => {
  it('twenty times slower than the others adds its part, and nobody waits for it', async () => {
    const { acceptedOf, commits } = await federationWithStraggler({ rule: { bufferSize: 2 }, commits: 1_000 }, 4);
    await until('the slow one has sent two', () => acceptedOf('Quito') === 2, 120_000);
    const quick = acceptedOf('Lyon') + acceptedOf('Oslo');
    expect(quick).toBeGreaterThan(8);
    // An update may wait for the one that completes its commit.
    expect(commits().length).toBeGreaterThanOrEqual(Math.floor((quick + 2) / 2) - 1);
  }, 180_000);

  it('that never gets done is not waited for where commits are asynchronous', async () => {
    const { acceptedOf, finished } = await federationWithStraggler({ rule: { bufferSize: 2 }, commits: 3 }, 3_600);
    await finished();
    expect(acceptedOf('Quito')).toBe(0);
  }, 120_000);

  it('is waited for in rounds until the deadline, and then the quorum goes on without it', async () => {
    const rule = { rounds: true, bufferSize: 3, quorum: 2, deadlineMs: 1_000 };
    const { acceptedOf, commits, finished } = await federationWithStraggler({ rule, commits: 2 }, 3_600);
    await finished();
    // Each of the two that are there once a round, although they could have done more in its time.
    expect(commits()).toEqual([2, 2]);
    expect([acceptedOf('Lyon'), acceptedOf('Oslo'), acceptedOf('Quito')]).toEqual([2, 2, 0]);
  }, 120_000);

  it('holds rounds up without a deadline, which is why there is one', async () => {
    const rule = { rounds: true, bufferSize: 3 };
    const { acceptedOf, commits } = await federationWithStraggler({ rule, commits: 2 }, 3_600);
    await until('the two others sent theirs', () => acceptedOf('Lyon') === 1 && acceptedOf('Oslo') === 1, 60_000);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect([commits(), acceptedOf('Lyon'), acceptedOf('Oslo')]).toEqual([[], 1, 1]);
  }, 120_000);
});
