// The steps of acceptance and commit are in kills.test.ts; here the hub dies between two operations on its files.
import { afterEach, describe, expect, it } from 'vitest';
import { openHub } from '../../../../src/sync/hub/hub.ts';
import { wireLimits } from '../../../../src/sync/protocol/limits.ts';
import { openBench, practiceProject, until, weightsOf } from '../federation-fixture.ts';
import { rawSite, rawUpdate } from '../raw-site.ts';
import type { Death } from './die-at.ts';
import { processesOf } from './processes.ts';

const bench = openBench();
const { hubProcess } = processesOf(bench);
afterEach(() => bench.close());

const values = (3 * wireLimits.chunkBytes) / 4;
const options = { rule: { bufferSize: 1 }, commits: 4 };
const project = practiceProject(options);

/** The trunk after two updates that a site offers until they are answered. */
async function trunkAfterTwo(death: Death | null): Promise<Buffer> {
  const folder = bench.folder();
  let hub = await hubProcess({ folder, project: options, weights: values, death });
  const order = { invite: hub.invites[0]!, folder: bench.folder(), name: 'Lyon' };
  let site = await rawSite(order);
  let deaths = 0;
  for (const [turn, value] of [0.25, -2].entries()) {
    const { blob, signed } = rawUpdate(site, project, weightsOf(value, values), { baseVersion: turn });
    const offer = async (): Promise<void> => {
      await site.channel.putBlob(blob);
      await site.channel.ask({ kind: 'update-offered', update: signed });
    };
    try {
      await offer();
    } catch {
      await hub.died;
      deaths += 1;
      await site.blobs.close();
      hub = await hubProcess({ folder, port: hub.port, project: options, weights: values });
      site = await rawSite({ ...order, keys: site.keys, isEnrolled: true });
      await offer();
    }
  }
  // Asked for, not listened to: a hub that comes back commits before anyone can listen.
  await until('both are committed', async () => {
    const health = (await (await fetch(`http://127.0.0.1:${hub.port}/healthz`)).json()) as { trunkVersion: number };
    return health.trunkVersion === 2;
  });
  await site.close();
  hub.child.kill('SIGKILL');
  await hub.died;
  expect(deaths).toBe(death === null ? 0 : 1);
  const reopened = bench.keep(await openHub({ folder, port: 0 }));
  expect(await reopened.status()).toMatchObject({ trunkVersion: 2, acceptedUpdates: 2, bufferedUpdates: 0 });
  return Buffer.from((await reopened.trunkWeights())!);
}

let undisturbed: Promise<Buffer> | null = null;

describe('fault 9: a hub that is killed between two operations on its files', () => {
  it.each<[string, Death]>([
    ['after chunks were written', { call: 'write', when: 'after', path: 'unfinished', time: 1 }],
    ['before an upload’s bytes are synced', { call: 'fsync', when: 'before', path: 'unfinished', time: 1 }],
    ['before an upload is renamed', { call: 'rename', when: 'before', path: 'unfinished', time: 1 }],
    ['after an upload was renamed', { call: 'rename', when: 'after', path: 'unfinished', time: 2 }],
    // The first two are the hub's keys and the project's first trunk.
    ['before a trunk is renamed', { call: 'rename', when: 'before', path: '.tmp', time: 3 }],
  ])(
    '%s loses no acknowledged update and counts none twice: the trunk is the same to the last bit',
    async (_, death) => {
      undisturbed ??= trunkAfterTwo(null);
      const whole = await undisturbed;
      expect((await trunkAfterTwo(death)).equals(whole)).toBe(true);
    },
    180_000,
  );
});

describe('fault 9: a hub that is killed in the middle of an aggregation', () => {
  // Large enough that adding them up takes a while.
  const large = 1_000_000;
  const fourOptions = { rule: { bufferSize: 4 }, commits: 2 };
  const fourProject = practiceProject(fourOptions);
  const made = [0.25, -2, 1 / 3, 7];

  /** The trunk of four updates; the hub is killed so long after the fourth, which makes the commit due, was offered. */
  async function trunkOfFour(killedAfterMs: number | null): Promise<Buffer> {
    const order = { folder: bench.folder(), project: fourOptions, weights: large };
    let hub = await hubProcess(order);
    const invite = { invite: hub.invites[0]!, folder: bench.folder(), name: 'Lyon' };
    let site = await rawSite(invite);
    const updates = made.map((value) => rawUpdate(site, fourProject, weightsOf(value, large)));
    const offer = async ({ blob, signed }: (typeof updates)[number]): Promise<void> => {
      await site.channel.putBlob(blob);
      await site.channel.ask({ kind: 'update-offered', update: signed });
    };
    for (const update of updates.slice(0, 3)) await offer(update);
    const last = updates[3]!;
    await site.channel.putBlob(last.blob);
    const answered = site.channel.ask({ kind: 'update-offered', update: last.signed }).catch(() => {});
    if (killedAfterMs === null) await answered;
    else {
      await new Promise((resolve) => setTimeout(resolve, killedAfterMs));
      hub.child.kill('SIGKILL');
      await hub.died;
      await answered;
      hub = await hubProcess({ ...order, port: hub.port });
      site = await rawSite({ ...invite, keys: site.keys, isEnrolled: true });
      // Whether it was accepted before is not known to a site: it offers again.
      await offer(last);
    }
    await site.close();
    hub.child.kill('SIGKILL');
    await hub.died;
    const reopened = bench.keep(await openHub({ folder: order.folder, port: 0 }));
    expect(await reopened.status()).toMatchObject({ trunkVersion: 1, acceptedUpdates: 4, bufferedUpdates: 0 });
    return Buffer.from((await reopened.trunkWeights())!);
  }

  let whole: Promise<Buffer> | null = null;
  it.each([0, 15, 40, 90, 180])(
    '%i ms after the last update was offered: every update counts once, and the trunk is the same to the last bit',
    async (afterMs) => {
      whole ??= trunkOfFour(null);
      const undisturbed = await whole;
      expect((await trunkOfFour(afterMs)).equals(undisturbed)).toBe(true);
    },
    180_000,
  );
});
