// What a codec loses of an update is not lost for good: the site's next updates bring it, also after the site came back.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { projectSchema } from '../../../src/contract/federation.ts';
import { encodeTensorFile, float32Tensor } from '../../../src/contract/safetensors.ts';
import { applyUpdate, encodeUpdate } from '../../../src/sync/aggregation/update.ts';
import { decodeWeights, encodeWeights, type Weights } from '../../../src/sync/aggregation/weights.ts';
import { openHubDatabase } from '../../../src/sync/hub/hub-database.ts';
import { openHub } from '../../../src/sync/hub/hub.ts';
import { readMembershipState } from '../../../src/sync/site/membership-file.ts';
import type { SiteWork } from '../../../src/sync/site/site-work.ts';
import { openBench, practiceProject, practiceWork, until } from './federation-fixture.ts';
import { rawSite, rawUpdate } from './raw-site.ts';

const bench = openBench();
afterEach(() => bench.close());

const shape = [2, 1_024];
const name = 'logits.kernel';
/** What each training adds: unlike for every weight, so that top-k has a choice to make. */
const step = Float32Array.from({ length: 2_048 }, (_, index) => Math.sin(index) ** 5 * 0.01);
const made = (times: number): Weights => new Map([[name, { shape, values: step.map((value) => value * times) }]]);

it.each([
  ['int8', 'none'],
  ['top-k', 'none'],
  ['top-k', 'zstd'],
] as const)('%s, packing %s: trunk and what the site still owes are all that it trained', async (codec, packing) => {
  const initialWeights = encodeTensorFile({
    tensors: new Map([[name, float32Tensor(new Float32Array(2_048), shape)]]),
    metadata: {},
  });
  const commits = 12;
  const project = projectSchema.parse({
    ...practiceProject({ rule: { bufferSize: 1 }, commits, peerModels: false }),
    updateCodec: codec,
    updateCompression: packing,
  });
  const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights }));
  let pass: () => void = () => {};
  const halfWay = new Promise<void>((resolve) => (pass = resolve));
  let reached = false;
  const work: SiteWork = {
    ...practiceWork({ step: 0 }),
    layoutOf: () => [{ name, shape }],
    async trainUpdate({ trunkWeights, turn }) {
      if (turn === commits / 2) {
        reached = true;
        await halfWay;
      }
      return { weights: encodeWeights(applyUpdate(decodeWeights(trunkWeights), made(1))), examples: 10, loss: 0.5 };
    },
  };
  const folder = bench.folder();
  const first = await bench.site('Lyon', work, folder);
  const { federation } = await first.join(await hub.createInvite());
  await until('the project is here', () => first.memberships()[0]?.project);
  await first.approve(federation, 'chest');
  await until('half of it is done', () => reached);
  pass();
  await first.close();
  const again = await bench.site('Lyon', work, folder);
  await until('the project is finished', () => again.memberships()[0]?.state === 'finished', 60_000);
  await again.close();

  const federations = path.join(folder, 'federations');
  const home = path.join(federations, readdirSync(federations)[0]!);
  const { blob } = readMembershipState(home)!.residual!;
  const residual = decodeWeights(readFileSync(path.join(home, 'blobs', blob.slice(0, 2), blob)));
  const trunk = decodeWeights((await hub.trunkWeights())!);
  const all = applyUpdate(trunk, residual).get(name)!.values;
  const wanted = made(commits).get(name)!.values;
  all.forEach((value, index) => expect(Math.abs(value - wanted[index]!)).toBeLessThan(1e-5));
  // With top-k a single update moves a tenth of the weights only.
  expect([...residual.get(name)!.values].some((value) => value !== 0)).toBe(true);
});

it('an update that the hub refuses takes with it nothing of those before: it is owed again', async () => {
  const initialWeights = encodeTensorFile({
    tensors: new Map([[name, float32Tensor(new Float32Array(2_048), shape)]]),
    metadata: {},
  });
  const commits = 6;
  const project = projectSchema.parse({
    ...practiceProject({ rule: { bufferSize: 1, maxStalenessCommits: 0 }, commits, peerModels: false }),
    updateCodec: 'top-k',
  });
  const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights }));
  const quick = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Quick' }));
  let isOvertaken = false;
  const work: SiteWork = {
    ...practiceWork({ step: 0 }),
    layoutOf: () => [{ name, shape }],
    async trainUpdate({ trunkWeights, trunkVersion }) {
      if (trunkVersion === 2 && !isOvertaken) {
        isOvertaken = true;
        // While it trains, another site moves the trunk by nothing: what it trains now is too stale.
        const { blob, signed } = rawUpdate(quick, project, encodeUpdate(made(0), project), { baseVersion: 2 });
        await quick.channel.putBlob(blob);
        await quick.channel.ask({ kind: 'update-offered', update: signed });
      }
      return { weights: encodeWeights(applyUpdate(decodeWeights(trunkWeights), made(1))), examples: 10, loss: 0.5 };
    },
  };
  const folder = bench.folder();
  const lyon = await bench.site('Lyon', work, folder);
  const { federation } = await lyon.join(await hub.createInvite());
  await until('the project is here', () => lyon.memberships()[0]?.project);
  await lyon.approve(federation, 'chest');
  await until('the project is finished', () => lyon.memberships()[0]?.state === 'finished', 60_000);
  expect(lyon.memberships()[0]!.updates).toMatchObject({ accepted: commits - 1, refused: 1 });
  await lyon.close();
  const federations = path.join(folder, 'federations');
  const home = path.join(federations, readdirSync(federations)[0]!);
  const { residual } = readMembershipState(home)!;
  const owed = decodeWeights(readFileSync(path.join(home, 'blobs', residual!.blob.slice(0, 2), residual!.blob)));
  const all = applyUpdate(decodeWeights((await hub.trunkWeights())!), owed).get(name)!.values;
  const wanted = made(commits - 1).get(name)!.values;
  all.forEach((value, index) => expect(Math.abs(value - wanted[index]!)).toBeLessThan(1e-5));
});

