// SCAFFOLD at a real hub and real sites, on quadratics whose optimum is known: what control variates do to the trunk, and what of them
// survives kills, losses and departures.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { projectSchema, type Project } from '../../../src/contract/federation.ts';
import { seededRandom } from '../../../src/sync/aggregation/seeded-random.ts';
import { decodeWeights, encodeWeights, type Weights } from '../../../src/sync/aggregation/weights.ts';
import { encodeUpdate } from '../../../src/sync/aggregation/update.ts';
import { type Hub, openHub } from '../../../src/sync/hub/hub.ts';
import type { HubStep } from '../../../src/sync/hub/hub-step.ts';
import { readMembershipState } from '../../../src/sync/site/membership-file.ts';
import type { SiteWork } from '../../../src/sync/site/site-work.ts';
import { driftCorrection, newControlVariate } from '../../../src/trainer/networks/scaffold.ts';
import { openBench, practiceProject, practiceWork, until } from './federation-fixture.ts';
import { rawSite, rawUpdate } from './raw-site.ts';

const bench = openBench();
afterEach(() => bench.close());

const name = 'logits.kernel';
/** A matrix that the compact codecs do not pass over. */
const shape = [2, 512];
const parameters = 1_024;
const learningRate = 0.2;
const localSteps = 5;
const names = ['Lyon', 'Oslo', 'Quito'];

interface Quadratic {
  readonly curvature: readonly number[];
  readonly centre: readonly number[];
}
const random = seededRandom(7);
const sites: readonly Quadratic[] = names.map(() => ({
  curvature: Array.from({ length: parameters }, () => 0.5 + 2 * random()),
  centre: Array.from({ length: parameters }, () => 4 * random() - 2),
}));
/** Where the gradients of these sites add up to nothing. */
const optimumOf = (of: readonly Quadratic[]): number[] =>
  Array.from({ length: parameters }, (_, index) => {
    const pull = of.reduce((sum, { curvature, centre }) => sum + curvature[index]! * centre[index]!, 0);
    return pull / of.reduce((sum, { curvature }) => sum + curvature[index]!, 0);
  });

const tensorsOf = (bytes: Uint8Array | null): Map<string, Float32Array> =>
  bytes === null
    ? new Map([[name, new Float32Array(parameters)]])
    : new Map([...decodeWeights(bytes)].map(([tensor, { values }]) => [tensor, values]));
const fileOf = (values: ArrayLike<number>): Uint8Array =>
  encodeWeights(new Map([[name, { shape, values: Float32Array.from(values) }]]));
const valuesOf = (weights: Weights): number[] => [...weights.get(name)!.values];
const distance = (found: readonly number[], to: readonly number[]): number =>
  Math.hypot(...found.map((value, index) => value - to[index]!)) / Math.hypot(...to);

/** Corrected steps down a quadratic, as the trainer makes them. */
function quadraticWork(
  { curvature, centre }: Quadratic,
  onTurn: (turn: number) => Promise<void> = async () => {},
): SiteWork {
  return {
    ...practiceWork({ step: 0 }),
    layoutOf: () => [{ name, shape }],
    async trainUpdate({ trunkWeights, controlVariates, turn }) {
      await onTurn(turn);
      const start = tensorsOf(trunkWeights);
      const [site, trunk] = [tensorsOf(controlVariates?.site ?? null), tensorsOf(controlVariates?.trunk ?? null)];
      const correction = driftCorrection(trunk, site).get(name)!;
      const weights = Float64Array.from(start.get(name)!);
      for (let step = 0; step < localSteps; step += 1) {
        weights.forEach((weight, index) => {
          weights[index]! -= learningRate * (curvature[index]! * (weight - centre[index]!) + correction[index]!);
        });
      }
      const end = tensorsOf(fileOf(weights));
      const next = newControlVariate({
        siteVariate: site,
        trunkVariate: trunk,
        start,
        end,
        learningRateSum: localSteps * learningRate,
      });
      return {
        weights: fileOf(weights),
        examples: 100,
        loss: 0.5,
        ...(controlVariates !== null && { controlVariate: fileOf(next.get(name)!) }),
      };
    },
  };
}

