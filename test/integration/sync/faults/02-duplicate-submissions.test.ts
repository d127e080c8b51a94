import { afterEach, describe, expect, it } from 'vitest';
import { openHub } from '../../../../src/sync/hub/hub.ts';
import { openBench, practiceProject, weightsOf } from '../federation-fixture.ts';
import { rawSite, rawUpdate } from '../raw-site.ts';

const bench = openBench();
afterEach(() => bench.close());

describe('fault 2: a submission that comes again', () => {
  it('before its receipt, after it, by a new socket and by two at once is one update with one receipt', async () => {
    const project = practiceProject({ rule: { bufferSize: 5 } });
    const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0) }));
    const order = { invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' };
    const first = await rawSite(order);
    const { blob, signed } = rawUpdate(first, project, weightsOf(1));
    await first.channel.putBlob(blob);
    const offer = { kind: 'update-offered', update: signed } as const;
    const receipts: string[] = [];
    const take = (answer: { kind: string; receipt?: { signature: string } }): void =>
      void (answer.receipt && receipts.push(answer.receipt.signature));

    // Twice before any receipt, and once after.
    const twice = [first.channel.ask(offer), first.channel.ask(offer)];
    for (const answer of await Promise.all(twice)) take(answer);
    take(await first.channel.ask(offer));
    // On the old socket and on the one that takes over, at once: the old one may not hear the answer.
    const late = first.channel.ask(offer).then(take, () => {});
    const second = await rawSite({ ...order, keys: first.keys, isEnrolled: true });
    take(await second.channel.ask(offer));
    await late;
    // A socket that dies before it hears the receipt.
    second.channel.ask(offer).catch(() => {});
    second.line.socket.terminate();
    await second.channel.ended;
    const third = bench.keep(await rawSite({ ...order, keys: first.keys, isEnrolled: true }));
    take(await third.channel.ask(offer));

    expect(receipts.length).toBeGreaterThanOrEqual(5);
    expect(new Set(receipts).size).toBe(1);
    expect(await hub.status()).toMatchObject({ acceptedUpdates: 1, bufferedUpdates: 1 });
  });
});
