import { afterEach, expect, it } from 'vitest';
import { openHub } from '../../../src/sync/hub/hub.ts';
import { siteFault } from '../../../src/sync/site/faults.ts';
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
  const lyonWork = practiceWork({
    step: 1,
    beforeUpdate: async () => {
      attempts += 1;
      if (isSpent) throw siteFault.nothingMore(reason);
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
  lyon.lookAgain();
  await until('its own update was sent', () => lyon.ledger.some(({ act }) => act === 'update-sent'));
  expect(attempts).toBeGreaterThanOrEqual(3);
});
