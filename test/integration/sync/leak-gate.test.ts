// Nothing that was made from a site's images leaves before the leak probe, and before a person where it found one: a real hub, real sites.
import { afterEach, expect, it } from 'vitest';
import type { LeakFinding } from '../../../src/contract/leak-finding.ts';
import { openHub } from '../../../src/sync/hub/hub.ts';
import {
  nothingFound,
  openBench,
  practiceProject,
  practiceWork,
  type PracticeSite,
  until,
  weightsOf,
} from './federation-fixture.ts';

const bench = openBench();
afterEach(() => bench.close());

const recognised: LeakFinding = {
  isRecognised: true,
  failure: null,
  sentence: 'An image could be recognised.',
  similarity: 0.97,
  images: 1,
};

/** A site that has approved the project of a hub which commits each update, and what its machine was asked for. */
async function situation(probe: () => Promise<LeakFinding>, acceptsLeak = false) {
  const project = practiceProject({ rule: { bufferSize: 1 } });
  const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0) }));
  const asked: string[] = [];
  const work = practiceWork({ step: 1, beforeUpdate: async () => void asked.push('update') });
  const watched = {
    ...work,
    probeLeak: async () => {
      asked.push('probe');
      return probe();
    },
    trainLocalOnly: (order: Parameters<typeof work.trainLocalOnly>[0]) => {
      asked.push('alone');
      return work.trainLocalOnly(order);
    },
  };
  const folder = bench.folder();
  const site = await bench.site('Lyon', watched, folder);
  const { federation } = await site.join(await hub.createInvite());
  await until('the project is here', () => site.memberships()[0]?.project);
  await site.approve(federation, 'chest', { acceptsLeak });
  return { site, asked, federation, folder, watched };
}

const acts = ({ ledger }: PracticeSite): string[] => ledger.map(({ act }) => act);
const finished = (site: PracticeSite) => until('it is finished', () => site.memberships()[0]?.state === 'finished');

it('probes once, before anything is trained, and goes on where no image was recognised', async () => {
  const { site, asked } = await situation(async () => nothingFound);
  await finished(site);
  expect(asked.filter((what) => what === 'probe')).toHaveLength(1);
  expect(asked[0]).toBe('probe');
  expect(site.memberships()[0]?.leakProbe).toMatchObject({ isHeld: false, isAccepted: false, images: 1 });
  expect(site.memberships()[0]?.trunkVersion).toBe(3);
  expect(acts(site).indexOf('leak-probe')).toBeLessThan(acts(site).indexOf('update-sent'));
});

it('trains and sends nothing while an image is recognised, also after a restart, until a person says so', async () => {
  const { site, asked, federation, folder, watched } = await situation(async () => recognised);
  await until('it is held', () => site.memberships()[0]?.leakProbe?.isHeld);
  await site.close();
  const again = await bench.site('Lyon', watched, folder);
  await until('it is online', () => again.memberships()[0]?.state === 'online');
  await until('it has nothing to do', () => again.memberships()[0]?.activity === 'waiting');
  expect(again.memberships()[0]?.leakProbe).toMatchObject({ isHeld: true, sentence: recognised.sentence });
  expect(asked).toEqual(['probe']);
  expect(again.memberships()[0]?.trunkVersion).toBe(0);
  expect(acts(site)).toContain('updates-held');
  expect(acts(site)).not.toContain('update-sent');

  again.acceptLeak(federation);
  await finished(again);
  expect(again.memberships()[0]?.leakProbe).toMatchObject({ isHeld: false, isAccepted: true, isRecognised: true });
  expect(again.ledger.find(({ act }) => act === 'leak-accepted')?.detail).toMatchObject({ isBeforehand: false });
  expect(acts(again).indexOf('leak-accepted')).toBeLessThan(acts(again).indexOf('update-sent'));
  expect(asked.filter((what) => what === 'probe')).toHaveLength(1);
  expect(() => again.acceptLeak(federation)).toThrow(expect.objectContaining({ code: 465 }));
});

it('asks the person too where the probe could not be made, and makes it again when it is told to', async () => {
  const findings = [{ ...nothingFound, failure: 'No memory.', similarity: null, images: 0 }, nothingFound];
  const { site, federation } = await situation(async () => findings.shift()!);
  await until('it is held', () => site.memberships()[0]?.leakProbe?.isHeld);
  expect(acts(site)).toContain('leak-probe-failed');
  site.probeAgain(federation);
  await finished(site);
  expect(findings).toHaveLength(0);
});

it('does not hold what was accepted with the approval, and asks anew after the project was declined', async () => {
  const { site, federation, asked } = await situation(async () => recognised, true);
  await until('the first update is sent', () => acts(site).includes('update-sent'));
  expect(site.ledger.find(({ act }) => act === 'leak-accepted')?.detail).toMatchObject({ isBeforehand: true });
  site.decline(federation, '');
  await site.approve(federation, 'chest');
  expect(site.memberships()[0]?.leakProbe).toMatchObject({ isHeld: true });
  // What it found stands: another attack on the same update would find the same.
  expect(asked.filter((what) => what === 'probe')).toHaveLength(1);
});

it('shows no model by hand before the probe, nor while a person has to decide', async () => {
  let find = (_finding: LeakFinding): void => {};
  const probing = new Promise<LeakFinding>((resolve) => (find = resolve));
  const { site, asked, federation } = await situation(() => probing);
  const publish = () =>
    site.bench(federation).publish({
      weights: weightsOf(0.2),
      definition: practiceProject().network,
      classes: practiceProject().classes,
      normalisation: null,
      parents: [],
      datasetFingerprint: 'a'.repeat(64),
      examples: 10,
      metrics: null,
    });
  await until('the probe is under way', () => asked.includes('probe'));
  await expect(publish()).rejects.toMatchObject({ code: 468, retry: 'later' });
  find(recognised);
  await until('it is held', () => site.memberships()[0]?.leakProbe?.isHeld);
  await expect(publish()).rejects.toMatchObject({ code: 469 });
  expect(acts(site)).not.toContain('model-shared');

  site.acceptLeak(federation);
  await expect(publish()).resolves.toMatchObject({ network: 'one-layer' });
});

it('a probe that is under way when the project is declined decides nothing', async () => {
  let answer: (finding: LeakFinding) => void = () => {};
  const { site, federation } = await situation(() => new Promise((resolve) => (answer = resolve)));
  await until('it is probing', () => site.memberships()[0]?.activity === 'probing');
  site.decline(federation, 'not yet');
  answer(nothingFound);
  await until('it has stopped', () => site.memberships()[0]?.activity !== 'probing');
  expect(site.memberships()[0]?.leakProbe).toBeNull();
  expect(acts(site)).not.toContain('leak-probe');
});
