import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { openHub, type HubNews } from '../../../src/sync/hub/hub.ts';
import type { HubStep } from '../../../src/sync/hub/trunk.ts';
import { firstWeight, openBench, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';
import { rawSite, rawUpdate } from './raw-site.ts';

const bench = openBench();
afterEach(() => bench.close());

interface HubProcess {
  readonly child: ChildProcess;
  readonly port: number;
  readonly invites: readonly string[];
  readonly news: HubNews[];
  readonly died: Promise<void>;
}

async function hubProcess(order: {
  folder: string;
  port?: number;
  dieAt?: HubStep;
  project: Parameters<typeof practiceProject>[0];
}): Promise<HubProcess> {
  const file = fileURLToPath(new URL('hub-process.ts', import.meta.url));
  const child = fork(file, [JSON.stringify({ port: 0, dieAt: null, ...order })], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const died = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  bench.keep({
    async close() {
      child.kill('SIGKILL');
      await died;
    },
  });
  const news: HubNews[] = [];
  const ready = await new Promise<{ port: number; invites: string[] }>((resolve, reject) => {
    child.on('message', (message: { news: HubNews } | { port: number; invites: string[] }) => {
      if ('news' in message) news.push(message.news);
      else resolve(message);
    });
    void died.then(() => reject(new Error('the hub ended before it was ready')));
  });
  return { child, ...ready, news, died };
}

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
      expect(reopened.status()).toMatchObject({ trunkVersion: 1, acceptedUpdates: 2, bufferedUpdates: 0 });
      trunks.push(Buffer.from((await reopened.trunkWeights())!));
    }
    expect(trunks[1]!.equals(trunks[0]!)).toBe(true);
    expect(firstWeight(trunks[0]!)).toBeCloseTo((0.1 * 10 + 0.7 * 33) / 43, 6);
  });
});

describe('a site that is killed', () => {
  it('while it trains goes on with the same update when it starts again, and counts none twice', async () => {
    const project = practiceProject({ rule: { bufferSize: 1 }, commits: 3 });
    const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0) }));
    const folder = bench.folder();
    const file = fileURLToPath(new URL('site-process.ts', import.meta.url));
    const child = fork(file, [JSON.stringify({ folder, invite: hub.createInvite(), dieAtTurn: 1 })], {
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
    expect(hub.status()).toMatchObject({ acceptedUpdates: 3, trunkVersion: 3 });
    expect(firstWeight((await hub.trunkWeights())!)).toBeCloseTo(3, 6);
  });
});
