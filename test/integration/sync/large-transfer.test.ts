import { afterEach, expect, it } from 'vitest';
import { seededRandom } from '../../../src/sync/aggregation/seeded-random.ts';
import { openHub } from '../../../src/sync/hub/hub.ts';
import { breakableLine } from './faults/breakable-line.ts';
import { openBench, practiceProject, weightsOf } from './federation-fixture.ts';
import { rawSite, rawUpdate } from './raw-site.ts';

const bench = openBench();
afterEach(() => bench.close());

it('a transfer of 45 MB that is cut 20 times at random arrives, and less than a tenth of it is sent again', async () => {
  const values = 11_250_000;
  const cuts = 20;
  const project = practiceProject({ rule: { bufferSize: 2 }, commits: 1 });
  const hub = bench.keep(
    await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0, values) }),
  );
  const line = bench.keep(await breakableLine(hub.port));
  const order = { invite: line.invite(await hub.createInvite()), folder: bench.folder(), name: 'Lyon' };
  let site = await rawSite(order);
  const { blob, signed } = rawUpdate(site, project, weightsOf(1, values));
  const bytes = site.blobs.size(blob)!;
  const random = seededRandom(7);
  const before = line.sentBytes;
  for (let cut = 0; cut < cuts; cut += 1) {
    // Anywhere, and in sum less than the whole.
    line.cutAfter(Math.ceil(((0.5 + random()) * bytes) / (1.5 * (cuts + 1))));
    await site.channel.putBlob(blob).catch(() => {});
    await site.channel.ended;
    await site.blobs.close();
    site = await rawSite({ ...order, keys: site.keys, isEnrolled: true });
  }
  await site.channel.putBlob(blob);
  const sentAgain = line.sentBytes - before - bytes;
  await site.channel.ask({ kind: 'update-offered', update: signed });
  expect(line.cuts).toBe(cuts);
  expect((await hub.status()).acceptedUpdates).toBe(1);
  // Handshakes included.
  expect(sentAgain / bytes).toBeLessThan(0.1);
  await site.close();
}, 120_000);