const scaffold = (changes: object = {}, rule: Partial<Project['trunkRule']> = {}): Project =>
  projectSchema.parse({
    ...practiceProject({ commits: 12, peerModels: false, rule: { bufferSize: 3, rounds: true, ...rule } }),
    hyperParameters: { optimiser: 'sgd' },
    controlVariates: true,
    ...changes,
  });

const openQuadraticHub = (
  project: Project,
  folder = bench.folder(),
  onStep: (step: HubStep) => void = () => {},
): Promise<Hub> => openHub({ folder, port: 0, project, initialWeights: fileOf(new Float64Array(parameters)), onStep });

async function join(hub: Hub, site: Awaited<ReturnType<typeof bench.site>>): Promise<void> {
  const { federation } = await site.join(await hub.createInvite());
  await until('the project is here', () => site.memberships()[0]?.project);
  await site.approve(federation, 'chest');
}

/** When a site may train, and the end of all waiting. */
interface Pace {
  onTurn(site: number, turn: number): Promise<void>;
  end(): void;
}
const atWill: Pace = { onTurn: async () => {}, end() {} };

/**
 * Of each commit another site, drawn at random, is no part: it holds what it began until it is drawn in again, and is the staler for it. At
 * will, a busy machine can have two sites make all the commits while the third trains a few times, and then there is no optimum of three.
 */
function leavingOneOut(commits: number): Pace {
  const draw = seededRandom(11);
  const leftOut = Array.from({ length: commits }, () => Math.floor(draw() * names.length));
  /** Of each site, the commits that it is a part of. */
  const partOf = names.map((_, site) => [...leftOut.keys()].filter((commit) => leftOut[commit] !== site));
  /** An abandoned training is made once more as the same turn. */
  const trained = new Set<string>();
  const waiting = new Set<{ readonly from: number; go(): void }>();
  let isOver = false;
  const letGo = (soFar: number): void => {
    for (const one of waiting) {
      if (one.from > soFar) continue;
      waiting.delete(one);
      one.go();
    }
  };
  return {
    async onTurn(site, turn) {
      const from = (partOf[site]![turn] ?? Infinity) * (names.length - 1);
      if (!isOver && trained.size < from) await new Promise<void>((go) => waiting.add({ from, go }));
      trained.add(`${site} ${turn}`);
      letGo(trained.size);
    },
    end() {
      isOver = true;
      letGo(Infinity);
    },
  };
}

/** Plays the project to its end. @returns the last trunk. */
async function played(project: Project, { onTurn, end }: Pace = atWill): Promise<number[]> {
  const hub = bench.keep(await openQuadraticHub(project));
  try {
    for (const [index, site] of names.entries()) {
      await join(
        hub,
        await bench.site(
          site,
          quadraticWork(sites[index]!, (turn) => onTurn(index, turn)),
        ),
      );
    }
    await until('the project is finished', async () => (await hub.status()).trunkVersion >= project.commits, 60_000);
  } finally {
    end();
  }
  return valuesOf(decodeWeights((await hub.trunkWeights())!));
}

const homeOf = (folder: string): string => {
  const federations = path.join(folder, 'federations');
  return path.join(federations, readdirSync(federations)[0]!);
};
const blobIn = (folder: string, blob: string): string => path.join(folder, 'blobs', blob.slice(0, 2), blob);

