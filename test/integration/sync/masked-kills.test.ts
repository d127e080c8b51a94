// Hub and sites in processes of their own; killed at named steps of a masked buffer.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { openHub, type HubNews } from '../../../src/sync/hub/hub.ts';
import type { HubStep } from '../../../src/sync/hub/hub-step.ts';
import { firstWeight, openBench, until } from './federation-fixture.ts';

const bench = openBench();
afterEach(() => bench.close());

const sites = ['Lyon', 'Oslo', 'Quito', 'Porto'].map((name, index) => ({
  name,
  step: 0.1 * (index + 1),
  examples: 10 * (index + 1),
}));
const projectOf = (stepMs: number, commits: number) => ({
  // A site may train from the trunk that it has while the hub is away; here that is to count the same.
  rule: { bufferSize: 4, staleness: { kind: 'constant' as const } },
  commits,
  updateCodec: 'float32' as const,
  secureAggregation: { threshold: 3, stepMs },
  peerModels: false,
});
/** Every commit of all four moves each weight by so much. */
const perCommit =
  sites.reduce((sum, { step, examples }) => sum + step * examples, 0) /
  sites.reduce((sum, one) => sum + one.examples, 0);

function child(file: string, order: object): { readonly process: ChildProcess; readonly died: Promise<void> } {
  const started = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(order)], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const died = new Promise<void>((resolve) => started.once('exit', () => resolve()));
  bench.keep({
    async close() {
      started.kill('SIGKILL');
      await died;
    },
  });
  return { process: started, died };
}
async function hubProcess(order: { folder: string; port: number; dieAt: HubStep | null; project: object }) {
  const { process, died } = child('hub-process.ts', { dieAtTime: 1, ...order });
  const news: HubNews[] = [];
  const ready = await new Promise<{ port: number; invites: string[] }>((resolve, reject) => {
    process.on('message', (message: { news: HubNews } | { port: number; invites: string[] }) => {
      if ('news' in message) news.push(message.news);
      else resolve(message);
    });
    void died.then(() => reject(new Error('the hub ended before it was ready')));
  });
  return { process, died, news, ...ready };
}
/** What the hub's folder says once its process is gone. */
async function trunkIn(folder: string): Promise<{ version: number; weight: number; accepted: number }> {
  const hub = await openHub({ folder, port: 0 });
  const { trunkVersion, acceptedUpdates } = await hub.status();
  const weight = firstWeight((await hub.trunkWeights())!);
  await hub.close();
  return { version: trunkVersion, weight, accepted: acceptedUpdates };
}

describe('a hub that is killed in the middle of a masked buffer', () => {
  it.each<HubStep>(['mask-shares-stored', 'masked-update-stored', 'mask-shares-revealed', 'trunk-committed'])(
    'at the step %s goes on: every update is counted once, and the trunk is the right one',
    async (dieAt) => {
      const folder = bench.folder();
      // After the last commit nothing is left to go on with.
      const commits = dieAt === 'trunk-committed' ? 2 : 1;
      const project = projectOf(600_000, commits);
      const first = await hubProcess({ folder, port: 0, dieAt, project });
      for (const [index, site] of sites.entries()) {
        child('masked-site-process.ts', { ...site, folder: bench.folder(), invite: first.invites[index], dieAt: null });
      }
      await first.died;
      const second = await hubProcess({ folder, port: first.port, dieAt: null, project });
      await until(
        'the project is finished',
        () => second.news.find((one) => one.kind === 'trunk-committed' && one.isFinished),
        120_000,
      );
      second.process.kill('SIGKILL');
      await second.died;
      const { version, weight, accepted } = await trunkIn(folder);
      expect({ version, accepted }).toEqual({ version: commits, accepted: 4 * commits });
      expect(weight).toBeCloseTo(commits * perCommit, 5);
    },
    200_000,
  );
});

describe('a site that is killed in the middle of a masked buffer', () => {
  it.each(['update-sent', 'masks-revealed'])(
    'when it enters %s is done without, and started again brings its update into the next buffer, once',
    async (dieAt) => {
      const folder = bench.folder();
      const hub = await hubProcess({ folder, port: 0, dieAt: null, project: projectOf(4_000, 2) });
      const porto = { ...sites[3]!, folder: bench.folder() };
      for (const [index, site] of sites.slice(0, 3).entries()) {
        child('masked-site-process.ts', { ...site, folder: bench.folder(), invite: hub.invites[index], dieAt: null });
      }
      const killed = child('masked-site-process.ts', { ...porto, invite: hub.invites[3], dieAt });
      await killed.died;
      await until(
        'the others commit without it',
        () => hub.news.find(({ kind }) => kind === 'trunk-committed'),
        60_000,
      );
      const counted = hub.news.flatMap((one) => (one.kind === 'trunk-committed' ? [one.updates] : []));
      // One that died while it helped to unmask had its update in the sum.
      expect(counted).toEqual([dieAt === 'update-sent' ? 3 : 4]);
      child('masked-site-process.ts', { ...porto, invite: null, dieAt: null });
      await until(
        'the project is finished',
        () => hub.news.find((one) => one.kind === 'trunk-committed' && one.isFinished),
        120_000,
      );
      hub.process.kill('SIGKILL');
      await hub.died;
      const { version, accepted, weight } = await trunkIn(folder);
      expect({ version, accepted }).toEqual({ version: 2, accepted: dieAt === 'update-sent' ? 7 : 8 });
      const three = sites.slice(0, 3);
      const ofThree =
        three.reduce((sum, { step, examples }) => sum + step * examples, 0) /
        three.reduce((sum, one) => sum + one.examples, 0);
      expect(weight).toBeCloseTo((dieAt === 'update-sent' ? ofThree : perCommit) + perCommit, 5);
    },
    200_000,
  );
});
