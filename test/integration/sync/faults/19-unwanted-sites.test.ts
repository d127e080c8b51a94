import { afterEach, describe, expect, it } from 'vitest';
import { openHub } from '../../../../src/sync/hub/hub.ts';
import { mostWrongCodes, wrongCodesWindowMs } from '../../../../src/sync/hub/invite-guard.ts';
import { encodeChunk } from '../../../../src/sync/protocol/chunk-frame.ts';
import { formatInvite, parseInvite } from '../../../../src/sync/protocol/invite-link.ts';
import { wireLimits } from '../../../../src/sync/protocol/limits.ts';
import { openBench, practiceProject, weightsOf } from '../federation-fixture.ts';
import { rawSite, rawUpdate } from '../raw-site.ts';

const bench = openBench();
afterEach(() => bench.close());

const project = practiceProject();

// Expired, used and forged invites are in enrolment.test.ts.
describe('fault 19: a site that has no business here any more', () => {
  it('revoked in the midst of an upload is cut off, and what it sent is never used', async () => {
    const values = wireLimits.chunkBytes;
    const hub = bench.keep(
      await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0, values) }),
    );
    const order = { invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' };
    const site = await rawSite(order);
    const bytes = weightsOf(1, values);
    const { blob } = rawUpdate(site, project, bytes);
    const begun = await site.channel.ask({ kind: 'put-begin', hash: blob, bytes: bytes.length });
    if (begun.kind !== 'have') throw new Error('no answer');
    const payload = bytes.subarray(0, wireLimits.chunkBytes);
    site.line.socket.send(encodeChunk({ transfer: begun.transfer, offset: 0, payload }));
    await hub.endMembership('Lyon', { kind: 'revoked', because: 'a test' });
    await expect(site.channel.putBlob(blob)).rejects.toBeInstanceOf(Error);
    await site.channel.ended;
    const again = rawSite({ ...order, keys: site.keys, isEnrolled: true });
    await expect(again).rejects.toMatchObject({ code: 505 });
    expect(await hub.status()).toMatchObject({ acceptedUpdates: 0, members: [] });
  });

  it('that tries invite after invite closes enrolment for a while, and keeps no member out', async () => {
    let now = Date.now();
    const hub = bench.keep(
      await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0), clock: () => now }),
    );
    const invite = await hub.createInvite();
    const member = await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Oslo' });
    await member.close();
    const guess = (turn: number): Promise<unknown> =>
      rawSite({
        invite: formatInvite({ ...parseInvite(invite), code: String(turn).padStart(43, 'x') }),
        folder: bench.folder(),
        name: 'Quito',
      });
    for (let turn = 0; turn < mostWrongCodes; turn += 1) await expect(guess(turn)).rejects.toMatchObject({ code: 500 });
    await expect(guess(99)).rejects.toMatchObject({ code: 548, retry: 'later' });
    const lyon = { invite, folder: bench.folder(), name: 'Lyon' };
    await expect(rawSite(lyon)).rejects.toMatchObject({ code: 548 });
    bench.keep(await rawSite({ ...lyon, name: 'Oslo', folder: bench.folder(), keys: member.keys, isEnrolled: true }));
    now += wrongCodesWindowMs;
    bench.keep(await rawSite(lyon));
    expect((await hub.status()).members.map(({ site }) => site).sort()).toEqual(['Lyon', 'Oslo']);
  }, 60_000);
});