describe('SCAFFOLD at a hub', () => {
  it('comes to the optimum of unlike sites in rounds, where FedAvg stays away from it', async () => {
    const optimum = optimumOf(sites);
    expect(distance(await played(scaffold()), optimum)).toBeLessThan(1e-3);
    expect(distance(await played(scaffold({ controlVariates: false })), optimum)).toBeGreaterThan(0.1);
  }, 120_000);

  it('comes to it without rounds, where updates are stale and come in any order', async () => {
    const project = scaffold({ commits: 30 }, { bufferSize: 2, rounds: false, maxStalenessCommits: 100 });
    const found = await played(project, leavingOneOut(project.commits));
    expect(distance(found, optimumOf(sites))).toBeLessThan(0.1);
  }, 120_000);

  it.each([
    [{ updateCodec: 'int8' }, 0.01],
    [{ updateCodec: 'top-k', keptShare: 0.5, commits: 20 }, 0.1],
  ] as const)(
    'comes near it with %j, whose losses come later',
    async (changes, within) => {
      expect(distance(await played(scaffold(changes)), optimumOf(sites))).toBeLessThan(within);
    },
    120_000,
  );

  it('is FedAvg, bit for bit, in its first commit, whose variates are 0', async () => {
    const [first, plain] = [
      await played(scaffold({ commits: 1 })),
      await played(scaffold({ commits: 1, controlVariates: false })),
    ];
    expect(first).toEqual(plain);
  });

  it('gives sites the mean of what they sent, signed with the trunk, and nobody another site’s', async () => {
    const project = scaffold({ commits: 4 }, { bufferSize: 2 });
    const folder = bench.folder();
    const hub = bench.keep(await openQuadraticHub(project, folder));
    let stop: () => void = () => {};
    const stopped = new Promise<void>((resolve) => (stop = resolve));
    const held = async (turn: number): Promise<void> => (turn < 2 ? undefined : stopped);
    const opened = [
      await bench.site('Lyon', quadraticWork(sites[0]!, held)),
      await bench.site('Oslo', quadraticWork(sites[1]!, held)),
    ];
    for (const site of opened) await join(hub, site);
    await until('two commits', async () => (await hub.status()).trunkVersion === 2);
    await until('both hold the trunk', () => opened.every((site) => site.memberships()[0]!.trunkVersion === 2));
    await until('both train again', () => opened.every((site) => site.memberships()[0]!.activity === 'training'));
    const states = opened.map((site) => readMembershipState(homeOf(site.folder))!);
    const trunk = states[0]!.trunk!.controlVariate!;
    const own = states.map((state, index) =>
      valuesOf(decodeWeights(readFileSync(blobIn(homeOf(opened[index]!.folder), state.controlVariate!.blob)))),
    );
    const mean = valuesOf(decodeWeights(readFileSync(blobIn(folder, trunk.blob))));
    expect(
      Math.max(...mean.map((value, index) => Math.abs(value - (own[0]![index]! + own[1]![index]!) / 2))),
    ).toBeLessThan(1e-5);
    // Only what the newest commit needs is kept: two sites' and the mean.
    const curious = bench.keep(
      await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Curious' }),
    );
    await curious.channel.getBlob(trunk.blob, trunk.bytes);
    await expect(curious.channel.getBlob(states[0]!.controlVariate!.blob, 1_000)).rejects.toMatchObject({
      retry: 'never',
    });
    stop();
  });

  it('does not take an update without its site’s control variate, nor one that is not finite', async () => {
    const project = scaffold();
    const hub = bench.keep(await openQuadraticHub(project));
    const site = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Rude' }));
    const offered = async (tensors: Record<string, number>): Promise<unknown> => {
      const update = new Map(
        Object.entries(tensors).map(([tensor, value]) => [
          tensor,
          { shape, values: new Float32Array(parameters).fill(value) },
        ]),
      );
      const { blob, signed } = rawUpdate(site, project, encodeUpdate(update, project));
      await site.channel.putBlob(blob);
      return site.channel.ask({ kind: 'update-offered', update: signed });
    };
    await expect(offered({ [name]: 1 })).rejects.toMatchObject({ code: 552 });
    await expect(offered({ [name]: 1, [`control-variate/${name}`]: Number.NaN })).rejects.toMatchObject({ code: 555 });
    await expect(offered({ [name]: 1, [`control-variate/${name}`]: 2 })).resolves.toMatchObject({
      kind: 'update-accepted',
    });
  });

  let uninterrupted: Promise<number[]> | null = null;
  it.each(['update-accepted', 'optimizer-state-written', 'trunk-blob-written', 'trunk-committed'] as const)(
    'a hub that dies at %s goes on to the same bits',
    async (at) => {
      const project = scaffold({ commits: 6 });
      uninterrupted ??= played(project);
      const wanted = await uninterrupted;
      const folder = bench.folder();
      let dies = false;
      let count = 0;
      const hub = await openQuadraticHub(project, folder, (step) => {
        if (step === at) count += 1;
        dies ||= step === at && count === 2;
        if (dies) throw new Error('the hub was killed');
      });
      for (const [index, site] of names.entries())
        await join(hub, await bench.site(site, quadraticWork(sites[index]!)));
      await until('it is as good as dead', () => dies);
      const { port } = hub;
      await hub.close();
      const again = bench.keep(
        await openHub({ folder, port, project, initialWeights: fileOf(new Float64Array(parameters)) }),
      );
      await until('the project is finished', async () => (await again.status()).trunkVersion === 6, 60_000);
      expect(valuesOf(decodeWeights((await again.trunkWeights())!))).toEqual(wanted);
    },
    90_000,
  );

  it('a site that lost its control variate, in the midst of it, still comes to the optimum', async () => {
    const project = scaffold({ commits: 18 });
    const hub = bench.keep(await openQuadraticHub(project));
    const folder = bench.folder();
    let reached = false;
    const first = await bench.site(
      'Lyon',
      quadraticWork(sites[0]!, async (turn) => void (reached ||= turn >= 5)),
      folder,
    );
    await join(hub, first);
    for (const index of [1, 2]) await join(hub, await bench.site(names[index]!, quadraticWork(sites[index]!)));
    await until('it is under way', () => reached);
    await first.close();
    const { controlVariate } = readMembershipState(homeOf(folder))!;
    rmSync(blobIn(homeOf(folder), controlVariate!.blob));
    await bench.site('Lyon', quadraticWork(sites[0]!), folder);
    await until('the project is finished', async () => (await hub.status()).trunkVersion >= project.commits, 60_000);
    expect(distance(valuesOf(decodeWeights((await hub.trunkWeights())!)), optimumOf(sites))).toBeLessThan(1e-3);
  }, 90_000);

  it('a site that left pulls the others no more', async () => {
    const project = scaffold({ commits: 24 }, { bufferSize: 2 });
    const hub = bench.keep(await openQuadraticHub(project));
    let reached = false;
    const leaving = await bench.site(
      'Quito',
      quadraticWork(sites[2]!, async (turn) => void (reached ||= turn >= 3)),
    );
    await join(hub, leaving);
    for (const index of [0, 1]) await join(hub, await bench.site(names[index]!, quadraticWork(sites[index]!)));
    await until('it took part', () => reached);
    await leaving.leave(leaving.memberships()[0]!.federation);
    await until('the project is finished', async () => (await hub.status()).trunkVersion >= project.commits, 60_000);
    expect(distance(valuesOf(decodeWeights((await hub.trunkWeights())!)), optimumOf(sites.slice(0, 2)))).toBeLessThan(
      1e-2,
    );
  }, 90_000);

  it('keeps no control variate when the project is finished', async () => {
    const folder = bench.folder();
    const project = scaffold({ commits: 3 });
    const hub = bench.keep(await openQuadraticHub(project, folder));
    for (const [index, site] of names.entries()) await join(hub, await bench.site(site, quadraticWork(sites[index]!)));
    await until('the project is finished', async () => (await hub.status()).trunkVersion === 3);
    const blobs = (): string[] =>
      readdirSync(path.join(folder, 'blobs'), { recursive: true })
        .map(String)
        .filter((file) => file.length > 60);
    // The four versions of the trunk.
    await until('the rest is gone', () => blobs().length === 4);
    expect(blobs()).toHaveLength(4);
  });

  it.each([
    ['mode', { mode: { kind: 'gossip' } }, {}],
    ['optimiser', { hyperParameters: { optimiser: 'adam' } }, {}],
    [
      'privacy',
      {
        hyperParameters: { optimiser: 'sgd', privacy: { noiseMultiplier: 1, clipNorm: 1, delta: 1e-5, maxEpsilon: 3 } },
      },
      {},
    ],
    ['secureAggregation', { secureAggregation: { threshold: 3 } }, {}],
    ['combination', {}, { combination: { kind: 'median' }, staleness: { kind: 'constant' } }],
    ['clipNorm', {}, { clipNorm: 1 }],
  ] as const)(
    'is refused where the mathematics does not allow it, with the reason: %s',
    async (word, changes, rule) => {
      const project = scaffold(changes, rule as Partial<Project['trunkRule']>);
      await expect(openQuadraticHub(project)).rejects.toMatchObject({
        code: 524,
        message: expect.stringContaining(word),
      });
    },
  );
});
