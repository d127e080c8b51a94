import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openHub } from '../../../src/sync/hub/hub.ts';
import { readMembershipState } from '../../../src/sync/site/membership-file.ts';
import { openBench, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';
import { rawModel, rawSite } from './raw-site.ts';

const bench = openBench();
afterEach(() => bench.close());

const filesUnder = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file).isFile());

describe('the bench', () => {
  it('carries each site’s model to its peers, sealed: the hub holds nothing that opens it', async () => {
    const folder = bench.folder();
    const project = practiceProject({ rule: { bufferSize: 1 }, commits: 3 });
    const hub = bench.keep(await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) }));
    // Local-only models of 0.122 and 0.246: values that no trunk version takes, as long as Lyon does not make two of them alone.
    const oslo = await bench.site('Oslo', practiceWork({ step: 0.123, goal: 0.2 }));
    const isOslosTurnOver = (): boolean => (oslo.memberships()[0]?.updates.accepted ?? 0) > 0;
    const beforeUpdate = async (turn: number): Promise<void> => {
      if (turn > 0) await until('Oslo has made one', isOslosTurnOver, 60_000);
    };
    const lyon = await bench.site('Lyon', practiceWork({ step: 0.061, goal: 0.2, beforeUpdate }));
    for (const site of [lyon, oslo]) {
      await site.join(await hub.createInvite());
      await until('the project is announced', () => site.memberships()[0]?.project);
      await site.approve('ImagiQ', 'chest');
    }
    const views = await until('both have judged both models', () => {
      const all = [lyon, oslo].map((site) => site.memberships()[0]!);
      return (
        all.every(
          ({ state, bench: models }) =>
            state === 'finished' && models.length === 3 && models.every(({ auc }) => auc !== null),
        ) && all
      );
    });
    expect(views[0]!.bench.map(({ site, branch }) => `${site}: ${branch}`).sort()).toEqual([
      'Lyon: local-only',
      'Oslo: local-only',
      'trunk: trunk',
    ]);
    expect(views[0]!.bench.some(({ selected }) => selected)).toBe(true);
    expect(lyon.ensembleOf('ImagiQ')!.members.length).toBeGreaterThan(0);

    const [federation] = readdirSync(path.join(lyon.folder, 'federations'));
    const state = readMembershipState(path.join(lyon.folder, 'federations', federation!))!;
    const weights = Buffer.from(weightsOf(0.122));
    const values = weights.subarray(weights.length - 64);
    const contentKey = state.published[0]!.contentKey;
    await hub.close();
    const everything = filesUnder(folder).map((file) => readFileSync(file));
    expect(everything.some((bytes) => bytes.includes(state.published[0]!.sealedBlob))).toBe(true);
    expect(everything.some((bytes) => bytes.includes(values))).toBe(false);
    expect(everything.some((bytes) => bytes.includes(contentKey))).toBe(false);
    expect(everything.some((bytes) => bytes.includes(Buffer.from(contentKey, 'base64url')))).toBe(false);
    expect(lyon.ledger.filter(({ act }) => act === 'model-shared')).toHaveLength(1);
    expect(oslo.ledger.filter(({ act }) => act === 'model-received')).toHaveLength(1);
  });

  it('keeps nothing of a model that it refused', async () => {
    const project = practiceProject({ rule: { bufferSize: 1 }, commits: 50 });
    const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0) }));
    const liar = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Liar' }));
    const lyon = await bench.site('Lyon', practiceWork({ step: 0.1 }));
    await lyon.join(await hub.createInvite());
    await until('the project is announced', () => lyon.memberships()[0]?.project);
    const publish = async (changes: Parameters<typeof rawModel>[2]): Promise<string> => {
      const { sealed, statement } = rawModel(liar, project, changes);
      await liar.channel.putBlob(sealed);
      const envelopes = [{ recipient: lyon.fingerprint, sealedKey: 'no key at all' }];
      await liar.channel.ask({ kind: 'model-published', model: statement, envelopes });
      return sealed;
    };
    const garbage = await publish({ branch: 'one' });
    await lyon.approve('ImagiQ', 'chest');
    const refusals = () => lyon.ledger.filter(({ act }) => act === 'model-refused');
    await until('it is refused', () => refusals().length === 1);
    expect(filesUnder(lyon.folder).some((file) => file.includes(garbage))).toBe(false);
  });

  it('seals models for members only: not for a site that left, and again for it once it is back', async () => {
    const project = practiceProject({ rule: { bufferSize: 1 }, commits: 2 });
    const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0) }));
    const lyon = await bench.site('Lyon', practiceWork({ step: 0.061 }));
    const oslo = await bench.site('Oslo', practiceWork({ step: 0.123 }));
    await lyon.join(await hub.createInvite());
    await oslo.join(await hub.createInvite());
    await until('they know each other', () => lyon.memberships()[0]!.members.length === 2);
    await oslo.leave('ImagiQ');
    await until('Lyon knows', () => lyon.memberships()[0]!.members.length === 1);
    await lyon.approve('ImagiQ', 'chest');
    await until('Lyon is done', () => lyon.memberships()[0]!.state === 'finished');
    expect(lyon.ledger.filter(({ act }) => act === 'model-shared')).toEqual([]);

    await oslo.join(await hub.createInvite());
    await until('the model was shared', () => lyon.ledger.some(({ act }) => act === 'model-shared'));
    await oslo.approve('ImagiQ', 'chest');
    await until('Oslo has judged Lyon’s model', () =>
      oslo.memberships().find(({ bench: models }) => models.some(({ site, auc }) => site === 'Lyon' && auc !== null)),
    );
  });

  it('reaches a site that joins after the model was shared', async () => {
    const project = practiceProject({ rule: { bufferSize: 1 }, commits: 2 });
    const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0) }));
    const lyon = await bench.site('Lyon', practiceWork({ step: 0.061 }));
    await lyon.join(await hub.createInvite());
    await until('the project is announced', () => lyon.memberships()[0]?.project);
    await lyon.approve('ImagiQ', 'chest');
    await until('Lyon is done', () => lyon.memberships()[0]!.state === 'finished');
    const oslo = await bench.site('Oslo', practiceWork({ step: 0.123 }));
    await oslo.join(await hub.createInvite());
    await until('the project is announced', () => oslo.memberships()[0]?.project);
    await oslo.approve('ImagiQ', 'chest');
    const view = await until('Oslo has judged Lyon’s model', () =>
      oslo.memberships().find(({ bench: models }) => models.some(({ site, auc }) => site === 'Lyon' && auc !== null)),
    );
    expect(view.bench.map(({ site }) => site)).toContain('Lyon');
  });
});