it.each(['connected', 'away'] as const)(
  'an accepted update that the hub discards is told to its site, which is %s then: what it carried is owed again',
  async (standing) => {
    const initialWeights = encodeTensorFile({
      tensors: new Map([[name, float32Tensor(new Float32Array(2_048), shape)]]),
      metadata: {},
    });
    const project = projectSchema.parse({
      ...practiceProject({ rule: { bufferSize: 2, rounds: true }, commits: 20, peerModels: false }),
      updateCodec: 'top-k',
    });
    const hubFolder = bench.folder();
    const hub = bench.keep(await openHub({ folder: hubFolder, port: 0, project, initialWeights }));
    const oslo = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Oslo' }));
    const offerFromOslo = async (baseVersion: number): Promise<void> => {
      const { blob, signed } = rawUpdate(oslo, project, encodeUpdate(made(baseVersion), project), { baseVersion });
      await oslo.channel.putBlob(blob);
      await oslo.channel.ask({ kind: 'update-offered', update: signed });
    };
    const work: SiteWork = {
      ...practiceWork({ step: 0 }),
      layoutOf: () => [{ name, shape }],
      trainUpdate: async ({ trunkWeights }) => ({
        weights: encodeWeights(applyUpdate(decodeWeights(trunkWeights), made(1))),
        examples: 10,
        loss: 0.5,
      }),
    };
    const folder = bench.folder();
    let lyon = await bench.site('Lyon', work, folder);
    const home = (): string => {
      const federations = path.join(folder, 'federations');
      return path.join(federations, readdirSync(federations)[0]!);
    };
    const residual = (): string | undefined => readMembershipState(home())?.residual?.blob;
    const { federation } = await lyon.join(await hub.createInvite());
    await until('the project is here', () => lyon.memberships()[0]?.project);
    await lyon.approve(federation, 'chest');
    await until('the first waits', async () => (await hub.status()).bufferedUpdates === 1);
    await until('its receipt is here', () => lyon.memberships()[0]?.updates.accepted === 1);
    const owedOfFirst = residual();
    await offerFromOslo(0);
    await until('the second waits', async () => (await hub.status()).bufferedUpdates === 1);
    await until('its receipt is here too', () => lyon.memberships()[0]?.updates.accepted === 2);
    expect(residual()).not.toBe(owedOfFirst);
    const { spool, awaited } = readMembershipState(home())!;
    expect([spool.length, awaited.length]).toEqual([0, 1]);

    if (standing === 'away') await lyon.close();
    for (const { blob } of await waitingIn(hubFolder)) rmSync(path.join(hubFolder, 'blobs', blob.slice(0, 2), blob));
    await offerFromOslo(1);
    if (standing === 'away') lyon = await bench.site('Lyon', work, folder);
    const told = await until('the site knows', () => {
      const membership = lyon.memberships()[0];
      return membership?.updates.discarded === 1 && membership;
    });
    expect(told.discardedBecause).toContain('gone from the hub’s disk');
    expect(lyon.ledger.filter(({ act }) => act === 'update-discarded')).toHaveLength(1);
    // The update that it makes next carries again what the discarded one did.
    const next = await until('the next update', () => {
      const state = readMembershipState(home());
      return state?.awaited.find(({ residualBefore }) => residualBefore === owedOfFirst);
    });
    expect(next.residualAfter).not.toBe(owedOfFirst);
    expect(readMembershipState(home())!.discarded).toBe(1);
  },
  60_000,
);

/** Updates that the hub has accepted and not committed. */
async function waitingIn(hubFolder: string): Promise<readonly { readonly blob: string }[]> {
  const db = await openHubDatabase(hubFolder, { mustExist: true });
  try {
    return await db.all<{ blob: string }>('SELECT blob FROM updates WHERE committedVersion IS NULL');
  } finally {
    await db.close();
  }
}
