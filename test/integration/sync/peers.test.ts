// What a person orders of the bench: show a model, fetch, choose, opt out of a peer; any network beside the project's.
import { afterEach, describe, expect, it } from 'vitest';
import { networkSchema } from '../../../src/contract/network.ts';
import type { Project } from '../../../src/contract/federation.ts';
import { openHub } from '../../../src/sync/hub/hub.ts';
import type { CommittedModel } from '../../../src/sync/site/bench-acts.ts';
import {
  classes,
  openBench,
  practiceProject,
  practiceWork,
  type PracticeSite,
  until,
  weightsOf,
} from './federation-fixture.ts';

const bench = openBench();
afterEach(() => bench.close());

const otherNetwork = networkSchema.parse({
  ...practiceProject().network,
  name: 'two-layers',
  description: 'Another network',
});

/** A model whose network is not the project's: 128 weights in place of 64. */
function committed(value: number, changes: Partial<CommittedModel> = {}): CommittedModel {
  return {
    weights: weightsOf(value, 128),
    definition: otherNetwork,
    classes,
    normalisation: { mean: 0.5, standardDeviation: 0.25 },
    parents: [],
    datasetFingerprint: 'a'.repeat(64),
    examples: 12,
    metrics: null,
    ...changes,
  };
}

/** Lyon and Oslo, members of one federation that have finished its project. */
async function twoSites(project: Project = practiceProject({ rule: { bufferSize: 1 }, commits: 1 })): Promise<{
  lyon: PracticeSite;
  oslo: PracticeSite;
}> {
  const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0) }));
  const lyon = await bench.site('Lyon', practiceWork({ step: 0.061, goal: 0.2 }));
  const oslo = await bench.site('Oslo', practiceWork({ step: 0.123, goal: 0.2 }));
  for (const site of [lyon, oslo]) {
    await site.join(await hub.createInvite());
    await until('the project is announced', () => site.memberships()[0]?.project);
    await site.approve('ImagiQ', 'chest');
  }
  await until('both are done', () => [lyon, oslo].every((site) => site.memberships()[0]!.state === 'finished'));
  return { lyon, oslo };
}

describe('the bench by order', () => {
  it('a model of another network goes to the peers, is judged there and chosen where it is the best', async () => {
    const { lyon, oslo } = await twoSites();
    const shown = await lyon.bench('ImagiQ').publish(committed(0.2));
    expect(shown).toMatchObject({ network: 'two-layers', recipients: ['Oslo'] });
    const view = await until('Oslo chose it', () =>
      oslo
        .memberships()
        .find(({ bench: models }) => models.some(({ model, selected }) => model === shown.model && selected)),
    );
    expect(view.bench.find(({ model }) => model === shown.model)).toMatchObject({
      site: 'Lyon',
      network: 'two-layers',
      auc: 1,
      branch: `model-${shown.model.slice(0, 16)}`,
    });
    // Both of Lyon's models stand beside each other: they are of different branches.
    expect(view.bench.filter(({ site }) => site === 'Lyon')).toHaveLength(2);
    const selected = await oslo.bench('ImagiQ').select('hill-climbing');
    expect(selected.method).toBe('hill-climbing');
    expect(selected.members.map(({ model }) => model)).toContain(shown.model);
    expect(selected.auc.ensemble!.value).toBeGreaterThan(selected.auc.localOnly!.value);
  });

  it('a model of other classes, or one that is not a number, is not shown to anyone', async () => {
    const { lyon } = await twoSites();
    const acts = lyon.bench('ImagiQ');
    await expect(acts.publish(committed(0.2, { classes: ['ill', 'healthy'] }))).rejects.toMatchObject({ code: 481 });
    await expect(acts.publish(committed(Number.NaN))).rejects.toMatchObject({ code: 481 });
    await expect(acts.publish(committed(0.2, { weights: weightsOf(0.2, 3) }))).rejects.toMatchObject({ code: 481 });
    expect(lyon.memberships()[0]!.bench.some(({ network }) => network === 'two-layers')).toBe(false);
  });

  it('says who helps; a muted peer is neither chosen nor fetched until it is heard again', async () => {
    const { lyon, oslo } = await twoSites();
    const { model } = await lyon.bench('ImagiQ').publish(committed(0.2));
    const helped = await until('Oslo knows that Lyon helps', () =>
      oslo.memberships()[0]!.peers.find(({ site, help }) => site === 'Lyon' && help !== null && help > 0),
    );
    expect(helped).toMatchObject({ models: 2, isMuted: false, alone: 1, route: 'relay' });

    await oslo.bench('ImagiQ').mute('Lyon', true);
    expect(
      oslo
        .memberships()[0]!
        .bench.filter(({ selected }) => selected)
        .map(({ site }) => site),
    ).not.toContain('Lyon');
    const { model: second } = await lyon.bench('ImagiQ').publish(committed(0.19));
    await until('Oslo knows of it', () => oslo.memberships()[0]!.peers[0]!.offered === 1);
    expect(await oslo.bench('ImagiQ').pull('Lyon')).toEqual({ fetched: [], refused: 0, waiting: 0 });

    await oslo.bench('ImagiQ').mute('Lyon', false);
    await oslo.bench('ImagiQ').pull(null);
    const view = await until('Oslo has both', () =>
      oslo.memberships().find(({ bench: models }) => models.some((one) => one.model === second)),
    );
    expect(view.bench.map((one) => one.model)).toContain(model);
    expect(oslo.ledger.filter(({ act }) => act.startsWith('peer-')).map(({ act }) => act)).toEqual([
      'peer-muted',
      'peer-heard',
    ]);
    await expect(oslo.bench('ImagiQ').mute('Quito', true)).rejects.toMatchObject({ code: 482 });
  });

  it('keeps the history of the models: what each was made from', async () => {
    const { lyon, oslo } = await twoSites();
    const first = await lyon.bench('ImagiQ').publish(committed(0.3));
    const parents = [first.model, 'b'.repeat(64)];
    const merged = await lyon.bench('ImagiQ').publish(committed(0.2, { parents }));
    const ancestor = await until('Oslo has it', () =>
      oslo.lineage('ImagiQ').find(({ model }) => model === merged.model),
    );
    expect(ancestor).toMatchObject({ site: 'Lyon', author: lyon.fingerprint, parents });
    expect(oslo.lineage('ImagiQ').map(({ model }) => model)).toContain(first.model);
  });

  it('one author shows a bounded number of models', async () => {
    const { lyon } = await twoSites();
    for (let shown = 0; shown < 16; shown += 1) await lyon.bench('ImagiQ').publish(committed(0.3 + shown / 100));
    const refusal = await until('the hub refuses one more', () =>
      lyon.ledger.find(({ act }) => act === 'model-not-shared'),
    );
    expect(refusal.detail['reason']).toContain('16 models');
  });
});
