// Old client and new hub, and the reverse (federation.md): an end that names fewer features of the wire is not told what it does not know.
import { afterEach, describe, expect, it } from 'vitest';
import { openBench, practiceProject, until } from '../federation-fixture.ts';
import { processesOf } from './processes.ts';

const bench = openBench();
const { hubProcess, siteProcess } = processesOf(bench);
afterEach(() => bench.close());

describe('ends of unlike versions', () => {
  it.each([
    ['an older site at a newer hub', { site: [], hub: null }],
    ['a newer site at an older hub', { site: null, hub: [] }],
  ])(
    '%s finishes a project that both know',
    async (_, features) => {
      const project = { rule: { bufferSize: 1 }, commits: 2, peerModels: false };
      const hub = await hubProcess({ folder: bench.folder(), project, features: features.hub });
      const site = siteProcess({ folder: bench.folder(), invite: hub.invites[0]!, features: features.site });
      await until('the project is finished', () => site.membership()?.state === 'finished', 60_000);
      expect(site.membership()!.updates).toMatchObject({ accepted: 2, refused: 0 });
      expect(hub.news.some(({ kind }) => kind === 'failed')).toBe(false);
    },
    90_000,
  );

  it('an older site in a project with FedBN is told to update, keeps its membership, and goes on when it is', async () => {
    const project = {
      network: {
        name: 'normed',
        description: 'A norm and a dense layer',
        input: { height: 8, width: 8, channels: 1 },
        layers: [
          { op: 'batch-norm', id: 'norm', input: 'input' },
          { op: 'global-average-pool', id: 'pool', input: 'norm' },
          { op: 'dense', id: 'logits', input: 'pool', units: 'classes' },
        ],
        output: 'logits',
      },
      siteNormalisation: true,
      rule: { bufferSize: 1 },
      commits: 2,
      peerModels: false,
    } as Parameters<typeof practiceProject>[0];
    const tensors = { 'norm.scale': 1, 'norm.offset': 1, 'norm.mean': 1, 'norm.variance': 1, 'logits.kernel': 64 };
    const hub = await hubProcess({ folder: bench.folder(), project, tensors });
    const order = { folder: bench.folder(), invite: hub.invites[0]! };
    const older = siteProcess({ ...order, features: ['project-answers', 'ledger-heads', 'turns-done'] });
    const reason = await until('it hears why', () => older.membership()?.reason, 60_000);
    expect(reason).toMatch(/FedBN.*Update ImagiQ at this site/);
    expect(hub.news.find(({ kind }) => kind === 'update-refused')).toMatchObject({
      fault: { code: 519, retry: 'later' },
    });
    expect(older.membership()).toMatchObject({ trunkVersion: 0, updates: { accepted: 0, refused: 0 } });
    older.child.kill('SIGKILL');
    await older.died;
    const updated = siteProcess(order);
    await until('the project is finished', () => updated.membership()?.state === 'finished', 60_000);
    expect(updated.membership()!.trunkVersion).toBe(2);
  }, 150_000);
});
