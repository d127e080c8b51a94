import { afterEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/sync/aggregation/seeded-random.ts';
import { openHub } from '../../../../src/sync/hub/hub.ts';
import { wireLimits } from '../../../../src/sync/protocol/limits.ts';
import { openBench, practiceProject, weightsOf } from '../federation-fixture.ts';
import { rawSite, rawUpdate, type RawSite } from '../raw-site.ts';
import { breakableLine } from './breakable-line.ts';

const bench = openBench();
afterEach(() => bench.close());

const chunks = 12;
const values = (chunks * wireLimits.chunkBytes) / 4;
/** WebSocket header and the chunk's own. */
const frameBytes = 14 + 48 + wireLimits.chunkBytes;

describe('fault 1: a line that is cut', () => {
  it.each([
    ['at every chunk boundary', Array.from({ length: chunks - 1 }, () => 200 + frameBytes)],
    [
      'at twenty random bytes',
      Array.from(
        { length: 20 },
        (
          (random) => () =>
            1 + Math.floor(random() * 300_000)
        )(seededRandom(3)),
      ),
    ],
  ])(
    '%s goes on where it was acknowledged, and the bytes are right',
    async (_, cutAfters) => {
      const project = practiceProject({ rule: { bufferSize: 1 }, commits: 1 });
      const hub = bench.keep(
        await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0, values) }),
      );
      const line = bench.keep(await breakableLine(hub.port));
      const order = { invite: line.invite(await hub.createInvite()), folder: bench.folder(), name: 'Lyon' };
      let site: RawSite = await rawSite(order);
      const { blob, signed } = rawUpdate(site, project, weightsOf(1, values));
      const bytes = site.blobs.size(blob)!;
      const before = line.sentBytes;
      for (const cutAfter of cutAfters) {
        line.cutAfter(cutAfter);
        await site.channel.putBlob(blob).catch(() => {});
        await site.channel.ended;
        await site.blobs.close();
        site = await rawSite({ ...order, keys: site.keys, isEnrolled: true });
      }
      await site.channel.putBlob(blob);
      await site.channel.ask({ kind: 'update-offered', update: signed });
      expect(line.cuts).toBe(cutAfters.length);
      expect(await hub.status()).toMatchObject({ trunkVersion: 1, acceptedUpdates: 1 });
      // A chunk that a cut tore is sent again, and nothing else: handshakes aside.
      const handshakes = 4_000 * cutAfters.length;
      expect(line.sentBytes - before).toBeLessThan(bytes + cutAfters.length * frameBytes + handshakes);
      await site.close();
    },
    60_000,
  );
});
