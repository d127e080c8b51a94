import { afterEach, describe, expect, it } from 'vitest';
import { openHub } from '../../../../src/sync/hub/hub.ts';
import { openBench, practiceProject, practiceWork, until, weightsOf } from '../federation-fixture.ts';

const bench = openBench();
afterEach(() => bench.close());

describe('fault 14: a site that never gets done', () => {
  it('is not waited for where commits are asynchronous', async () => {
    const project = practiceProject({ rule: { bufferSize: 2 }, commits: 3, peerModels: false });
    await federationWithStraggler(project, async (hub) => {
      await until('the project is finished', async () => (await hub.status()).isFinished);
      const { members } = await hub.status();
      expect(members.find(({ site }) => site === 'Quito')!.updates).toBe(0);
    });
  });

  it('is waited for in rounds until the deadline, and then the quorum goes on without it', async () => {
    const rule = { rounds: true, bufferSize: 3, quorum: 2, deadlineMs: 500 };
    const project = practiceProject({ rule, commits: 2, peerModels: false });
    await federationWithStraggler(project, async (hub) => {
      const commits: number[] = [];
      hub.watch((news) => void (news.kind === 'trunk-committed' && commits.push(news.updates)));
      await until('the project is finished', async () => (await hub.status()).isFinished);
      // Each of the two that are there once a round, although they could have done more in its time.
      expect(commits).toEqual([2, 2]);
      expect((await hub.status()).acceptedUpdates).toBe(4);
    });
  });

  it('holds rounds up without a deadline, which is why there is one', async () => {
    const rule = { rounds: true, bufferSize: 3 };
    const project = practiceProject({ rule, commits: 2, peerModels: false });
    await federationWithStraggler(project, async (hub) => {
      await until('the two others sent theirs', async () => (await hub.status()).bufferedUpdates === 2);
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(await hub.status()).toMatchObject({ trunkVersion: 0, bufferedUpdates: 2, acceptedUpdates: 2 });
    });
  });
});

async function federationWithStraggler(
  project: ReturnType<typeof practiceProject>,
  look: (hub: Awaited<ReturnType<typeof openHub>>) => Promise<void>,
): Promise<void> {
  const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0) }));
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const sites = [];
  for (const [index, name] of ['Lyon', 'Oslo', 'Quito'].entries()) {
    const work = practiceWork({ step: 1 + index, ...(name === 'Quito' && { beforeUpdate: () => held }) });
    const site = await bench.site(name, work);
    await site.join(await hub.createInvite());
    await until('the project is announced', () => site.memberships()[0]?.project);
    sites.push(site);
  }
  const looked = look(hub);
  for (const site of sites) await site.approve('ImagiQ', 'chest');
  try {
    await looked;
  } finally {
    release();
  }
}
