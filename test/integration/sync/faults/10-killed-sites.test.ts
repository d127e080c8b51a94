// A site killed while it trains is in kills.test.ts.
import { afterEach, describe, expect, it } from 'vitest';
import { openHub } from '../../../../src/sync/hub/hub.ts';
import { wireLimits } from '../../../../src/sync/protocol/limits.ts';
import { firstWeight, openBench, practiceProject, until, weightsOf } from '../federation-fixture.ts';
import type { Death } from './die-at.ts';
import { processesOf } from './processes.ts';

const bench = openBench();
const { siteProcess } = processesOf(bench);
afterEach(() => bench.close());

const values = (3 * wireLimits.chunkBytes) / 4;

describe('fault 10: a site that is killed', () => {
  it.each<[string, Death]>([
    ['while it downloads', { call: 'write', when: 'after', path: 'unfinished', time: 1 }],
    ['while it uploads', { call: 'chunk-sent', time: 2 }],
    [
      'before it took the receipt into its state',
      { call: 'rename', when: 'before', path: 'membership.json', holds: '"accepted":1', time: 1 },
    ],
    [
      'after it took the receipt into its state',
      { call: 'rename', when: 'after', path: 'membership.json', holds: '"accepted":1', time: 1 },
    ],
  ])(
    '%s goes on after its restart, and each of its updates counts once',
    async (_, death) => {
      const project = practiceProject({ rule: { bufferSize: 1 }, commits: 3, peerModels: false });
      const hub = bench.keep(
        await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0, values) }),
      );
      const order = { folder: bench.folder(), invite: await hub.createInvite() };
      expect(await siteProcess({ ...order, death }).died).toBe('SIGKILL');
      const again = siteProcess(order);
      await until('the project is finished', () => again.membership()?.state === 'finished', 60_000);
      expect(await hub.status()).toMatchObject({ trunkVersion: 3, acceptedUpdates: 3, refusedUpdates: 0 });
      expect(again.membership()!.updates).toMatchObject({ accepted: 3, refused: 0, spooled: 0 });
      expect(firstWeight((await hub.trunkWeights())!)).toBe(3);
    },
    90_000,
  );
});
