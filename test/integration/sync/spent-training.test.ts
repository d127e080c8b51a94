import { afterEach, expect, it } from 'vitest';
import { Fault } from '../../../src/contract/fault.ts';
import { openHub } from '../../../src/sync/hub/hub.ts';
import { siteFault } from '../../../src/sync/site/faults.ts';
import type { Site } from '../../../src/sync/site/site.ts';
import type { SiteWork } from '../../../src/sync/site/site-work.ts';
import { openBench, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';

const bench = openBench();
const bernMayTrain = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
afterEach(() => {
  for (const { resolve } of bernMayTrain) resolve();
  return bench.close();
});

it('a site that may train no more says so once, rests, still gets the trunk, and goes on when it may again', async () => {
  const project = practiceProject({ rule: { bufferSize: 1 }, commits: 4, peerModels: false });
  const hub = bench.keep(
    await openHub({ folder: bench.folder(), port: 0, federation: 'North', project, initialWeights: weightsOf(0) }),
  );
  const reason = 'No update can be trained here: the budget is spent.';
  let isSpent = true;
  let attempts = 0;
  let begins = (): void => {};
  const lyonWork = practiceWork({
    step: 1,
    beforeUpdate: async () => {
      attempts += 1;
      if (isSpent) throw siteFault.nothingMore(reason);
      begins();
    },
  });
  const lyon = await bench.site('Lyon', lyonWork);
  const bern = await bench.site('Bern', practiceWork({ step: 1, beforeUpdate: (turn) => bernMayTrain[turn]!.promise }));
  for (const site of [lyon, bern]) {
    await site.join(await hub.createInvite());
    await until('the project is announced', () => site.memberships()[0]?.project);
    await site.approve('North', 'chest');
  }
  const said = () => lyon.ledger.filter(({ act }) => act === 'work-failed');
  const isJudged = (version: number) => lyon.memberships()[0]!.history.some((one) => one.trunkVersion === version);
  await until('it said so', () => said().length > 0);

  bernMayTrain[0]!.resolve();
  await until('the next trunk is judged at the site that rests', () => isJudged(1));
  await until('it looked whether it may train from that', () => attempts >= 2);
  expect(lyon.memberships()[0]).toMatchObject({ state: 'online', reason });
  expect(said()).toEqual([{ act: 'work-failed', detail: expect.objectContaining({ reason }) }]);
  // Nothing made it look but the first trunk and the next.
  expect(attempts).toBe(2);

  isSpent = false;
  // What it says is out of date before the update is there.
  const isBegun = Promise.withResolvers<void>();
  begins = isBegun.resolve;
  lyon.lookAgain();
  await isBegun.promise;
  expect(lyon.memberships()[0]?.reason).toBeNull();
  await until('its own update was sent', () => lyon.ledger.some(({ act }) => act === 'update-sent'));
  expect(attempts).toBeGreaterThanOrEqual(3);
});

it('a training that fails keeps its rest whatever the hub tells, and is tried at once when a person changed something', async () => {
  const project = practiceProject({ rule: { bufferSize: 1 }, commits: 100, peerModels: false });
  const hub = bench.keep(
    await openHub({ folder: bench.folder(), port: 0, federation: 'North', project, initialWeights: weightsOf(0) }),
  );
  let attempts = 0;
  const beforeUpdate = async (): Promise<void> => {
    attempts += 1;
    // Rests grow: the next is longer than this test.
    throw new Fault({ code: 359, message: 'The trainer ran out of memory.', retry: 'later' });
  };
  const lyon = await bench.site('Lyon', practiceWork({ step: 1, beforeUpdate }));
  const bern = await bench.site('Bern', practiceWork({ step: 1 }));
  const takesPart = async (site: Site): Promise<void> => {
    await site.join(await hub.createInvite());
    await until('the project is announced', () => site.memberships()[0]?.project);
    await site.approve('North', 'chest');
  };
  await takesPart(lyon);
  await until('it failed and says so', () => lyon.memberships()[0]?.reason?.includes('4 times in a row'));
  const before = attempts;
  await takesPart(bern);
  await until('it is told of trunks', () => lyon.memberships()[0]!.trunkVersion >= 3);
  expect(attempts).toBe(before);
  lyon.lookAgain();
  await until('it is tried again', () => attempts > before);
});

/** Nothing is left for the model that a site trains alone. */
function aloneSpent(work: SiteWork): SiteWork & { readonly asked: () => number } {
  let asked = 0;
  const trainLocalOnly = async (): Promise<never> => {
    asked += 1;
    throw siteFault.nothingMore('Nothing can be trained here: the budget is spent.');
  };
  return { ...work, trainLocalOnly, asked: () => asked };
}

it('a project ends at a site whose own model can be trained no more', async () => {
  const project = practiceProject({ rule: { bufferSize: 1 }, commits: 2 });
  const hub = bench.keep(
    await openHub({ folder: bench.folder(), port: 0, federation: 'North', project, initialWeights: weightsOf(0) }),
  );
  const work = aloneSpent(practiceWork({ step: 1 }));
  const lyon = await bench.site('Lyon', work);
  await lyon.join(await hub.createInvite());
  await until('the project is announced', () => lyon.memberships()[0]?.project);
  await lyon.approve('North', 'chest');
  await until('the project is finished there', () => lyon.memberships()[0]?.state === 'finished');
  expect(lyon.memberships()[0]).toMatchObject({ isProjectFinished: true, updates: { accepted: 2 } });
  expect(work.asked()).toBe(1);
  expect(lyon.ledger.filter(({ act }) => act === 'work-failed')).toHaveLength(1);
});

it('a site that may train no more takes over the turns of a mode without trunk, to the end', async () => {
  const project = practiceProject({ mode: { kind: 'cyclic', patienceMs: 1_000 }, commits: 3 });
  const hub = bench.keep(
    await openHub({ folder: bench.folder(), port: 0, federation: 'North', project, initialWeights: weightsOf(0) }),
  );
  const attempts = new Map<string, number>();
  const lyon = await bench.site('Lyon', {
    ...aloneSpent(practiceWork({ step: 1 })),
    async trainUpdate({ trunkWeights }) {
      const from = Buffer.from(trunkWeights).toString('base64');
      attempts.set(from, (attempts.get(from) ?? 0) + 1);
      throw siteFault.nothingMore('No update can be trained here: the budget is spent.');
    },
  });
  const bern = await bench.site('Bern', practiceWork({ step: 1 }));
  for (const site of [lyon, bern]) {
    await site.join(await hub.createInvite());
    await until('the project is announced', () => site.memberships()[0]?.project);
    await site.approve('North', 'chest');
  }
  await until('both are through', () => [lyon, bern].every((site) => site.memberships()[0]?.state === 'finished'));
  expect(lyon.memberships()[0]?.trunkVersion).toBe(3);
  expect(Math.max(0, ...attempts.values())).toBeLessThanOrEqual(1);
});
