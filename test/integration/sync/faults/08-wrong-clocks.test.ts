import { afterEach, describe, expect, it } from 'vitest';
import { openHub } from '../../../../src/sync/hub/hub.ts';
import { openSite } from '../../../../src/sync/site/site.ts';
import { openBench, practiceProject, practiceWork, until, weightsOf } from '../federation-fixture.ts';

const bench = openBench();
afterEach(() => bench.close());
const dayMs = 86_400_000;

describe('fault 8: clocks that are wrong by a day', () => {
  it.each([
    ['the hub’s is ahead', dayMs, 0],
    ['the hub’s is behind', -dayMs, 0],
    ['the site’s is ahead', 0, dayMs],
    ['the site’s is behind, and the hub’s ahead', dayMs, -dayMs],
  ])('%s: a site joins, trains and is counted', async (_, hubSkewMs, siteSkewMs) => {
    const project = practiceProject({ rule: { bufferSize: 1, deadlineMs: 1_000 }, commits: 2 });
    const hub = bench.keep(
      await openHub({
        folder: bench.folder(),
        port: 0,
        project,
        initialWeights: weightsOf(0),
        clock: () => Date.now() + hubSkewMs,
      }),
    );
    const site = bench.keep(
      await openSite({
        folder: bench.folder(),
        siteName: 'Lyon',
        work: practiceWork({ step: 1 }),
        clock: () => Date.now() + siteSkewMs,
        onChange: () => {},
        onLedger: () => {},
      }),
    );
    await site.join(await hub.createInvite());
    await until('the project is announced', () => site.memberships()[0]?.project);
    await site.approve('ImagiQ', 'chest');
    await until('the project is finished', () => site.memberships()[0]?.state === 'finished');
    expect(await hub.status()).toMatchObject({ trunkVersion: 2, acceptedUpdates: 2 });
  });
});
