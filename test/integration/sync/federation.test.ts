import { afterEach, describe, expect, it } from 'vitest';
import { openHub } from '../../../src/sync/hub/hub.ts';
import { firstWeight, openBench, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';

const bench = openBench();
afterEach(() => bench.close());

describe('a federation of one hub and its sites', () => {
  it('lets a site in by invite, and turns its updates into trunk versions until the project is finished', async () => {
    const project = practiceProject({ rule: { bufferSize: 1 }, commits: 3 });
    const hub = bench.keep(
      await openHub({ folder: bench.folder(), port: 0, federation: 'North', project, initialWeights: weightsOf(0) }),
    );
    const lyon = await bench.site('Lyon', practiceWork({ step: 1, goal: 3 }));

    const joined = await lyon.join(await hub.createInvite());
    expect(joined.federation).toBe('North');
    await until('the project is announced', () => lyon.memberships()[0]?.project);
    await lyon.approve('North', 'chest');
    const finished = await until('the project is finished', () =>
      lyon.memberships().find(({ state }) => state === 'finished'),
    );

    expect(finished.trunkVersion).toBe(3);
    expect(finished.updates.accepted).toBeGreaterThanOrEqual(3);
    expect(firstWeight((await hub.trunkWeights())!)).toBeCloseTo(3, 5);
    expect(await hub.status()).toMatchObject({ isFinished: true, trunkVersion: 3 });
    expect(finished.history.at(-1)?.trunkVersion).toBe(3);
    expect(finished.scoreboard?.rows.map(({ model }) => model)).toEqual(['local-only', 'trunk', 'ensemble']);
    const files = lyon.ensembleOf('North')!;
    expect(files.trunkFile).not.toBeNull();
    expect(files.localOnlyFile).not.toBeNull();
    expect(lyon.ledger.map(({ act }) => act)).toContain('update-sent');
  });
});
