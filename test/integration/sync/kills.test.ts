import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { openCommit } from '../../../src/sync/aggregation/trunk-commit.ts';
import { decodeWeights, encodeWeights, type Weights } from '../../../src/sync/aggregation/weights.ts';
import { openHub } from '../../../src/sync/hub/hub.ts';
import type { HubStep } from '../../../src/sync/hub/hub-step.ts';
import { firstWeight, openBench, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';
import { type ForkedHub, type ForkedHubOrder, forkHub } from './forked-hub.ts';
import { rawSite, rawUpdate } from './raw-site.ts';

const bench = openBench();
afterEach(() => bench.close());

const hubProcess = (order: ForkedHubOrder): Promise<ForkedHub> => forkHub(bench, order);

describe('a hub that is killed', () => {
  it.each<HubStep>(['update-accepted', 'trunk-blob-written', 'trunk-committed'])(
    'at the step %s loses no acknowledged update, counts none twice, and ends at the same trunk',
    async (dieAt) => {
      const folder = bench.folder();
      const project = { rule: { bufferSize: 1 }, commits: 2 };
      const first = await hubProcess({ folder, dieAt, project });
      const lyon = await bench.site('Lyon', practiceWork({ step: 1 }));
      await lyon.join(first.invites[0]!);
      await until('the project is announced', () => lyon.memberships()[0]?.project);
      await lyon.approve('ImagiQ', 'chest');
      await first.died;
      await hubProcess({ folder, port: first.port, project });
      const finished = await until('the project is finished', () =>
        lyon.memberships().find(({ state }) => state === 'finished'),
      );
      expect(finished.trunkVersion).toBe(2);
    },
    90_000,
  );

  it('between acceptance and commit commits the buffered update later, bit for bit as if nothing had happened', async () => {
    const options = { rule: { bufferSize: 2 }, commits: 5 };
    const project = practiceProject(options);
    const trunks: Buffer[] = [];
    for (const isKilled of [false, true]) {
      const folder = bench.folder();
      let hub = await hubProcess({ folder, project: options });
      const site = await rawSite({ invite: hub.invites[0]!, folder: bench.folder(), name: 'Lyon' });
      const one = rawUpdate(site, project, weightsOf(0.1));
      await site.channel.putBlob(one.blob);
      expect(await site.channel.ask({ kind: 'update-offered', update: one.signed })).toMatchObject({
        isDuplicate: false,
      });
      if (isKilled) {
        hub.child.kill('SIGKILL');
        await hub.died;
        hub = await hubProcess({ folder, port: hub.port, project: options });
      }
      const again = await rawSite({
        invite: hub.invites[0]!,
        folder: bench.folder(),
        name: 'Lyon',
        keys: site.keys,
        isEnrolled: true,
      });
      // Not having heard the answer, a site offers again: the stored receipt is the answer.
      expect(await again.channel.ask({ kind: 'update-offered', update: one.signed })).toMatchObject({
        isDuplicate: true,
      });
      const two = rawUpdate(again, project, weightsOf(0.7), { examples: 33 });
      await again.channel.putBlob(two.blob);
      await again.channel.ask({ kind: 'update-offered', update: two.signed });
      await until('the commit', () => hub.news.some(({ kind }) => kind === 'trunk-committed'));
      await again.close();
      hub.child.kill('SIGKILL');
      await hub.died;
      const reopened = bench.keep(await openHub({ folder, port: 0 }));
      expect(await reopened.status()).toMatchObject({ trunkVersion: 1, acceptedUpdates: 2, bufferedUpdates: 0 });
      trunks.push(Buffer.from((await reopened.trunkWeights())!));
    }
    expect(trunks[1]!.equals(trunks[0]!)).toBe(true);
    expect(firstWeight(trunks[0]!)).toBeCloseTo((0.1 * 10 + 0.7 * 33) / 43, 6);
  }, 90_000);
});

describe('the server optimiser’s state of a hub that is killed', () => {
  const options = {
    rule: {
      bufferSize: 1,
      serverOptimizer: { kind: 'adam', beta1: 0.9, beta2: 0.99, tau: 1e-3 },
      serverLearningRate: 0.1,
    },
    commits: 6,
  } as const;
  const project = practiceProject(options);

  /** Three commits; a site offers each update until it is answered. The hub dies once in the second commit. */
  async function trunkAfterThree(dieAt: HubStep | null, weights = 64): Promise<{ trunk: Buffer; blobs: number }> {
    const folder = bench.folder();
    let hub = await hubProcess({ folder, ...(dieAt && { dieAt, dieAtTime: 2 }), project: options, weights });
    let deaths = 0;
    const order = { invite: hub.invites[0]!, folder: bench.folder(), name: 'Lyon' };
    let site = await rawSite(order);
    for (const value of [0.5, -0.3, 2]) {
      const { blob, signed } = rawUpdate(site, project, weightsOf(value, weights));
      const offer = async (): Promise<void> => {
        await site.channel.putBlob(blob);
        await site.channel.ask({ kind: 'update-offered', update: signed });
      };
      try {
        await offer();
      } catch {
        await hub.died;
        deaths += 1;
        hub = await hubProcess({ folder, port: hub.port, project: options, weights });
        site = await rawSite({ ...order, keys: site.keys, isEnrolled: true });
        await offer();
      }
    }
    await site.close();
    hub.child.kill('SIGKILL');
    await hub.died;
    expect(deaths).toBe(dieAt === null ? 0 : 1);
    // A day later nothing lies in the folder that no row names.
    const reopened = bench.keep(await openHub({ folder, port: 0, clock: () => Date.now() + 25 * 3_600_000 }));
    expect(await reopened.status()).toMatchObject({ trunkVersion: 3, acceptedUpdates: 3, bufferedUpdates: 0 });
    const blobs = readdirSync(path.join(folder, 'blobs'), { recursive: true, withFileTypes: true });
    return {
      trunk: Buffer.from((await reopened.trunkWeights())!),
      blobs: blobs.filter((entry) => entry.isFile()).length,
    };
  }

  it('is neither lost nor applied twice, whichever step it dies at: the trunk is the same to the last bit', async () => {
    const whole = await trunkAfterThree(null);
    // Four trunk versions and one state.
    expect(whole.blobs).toBe(5);
    for (const step of [
      'update-accepted',
      'optimizer-state-written',
      'trunk-blob-written',
      'trunk-committed',
    ] as const) {
      const cut = await trunkAfterThree(step);
      expect({ step, isSame: cut.trunk.equals(whole.trunk), blobs: cut.blobs }).toEqual({
        step,
        isSame: true,
        blobs: 5,
      });
    }
    // Without its memory Adam would have gone elsewhere.
    const commit = (trunk: Weights, value: number, state: Weights | null) => {
      const contribution = { id: 'one', site: 'lyon', examples: 10, stalenessCommits: 0 };
      const open = openCommit({
        base: trunk,
        contributions: [contribution],
        rule: project.trunkRule,
        optimizerState: state,
      });
      open.add('one', decodeWeights(weightsOf(value)));
      return open.finish();
    };
    let [trunk, state]: [Weights, Weights | null] = [decodeWeights(weightsOf(0)), null];
    for (const value of [0.5, -0.3, 2]) {
      ({ weights: trunk, optimizerState: state } = commit(trunk, value, state));
    }
    expect(Buffer.from(encodeWeights(trunk)).equals(whole.trunk)).toBe(true);
    expect(firstWeight(encodeWeights(commit(trunk, 1, null).weights))).not.toBeCloseTo(
      firstWeight(encodeWeights(commit(trunk, 1, state).weights)),
      3,
    );
  }, 120_000);

  it('nor where a thread computes the commits: a million weights and more', async () => {
    const weights = 1_100_000;
    const whole = await trunkAfterThree(null, weights);
    for (const step of ['optimizer-state-written', 'trunk-blob-written'] as const) {
      const cut = await trunkAfterThree(step, weights);
      expect({ step, isSame: cut.trunk.equals(whole.trunk), blobs: cut.blobs }).toEqual({
        step,
        isSame: true,
        blobs: 5,
      });
    }
  }, 120_000);
});

describe('a site that is killed', () => {
  it('while it trains goes on with the same update when it starts again, and counts none twice', async () => {
    const project = practiceProject({ rule: { bufferSize: 1 }, commits: 3 });
    const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0) }));
    const folder = bench.folder();
    const file = fileURLToPath(new URL('site-process.ts', import.meta.url));
    const child = fork(file, [JSON.stringify({ folder, invite: await hub.createInvite(), dieAtTurn: 1 })], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const [, signal] = await once(child, 'exit');
    expect(signal).toBe('SIGKILL');
    const turns: number[] = [];
    const lyon = await bench.site(
      'Lyon',
      practiceWork({ step: 1, beforeUpdate: async (turn) => void turns.push(turn) }),
      folder,
    );
    const finished = await until('the project is finished', () =>
      lyon.memberships().find(({ state }) => state === 'finished'),
    );
    expect(turns[0]).toBe(1);
    expect(finished.updates.accepted).toBe(3);
    expect(await hub.status()).toMatchObject({ acceptedUpdates: 3, trunkVersion: 3 });
    expect(firstWeight((await hub.trunkWeights())!)).toBeCloseTo(3, 6);
  });
});
