// One site in two federations at once: other hubs, projects, trunks and answers, one ledger that tells them apart.
import { afterEach, expect, it } from 'vitest';
import { openHub } from '../../../src/sync/hub/hub.ts';
import { openBench, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';

const bench = openBench();
afterEach(() => bench.close());

const hubOf = async (federation: string, id: string) =>
  bench.keep(
    await openHub({
      folder: bench.folder(),
      port: 0,
      federation,
      project: practiceProject({ id, rule: { bufferSize: 1 }, commits: 2 }),
      initialWeights: weightsOf(0),
    }),
  );

it('a site works for two hubs at once, and what it says to one is nothing to the other', async () => {
  const north = await hubOf('North', 'lungs');
  const south = await hubOf('South', 'hearts');
  const lyon = await bench.site('Lyon', practiceWork({ step: 1 }));
  await lyon.join(await north.createInvite());
  await lyon.join(await south.createInvite(), { siteName: 'Lyon University' });
  const membershipIn = (federation: string) => lyon.memberships().find((one) => one.federation === federation)!;
  await until('both have asked', () => membershipIn('North').project && membershipIn('South').project);
  lyon.decline('South', 'not yet');
  await lyon.approve('North', 'chest');
  await until('the one is finished', () => membershipIn('North').state === 'finished', 60_000);
  expect(membershipIn('South')).toMatchObject({ cohort: null, updates: { accepted: 0 }, site: 'Lyon University' });
  expect((await south.status()).acceptedUpdates).toBe(0);
  await lyon.approve('South', 'heart');
  await until('so is the other', () => membershipIn('South').state === 'finished', 60_000);
  const sent = lyon.ledger.filter(({ act }) => act === 'update-sent').map(({ detail }) => detail);
  expect(sent.map(({ federation, project }) => `${federation} ${project}`).sort()).toEqual([
    'North lungs',
    'North lungs',
    'South hearts',
    'South hearts',
  ]);
  await lyon.leave('North');
  expect(membershipIn('South').state).toBe('finished');
}, 120_000);

it('a federation that has the name of another one is not taken for it', async () => {
  const first = await hubOf('Chest CT', 'lungs');
  const second = await hubOf('Chest CT', 'hearts');
  const lyon = await bench.site('Lyon', practiceWork({ step: 1 }));
  await lyon.join(await first.createInvite());
  await expect(lyon.join(await first.createInvite())).rejects.toThrow('a member of Chest CT already');
  await expect(lyon.join(await second.createInvite())).rejects.toThrow(
    `another federation called Chest CT, at ${first.url}`,
  );
}, 60_000);
