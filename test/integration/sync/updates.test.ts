import { afterEach, describe, expect, it } from 'vitest';
import { stalenessWeight } from '../../../src/sync/aggregation/staleness.ts';
import { openHub, type Hub } from '../../../src/sync/hub/hub.ts';
import { encodeChunk } from '../../../src/sync/protocol/chunk-frame.ts';
import { wireLimits } from '../../../src/sync/protocol/limits.ts';
import { firstWeight, openBench, practiceProject, until, weightsOf } from './federation-fixture.ts';
import { rawModel, rawSite, rawUpdate } from './raw-site.ts';

const bench = openBench();
afterEach(() => bench.close());

const project = practiceProject({ rule: { bufferSize: 2, maxStalenessCommits: 1 }, commits: 10 });
const newHub = async (weights = weightsOf(0)): Promise<Hub> =>
  bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weights }));

describe('updates at the hub', () => {
  it('are counted once however often they are offered, with the same receipt as the answer', async () => {
    const hub = await newHub();
    const site = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' }));
    const { blob, signed } = rawUpdate(site, project, weightsOf(1));
    await site.channel.putBlob(blob);
    const offers = await Promise.all([1, 2, 3].map(() => site.channel.ask({ kind: 'update-offered', update: signed })));
    expect(offers.map((answer) => answer.kind === 'update-accepted' && answer.isDuplicate)).toEqual([
      false,
      true,
      true,
    ]);
    expect(new Set(offers.map((answer) => answer.kind === 'update-accepted' && answer.receipt.signature)).size).toBe(1);
    expect(await hub.status()).toMatchObject({ acceptedUpdates: 1, bufferedUpdates: 1, trunkVersion: 0 });
  });

  it('with NaN, other shapes, a forged signature or another project are refused with the reason, and leave no trace', async () => {
    const hub = await newHub();
    const site = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' }));
    const offer = async (bytes: Uint8Array, changes = {}): Promise<unknown> => {
      const { blob, signed } = rawUpdate(site, project, bytes, changes);
      await site.channel.putBlob(blob);
      return site.channel.ask({ kind: 'update-offered', update: signed });
    };
    await expect(offer(weightsOf(Number.NaN))).rejects.toMatchObject({ code: 555, retry: 'never' });
    await expect(offer(weightsOf(Number.POSITIVE_INFINITY))).rejects.toMatchObject({ code: 555 });
    await expect(offer(weightsOf(1, 63))).rejects.toMatchObject({ code: 553 });
    await expect(offer(Buffer.from('not a tensor file at all'))).rejects.toMatchObject({ code: 550 });
    await expect(offer(weightsOf(2), { projectHash: '1'.repeat(64) })).rejects.toMatchObject({ code: 511 });
    await expect(offer(weightsOf(3), { baseVersion: 5 })).rejects.toMatchObject({ code: 513 });
    const { blob, signed } = rawUpdate(site, project, weightsOf(4));
    await site.channel.putBlob(blob);
    const forged = { ...signed, statement: signed.statement.replace('"examples":10', '"examples":99') };
    await expect(site.channel.ask({ kind: 'update-offered', update: forged })).rejects.toMatchObject({ code: 403 });
    expect(await hub.status()).toMatchObject({ acceptedUpdates: 0, refusedUpdates: 7, trunkVersion: 0 });
  });

  it('older than the project allows are refused, and the rest weighs the less the staler it is', async () => {
    const hub = await newHub();
    const site = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' }));
    const offer = async (value: number, baseVersion: number): Promise<unknown> => {
      const { blob, signed } = rawUpdate(site, project, weightsOf(value), { baseVersion });
      await site.channel.putBlob(blob);
      return site.channel.ask({ kind: 'update-offered', update: signed });
    };
    await offer(1, 0);
    await offer(3, 0);
    await until('the first commit', async () => (await hub.status()).trunkVersion === 1);
    expect(firstWeight((await hub.trunkWeights())!)).toBeCloseTo(2, 6);
    await offer(2, 1);
    await offer(5, 0);
    await until('the second commit', async () => (await hub.status()).trunkVersion === 2);
    const stale = stalenessWeight(project.trunkRule.staleness, 1);
    expect(firstWeight((await hub.trunkWeights())!)).toBeCloseTo(2 + (2 + 5 * stale) / (1 + stale), 5);
    await expect(offer(7, 0)).rejects.toMatchObject({ code: 560 });
  });

  it('go on at the last acknowledged chunk after the line was cut, and damaged ones start anew', async () => {
    const values = (5 * wireLimits.chunkBytes) / 4;
    const hub = await newHub(weightsOf(0, values));
    const invite = await hub.createInvite();
    const first = await rawSite({ invite, folder: bench.folder(), name: 'Lyon' });
    const bytes = weightsOf(1, values);
    const { blob, signed } = rawUpdate(first, project, bytes);

    // Two chunks by hand, then the line is gone.
    const begun = await first.channel.ask({ kind: 'put-begin', hash: blob, bytes: bytes.length });
    if (begun.kind !== 'have') throw new Error('no answer');
    expect(begun.offset).toBe(0);
    for (let chunk = 0; chunk < 2; chunk += 1) {
      const offset = chunk * wireLimits.chunkBytes;
      const payload = bytes.subarray(offset, offset + wireLimits.chunkBytes);
      first.line.socket.send(encodeChunk({ transfer: begun.transfer, offset, payload }));
    }
    const again = await first.channel.ask({ kind: 'put-begin', hash: blob, bytes: bytes.length });
    expect(again).toMatchObject({ kind: 'have', offset: 2 * wireLimits.chunkBytes });
    first.line.socket.terminate();
    await first.channel.ended;

    const second = bench.keep(
      await rawSite({ invite, folder: bench.folder(), name: 'Lyon', keys: first.keys, isEnrolled: true }),
    );
    second.blobs.put(bytes);
    const resumed = await second.channel.ask({ kind: 'put-begin', hash: blob, bytes: bytes.length });
    expect(resumed).toMatchObject({ kind: 'have', offset: 2 * wireLimits.chunkBytes });
    await second.channel.putBlob(blob);
    await second.channel.ask({ kind: 'update-offered', update: signed });
    expect((await hub.status()).acceptedUpdates).toBe(1);

    // Bytes that are not the announced ones are thrown away whole.
    const other = weightsOf(2, values);
    const wrong = rawUpdate(second, project, other);
    const put = await second.channel.ask({ kind: 'put-begin', hash: wrong.blob, bytes: 8 });
    if (put.kind !== 'have') throw new Error('no answer');
    second.line.socket.send(encodeChunk({ transfer: put.transfer, offset: 0, payload: Buffer.from('8 bytes!') }));
    await expect(second.channel.ask({ kind: 'put-end', transfer: put.transfer })).rejects.toMatchObject({ code: 404 });
    await second.channel.putBlob(wrong.blob);
  });

  it('that are one blob of several sites at the same moment all arrive, and end nobody’s transfer', async () => {
    const values = (24 * wireLimits.chunkBytes) / 4;
    const hub = await newHub(weightsOf(0, values));
    const bytes = weightsOf(1, values);
    const sites = [];
    for (const name of ['Lyon', 'Oslo', 'Quito', 'Turin']) {
      const invite = await hub.createInvite();
      sites.push(bench.keep(await rawSite({ invite, folder: bench.folder(), name })));
    }
    const updates = sites.map((site) => rawUpdate(site, project, bytes));
    await Promise.all(sites.map(({ channel }, index) => channel.putBlob(updates[index]!.blob)));
    await sites[0]!.channel.ask({ kind: 'update-offered', update: updates[0]!.signed });
    expect((await hub.status()).acceptedUpdates).toBe(1);
  });

  it('whose line was cut after the last chunk are whole at the next attempt, and damaged ones start anew', async () => {
    const hub = await newHub();
    const invite = await hub.createInvite();
    const first = await rawSite({ invite, folder: bench.folder(), name: 'Lyon' });
    const bytes = weightsOf(1);
    const { blob, signed } = rawUpdate(first, project, bytes);
    const other = rawUpdate(first, project, weightsOf(2));
    // Every byte, no put-end; of the other blob as many bytes, but wrong ones.
    for (const [hash, payload] of [
      [blob, bytes],
      [other.blob, Buffer.alloc(bytes.length)],
    ] as const) {
      const begun = await first.channel.ask({ kind: 'put-begin', hash, bytes: bytes.length });
      if (begun.kind !== 'have') throw new Error('no answer');
      first.line.socket.send(encodeChunk({ transfer: begun.transfer, offset: 0, payload }));
    }
    // Frames are taken in order: once this is answered, the chunks are on the disk.
    await first.channel.ask({ kind: 'put-end', transfer: '0'.repeat(32) }).catch(() => {});
    first.line.socket.terminate();
    await first.channel.ended;

    const second = bench.keep(
      await rawSite({ invite, folder: bench.folder(), name: 'Lyon', keys: first.keys, isEnrolled: true }),
    );
    second.blobs.put(bytes);
    second.blobs.put(weightsOf(2));
    await second.channel.putBlob(blob);
    await second.channel.ask({ kind: 'update-offered', update: signed });
    await second.channel.putBlob(other.blob);
    await second.channel.ask({ kind: 'update-offered', update: other.signed });
    expect((await hub.status()).acceptedUpdates).toBe(2);
  });

  it('that name another site’s model are refused and leave it where it is', async () => {
    const hub = await newHub();
    const invite = (): Promise<string> => hub.createInvite();
    const lyon = bench.keep(await rawSite({ invite: await invite(), folder: bench.folder(), name: 'Lyon' }));
    const oslo = bench.keep(await rawSite({ invite: await invite(), folder: bench.folder(), name: 'Oslo' }));
    const { sealed, statement } = rawModel(lyon, project);
    await lyon.channel.putBlob(sealed);
    const envelopes = [{ recipient: oslo.keys.fingerprint, sealedKey: 'sealed' }];
    await lyon.channel.ask({ kind: 'model-published', model: statement, envelopes });
    const bytes = lyon.blobs.size(sealed)!;
    const stolen = rawUpdate(oslo, project, weightsOf(9), { blob: sealed, bytes });
    await expect(oslo.channel.ask({ kind: 'update-offered', update: stolen.signed })).rejects.toMatchObject({
      retry: 'never',
    });
    await oslo.channel.getBlob(sealed, bytes);
    expect(oslo.blobs.has(sealed)).toBe(true);
  });

  it('open at once are limited, and an author has one model in a project', async () => {
    const hub = await newHub();
    const lyon = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' }));
    const oslo = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Oslo' }));
    const begin = (digit: number): Promise<unknown> =>
      lyon.channel.ask({ kind: 'put-begin', hash: String(digit).repeat(64), bytes: 100 });
    for (const digit of [1, 2, 3, 4, 4, 4]) await begin(digit);
    await expect(begin(5)).rejects.toMatchObject({ code: 415, retry: 'later' });

    const envelopes = [{ recipient: oslo.keys.fingerprint, sealedKey: 'sealed' }];
    const publish = async (changes = {}): Promise<string> => {
      const { sealed, statement } = rawModel(oslo, project, changes);
      await oslo.channel.putBlob(sealed);
      await oslo.channel.ask({ kind: 'model-published', model: statement, envelopes });
      return sealed;
    };
    await expect(publish({ projectHash: '1'.repeat(64) })).rejects.toMatchObject({ code: 511 });
    const [first, second] = [await publish(), await publish()];
    oslo.blobs.remove(first);
    oslo.blobs.remove(second);
    await expect(oslo.channel.getBlob(first, 100)).rejects.toMatchObject({ code: 517 });
    await oslo.channel.getBlob(second, 100);
  });

  it('too large for the project, or blobs of others, are not taken and not given', async () => {
    const hub = await newHub();
    const site = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' }));
    const large = site.blobs.put(new Uint8Array(1024 * 1024));
    await expect(site.channel.putBlob(large)).rejects.toMatchObject({ code: 405 });
    const other = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Oslo' }));
    const { blob } = rawUpdate(other, project, weightsOf(1));
    await other.channel.putBlob(blob);
    await expect(site.channel.getBlob(blob, other.blobs.size(blob)!)).rejects.toMatchObject({ code: 517 });
  });

  it('that a changed message would carry end the connection', async () => {
    const hub = await newHub();
    const site = await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' });
    site.line.socket.send(`${'A'.repeat(43)}{"kind":"leave","id":1}`);
    expect((await site.channel.ended).message).toContain('seal');
    expect((await hub.status()).members).toHaveLength(1);
  });

  it('wait for a deadline that is longer than a timer can be, without counting as due', async () => {
    const patient = practiceProject({ rule: { bufferSize: 2, deadlineMs: 2 ** 32 } });
    const hub = bench.keep(
      await openHub({ folder: bench.folder(), port: 0, project: patient, initialWeights: weightsOf(0) }),
    );
    const site = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' }));
    const warnings: string[] = [];
    const listen = ({ name }: Error): void => void warnings.push(name);
    process.on('warning', listen);
    const { blob, signed } = rawUpdate(site, patient, weightsOf(1));
    await site.channel.putBlob(blob);
    await site.channel.ask({ kind: 'update-offered', update: signed });
    await site.channel.ask({ kind: 'update-offered', update: signed });
    process.off('warning', listen);
    expect(warnings).toEqual([]);
    expect(await hub.status()).toMatchObject({ bufferedUpdates: 1, trunkVersion: 0 });
  });

  it('from a site that went silent are not waited for: it counts as offline after three missed pings', async () => {
    const hub = bench.keep(
      await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0), pingMs: 30 }),
    );
    const site = await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' });
    expect((await hub.status()).members).toMatchObject([{ online: true }]);
    site.line.socket.pause();
    await until('the hub notices', async () => (await hub.status()).members[0]?.online === false);
    site.line.socket.terminate();
    await site.channel.ended;
  });

  it('find the older connection of the same device closed, so that none is served twice', async () => {
    const hub = await newHub();
    const invite = await hub.createInvite();
    const older = await rawSite({ invite, folder: bench.folder(), name: 'Lyon' });
    bench.keep(await rawSite({ invite, folder: bench.folder(), name: 'Lyon', keys: older.keys, isEnrolled: true }));
    expect((await older.channel.ended).message).toContain('newer connection');
    expect((await hub.status()).members).toMatchObject([{ site: 'Lyon', online: true }]);
  });
});
