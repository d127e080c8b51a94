import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { openHub } from '../../../../src/sync/hub/hub.ts';
import { firstWeight, openBench, until } from '../federation-fixture.ts';
import { processesOf } from './processes.ts';

const bench = openBench();
const { hubProcess, siteProcess } = processesOf(bench);
afterEach(() => bench.close());

const names = ['Lyon', 'Oslo', 'Perth', 'Porto', 'Quito', 'Turin'];

describe('fault 15: sites that vanish for good', () => {
  it('a third of them, killed while they train: the others finish, and what was acknowledged counts once', async () => {
    const folder = bench.folder();
    const project = {
      rule: { bufferSize: 2, staleness: { kind: 'constant' as const } },
      commits: 12,
      peerModels: false,
    };
    const hub = await hubProcess({ folder, project, invites: names.length });
    const sites = names.map((name, index) =>
      siteProcess({ folder: bench.folder(), name, invite: hub.invites[index]!, secondsPerUpdate: 0.2 }),
    );
    const accepted = (): string[] =>
      hub.news.flatMap((news) => (news.kind === 'update-accepted' && !news.isDuplicate ? [news.site] : []));
    await until('every site has sent something', () => new Set(accepted()).size === names.length, 60_000);
    for (const { child, died } of sites.slice(4)) {
      child.kill('SIGKILL');
      await died;
    }
    await until(
      'the project is finished',
      () => hub.news.find((one) => one.kind === 'trunk-committed' && one.isFinished),
      60_000,
    );
    const counted = hub.news.flatMap((news) => (news.kind === 'trunk-committed' ? [news.updates] : []));
    expect(counted).toEqual(Array.from({ length: 12 }, () => 2));
    hub.child.kill('SIGKILL');
    await hub.died;
    const reopened = bench.keep(await openHub({ folder, port: 0 }));
    expect(await reopened.status()).toMatchObject({ trunkVersion: 12, isFinished: true });
    // Every update moves each weight by 1, and so does the mean of any two.
    expect(firstWeight((await reopened.trunkWeights())!)).toBeCloseTo(12, 5);
  }, 180_000);

  it('so many of a masked buffer that too few are left: nothing is opened, and their updates come later, once', async () => {
    const folder = bench.folder();
    const project = {
      rule: { bufferSize: 4, staleness: { kind: 'constant' as const } },
      commits: 1,
      secureAggregation: { threshold: 3, stepMs: 2_500 },
      peerModels: false,
    };
    const hub = await hubProcess({ folder, project, invites: 4 });
    const orders = names.slice(0, 4).map((name, index) => ({
      name,
      step: 0.1 * (index + 1),
      examples: 10 * (index + 1),
      folder: bench.folder(),
      invite: hub.invites[index]!,
    }));
    const started = orders.map((order, index) => maskedSite({ ...order, dieAt: index < 2 ? null : 'update-sent' }));
    await Promise.all(started.slice(2).map(({ died }) => died));
    await until('the buffer is given up', () => hub.news.find(({ kind }) => kind === 'masked-buffer-given-up'), 60_000);
    expect(hub.news.some(({ kind }) => kind === 'trunk-committed')).toBe(false);
    for (const order of orders.slice(2)) maskedSite({ ...order, invite: null, dieAt: null });
    const commit = await until('the commit', () => hub.news.find(({ kind }) => kind === 'trunk-committed'), 120_000);
    expect(commit).toMatchObject({ updates: 4, isFinished: true });
    hub.child.kill('SIGKILL');
    await hub.died;
    const reopened = bench.keep(await openHub({ folder, port: 0 }));
    expect(await reopened.status()).toMatchObject({ trunkVersion: 1, acceptedUpdates: 4 });
    // (10 × 0.1 + 20 × 0.2 + 30 × 0.3 + 40 × 0.4) / 100
    expect(firstWeight((await reopened.trunkWeights())!)).toBeCloseTo(0.3, 5);
  }, 240_000);
});

interface MaskedSiteOrder {
  readonly folder: string;
  readonly invite: string | null;
  readonly name: string;
  readonly step: number;
  readonly examples: number;
  readonly dieAt: string | null;
}

function maskedSite(order: MaskedSiteOrder): { readonly process: ChildProcess; readonly died: Promise<void> } {
  const file = fileURLToPath(new URL('../masked-site-process.ts', import.meta.url));
  const started = fork(file, [JSON.stringify(order)], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const died = new Promise<void>((resolve) => started.once('exit', () => resolve()));
  bench.keep({
    async close() {
      started.kill('SIGKILL');
      await died;
    },
  });
  return { process: started, died };
}
