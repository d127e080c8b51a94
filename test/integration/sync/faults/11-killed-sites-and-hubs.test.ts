import { afterEach, describe, expect, it } from 'vitest';
import { openHub } from '../../../../src/sync/hub/hub.ts';
import { wireLimits } from '../../../../src/sync/protocol/limits.ts';
import { openBench, until } from '../federation-fixture.ts';
import { processesOf } from './processes.ts';

const bench = openBench();
const { siteProcess, hubProcess } = processesOf(bench);
afterEach(() => bench.close());

const values = (3 * wireLimits.chunkBytes) / 4;
const project = { rule: { bufferSize: 1 }, commits: 4, peerModels: false };

/** The last trunk of one site's four updates, each of other bytes, and by what the processes on the way there ended. */
async function lastTrunk(isDisturbed: boolean) {
  const deaths: (NodeJS.Signals | null)[] = [];
  const folder = bench.folder();
  const hubOrder = { folder, project, weights: values };
  // Its second commit is cut off when the bytes of the trunk are on the disk and the row that counts them is not.
  let hub = await hubProcess({
    ...hubOrder,
    ...(isDisturbed && { dieAtStep: { step: 'trunk-blob-written', time: 2 } }),
  });
  const order = { folder: bench.folder(), invite: hub.invites[0]!, growth: 0.25 };
  if (isDisturbed) {
    // In the midst of its first update; and then, with the receipt in its hand and not yet on its disk.
    deaths.push(await siteProcess({ ...order, death: { call: 'chunk-sent', time: 2 } }).died);
    const receipt = {
      call: 'rename',
      when: 'before',
      path: 'membership.json',
      holds: '"accepted":1',
      time: 1,
    } as const;
    deaths.push(await siteProcess({ ...order, death: receipt }).died);
  }
  let site = siteProcess(order);
  if (isDisturbed) {
    deaths.push(await hub.died);
    site.child.kill('SIGKILL');
    deaths.push(await site.died);
    // The site comes back first, and finds nobody.
    site = siteProcess(order);
    await until('it is back', () => site.membership()?.state === 'offline');
    hub = await hubProcess({ ...hubOrder, port: hub.port });
  }
  await until('the project is finished', () => site.membership()?.state === 'finished', 60_000);
  // One that it trained ahead of the end may be refused as too late.
  const { accepted, spooled } = site.membership()!.updates;
  for (const { child, died } of [site, hub]) {
    child.kill('SIGKILL');
    await died;
  }
  const reopened = bench.keep(await openHub({ folder, port: 0 }));
  const { trunkVersion, acceptedUpdates, bufferedUpdates } = await reopened.status();
  const counts = { accepted, spooled, trunkVersion, acceptedUpdates, bufferedUpdates };
  return { deaths, counts, trunk: Buffer.from((await reopened.trunkWeights())!) };
}

describe('fault 11: a site and its hub that are both killed', () => {
  it('end at the trunk of an undisturbed federation, to the last bit', async () => {
    const undisturbed = await lastTrunk(false);
    const disturbed = await lastTrunk(true);
    expect(disturbed.deaths).toEqual(['SIGKILL', 'SIGKILL', 'SIGKILL', 'SIGKILL']);
    const whole = { accepted: 4, spooled: 0, trunkVersion: 4, acceptedUpdates: 4, bufferedUpdates: 0 };
    expect([undisturbed.counts, disturbed.counts]).toEqual([whole, whole]);
    expect(disturbed.trunk.equals(undisturbed.trunk)).toBe(true);
  }, 240_000);
});
