// A project's life: proposed while the hub runs, answered by each site's data manager, changed, retired; and what roles and endings do.
import { afterEach, describe, expect, it } from 'vitest';
import { openHub, type HubNews } from '../../../src/sync/hub/hub.ts';
import { createInviteIn } from '../../../src/sync/hub/invites.ts';
import { hubLedgerEntriesIn, verifyHubLedgerIn } from '../../../src/sync/hub/ledger-in.ts';
import { endMembershipIn, listMembersIn } from '../../../src/sync/hub/membership-end.ts';
import { proposeProjectIn, retireProjectIn } from '../../../src/sync/hub/project-acts.ts';
import { projectStandingIn } from '../../../src/sync/hub/project-standing.ts';
import { signStatement } from '../../../src/sync/protocol/statement.ts';
import { openBench, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';
import { rawSite, rawUpdate } from './raw-site.ts';

const bench = openBench();
afterEach(() => bench.close());

const project = practiceProject({ rule: { bufferSize: 2 }, commits: 50 });

async function hubAndFolder() {
  const folder = bench.folder();
  const hub = bench.keep(await openHub({ folder, port: 0 }));
  const news: HubNews[] = [];
  hub.watch((one) => news.push(one));
  return { folder, hub, news };
}

describe('a project that ends', () => {
  it('tells each site that its update which waited is never counted, and why', async () => {
    const robust = practiceProject({
      rule: { bufferSize: 3, combination: { kind: 'median' }, staleness: { kind: 'constant' } },
    });
    const { folder, hub } = await hubAndFolder();
    await hub.setProject(robust, weightsOf(0));
    const lyon = await bench.site('Lyon', practiceWork({ step: 1 }));
    const { federation } = await lyon.join(await hub.createInvite());
    await until('the project', () => lyon.memberships()[0]?.project);
    await lyon.approve(federation, 'chest');
    await until('its receipt', () => (lyon.memberships()[0]?.updates.accepted ?? 0) > 0);
    await retireProjectIn(folder, 'the study ended');
    const told = await until('the site knows', () => {
      const membership = lyon.memberships()[0];
      return membership !== undefined && membership.updates.discarded > 0 && membership;
    });
    expect(told.discardedBecause).toContain('The project ended');
    expect(told.updates.discarded).toBeLessThanOrEqual(told.updates.accepted);
    expect(lyon.ledger.map(({ act }) => act)).toContain('update-discarded');
  });
});

it('a project retired before enough sites delivered ends without a model of one site', async () => {
  const { folder, hub } = await hubAndFolder();
  await hub.setProject(practiceProject({ rule: { bufferSize: 1 }, sitesToStart: 2, commits: 5 }), weightsOf(0));
  const lyon = await bench.site('Lyon', practiceWork({ step: 1 }));
  const { federation } = await lyon.join(await hub.createInvite());
  await until('the project', () => lyon.memberships()[0]?.project);
  await lyon.approve(federation, 'chest');
  await until('its receipt', () => (lyon.memberships()[0]?.updates.accepted ?? 0) > 0);
  await retireProjectIn(folder, 'nobody else came');
  await until('the site knows', () => lyon.memberships()[0]?.updates.discarded === 1);
  expect(await hub.status()).toMatchObject({ trunkVersion: 0, isFinished: true, bufferedUpdates: 0 });
});

describe('a proposed project', () => {
  it('is answered to as it was read: one that the coordinator has changed meanwhile is not signed', async () => {
    const { hub } = await hubAndFolder();
    await hub.setProject(project, weightsOf(0));
    const work = practiceWork({ step: 1 });
    let isLooked = (): void => {};
    const looked = new Promise<void>((resolve) => (isLooked = resolve));
    let isHeld = false;
    const lyon = await bench.site('Lyon', {
      ...work,
      async datasetFingerprint(cohort) {
        if (isHeld) await looked;
        return work.datasetFingerprint(cohort);
      },
    });
    const { federation } = await lyon.join(await hub.createInvite());
    const { projectHash } = await until('the project', () => lyon.memberships().find((one) => one.project !== null));
    isHeld = true;
    const answers = [lyon.approve(federation, 'chest'), lyon.approve(federation, 'chest', { projectHash })];
    await hub.setProject({ ...project, commits: 51 }, weightsOf(0));
    await until('the other project', () => lyon.memberships()[0]!.project?.commits === 51);
    isLooked();
    for (const answer of answers) await expect(answer).rejects.toMatchObject({ code: 470 });
    await expect(lyon.approve(federation, 'chest', { projectHash })).rejects.toMatchObject({ code: 470 });
    expect(() => lyon.decline(federation, '', projectHash)).toThrow('has changed the project');
    expect(lyon.memberships()[0]).toMatchObject({ answer: null, cohort: null });
  });

  it('reaches the sites of a running hub, and the hub shows who approved and who declined, and why', async () => {
    const { folder, hub, news } = await hubAndFolder();
    const lyon = await bench.site('Lyon', practiceWork({ step: 1 }));
    const oslo = await bench.site('Oslo', practiceWork({ step: 1 }));
    const quito = await bench.site('Quito', practiceWork({ step: 1 }));
    for (const site of [lyon, oslo, quito]) await site.join(await createInviteIn(folder));
    await proposeProjectIn({ folder }, project, weightsOf(0));
    for (const site of [lyon, oslo, quito]) {
      await until('it is asked', () => site.memberships()[0]?.project?.id === project.id);
      expect(site.memberships()[0]).toMatchObject({ answer: null, cohort: null });
    }
    const federation = lyon.memberships()[0]!.federation;
    await lyon.approve(federation, 'chest');
    oslo.decline(federation, 'our ethics board meets in May');
    await until('the hub has heard both', () => news.filter(({ kind }) => kind === 'project-answered').length === 2);
    expect(await projectStandingIn(folder)).toMatchObject({
      answers: expect.arrayContaining([
        expect.objectContaining({ site: 'Lyon', answer: 'approved', because: null }),
        expect.objectContaining({ site: 'Oslo', answer: 'declined', because: 'our ethics board meets in May' }),
      ]),
      unanswered: ['Quito'],
    });
    await until('the site knows', () => oslo.memberships()[0]?.answer?.isHeard);
    expect(oslo.ledger.map(({ act }) => act)).toContain('project-declined');
    const [declined] = await hubLedgerEntriesIn(folder, 1, ({ act }) => act === 'decline-recorded');
    expect(declined?.detail).toMatchObject({ from: 'Oslo', reason: 'our ethics board meets in May' });
    expect(await hub.status()).toMatchObject({ acceptedUpdates: expect.any(Number) });
  });

  it('asks again when it is changed, and an answer given while the hub was away reaches it later', async () => {
    const folder = bench.folder();
    const first = await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) });
    const { port } = first;
    const lyon = await bench.site('Lyon', practiceWork({ step: 1 }));
    const { federation } = await lyon.join(await first.createInvite());
    await until('it is asked', () => lyon.memberships()[0]?.project);
    await first.close();
    lyon.decline(federation, 'not now');
    expect(lyon.memberships()[0]?.answer).toEqual({ answer: 'declined', because: 'not now', isHeard: false });
    bench.keep(await openHub({ folder, port }));
    await until('it is heard', () => lyon.memberships()[0]?.answer?.isHeard);
    const changed = practiceProject({ id: 'practice-2', rule: { bufferSize: 2 }, commits: 50 });
    await proposeProjectIn({ folder }, changed, weightsOf(0));
    await until('it is asked anew', () => lyon.memberships()[0]?.project?.id === 'practice-2');
    expect(lyon.memberships()[0]).toMatchObject({ answer: null });
    expect(await projectStandingIn(folder)).toMatchObject({ answers: [], unanswered: ['Lyon'] });
  });

  it('that a site declined takes nothing from it, whatever it sends', async () => {
    const { folder } = await hubAndFolder();
    const { projectHash } = await proposeProjectIn({ folder }, project, weightsOf(0));
    const site = await rawSite({ invite: await createInviteIn(folder), folder: bench.folder(), name: 'Lyon' });
    const answer = signStatement(
      'project-answer',
      {
        project: project.id,
        projectHash,
        answer: 'declined',
        because: null,
        datasetFingerprint: null,
        answeredAt: new Date().toISOString(),
      },
      site.keys,
    );
    expect(await site.channel.ask({ kind: 'project-answered', answer })).toMatchObject({ kind: 'answer-recorded' });
    const { blob, signed } = rawUpdate(site, project, weightsOf(1));
    await site.channel.putBlob(blob);
    await expect(site.channel.ask({ kind: 'update-offered', update: signed })).rejects.toMatchObject({ code: 528 });
    const forged = { ...answer, statement: answer.statement.replace('declined', 'approved') };
    await expect(site.channel.ask({ kind: 'project-answered', answer: forged })).rejects.toMatchObject({ code: 403 });
    await site.close();
  });
});

describe('a retired project', () => {
  it('takes in what waits as its last commit, tells the sites that it is finished, and takes nothing more', async () => {
    const { folder, hub } = await hubAndFolder();
    await proposeProjectIn({ folder }, project, weightsOf(0));
    const site = await rawSite({ invite: await createInviteIn(folder), folder: bench.folder(), name: 'Lyon' });
    const { blob, signed } = rawUpdate(site, project, weightsOf(1));
    await site.channel.putBlob(blob);
    await site.channel.ask({ kind: 'update-offered', update: signed });
    const oslo = await bench.site('Oslo', practiceWork({ step: 1 }));
    await oslo.join(await createInviteIn(folder));
    await retireProjectIn(folder, 'the study ended');
    await expect(retireProjectIn(folder, 'once more')).rejects.toMatchObject({ code: 512 });
    await until('it ended', () => oslo.memberships()[0]?.trunkVersion === 1);
    expect(await projectStandingIn(folder)).toMatchObject({
      trunkVersion: 1,
      isFinished: true,
      retiredBecause: 'the study ended',
      bufferedUpdates: 0,
    });
    const late = rawUpdate(site, project, weightsOf(2));
    await expect(site.channel.ask({ kind: 'update-offered', update: late.signed })).rejects.toMatchObject({
      code: 512,
    });
    expect((await hub.status()).isFinished).toBe(true);
    expect(await verifyHubLedgerIn(folder)).toMatchObject({ verified: true });
    await site.close();
  });

  it('refuses a quick site once: it trains for it no more, though its end is still to come', async () => {
    const { folder, hub } = await hubAndFolder();
    const endless = practiceProject({ rule: { bufferSize: 1, maxStalenessCommits: 10_000 }, commits: 100_000 });
    await hub.setProject(endless, weightsOf(0));
    const lyon = await bench.site('Lyon', practiceWork({ step: 0.001 }));
    const { federation } = await lyon.join(await hub.createInvite());
    await until('the project', () => lyon.memberships()[0]?.project);
    await lyon.approve(federation, 'chest');
    await until('it is at work', () => (lyon.memberships()[0]?.updates.accepted ?? 0) > 3);
    await retireProjectIn(folder, 'the study ended');
    await until('it has ended', async () => (await hub.status()).isFinished);
    await until('the site knows', () => lyon.memberships()[0]?.state === 'finished');
    const refused = lyon.ledger.filter(({ act }) => act === 'update-refused');
    expect(refused.length).toBeLessThanOrEqual(1);
  });
});

describe('updates that wait when their site’s membership ends', () => {
  it.each([
    ['revoked', undefined, 0],
    ['revoked', 'count', 1],
    ['expelled', undefined, 1],
    ['retired', undefined, 1],
    ['retired', 'discard', 0],
  ] as const)('of a %s site, policy %s: %i are counted', async (kind, waitingUpdates, counted) => {
    const { folder } = await hubAndFolder();
    await proposeProjectIn({ folder }, project, weightsOf(0));
    const site = await rawSite({ invite: await createInviteIn(folder), folder: bench.folder(), name: 'Lyon' });
    const { blob, signed } = rawUpdate(site, project, weightsOf(1));
    await site.channel.putBlob(blob);
    await site.channel.ask({ kind: 'update-offered', update: signed });
    await endMembershipIn(folder, 'Lyon', { kind, because: 'test', waitingUpdates });
    await site.channel.ended;
    expect(await projectStandingIn(folder)).toMatchObject({ bufferedUpdates: counted });
    expect(await listMembersIn(folder)).toMatchObject([{ state: kind }]);
    const discarded = await hubLedgerEntriesIn(folder, 9, ({ act }) => act === 'updates-discarded');
    expect(discarded.map(({ detail }) => detail['updates'])).toEqual(counted === 0 ? [1] : []);
  });
});

describe('an observer', () => {
  it('reads the trunk and measures it, and whatever it sends is refused', async () => {
    const { folder, hub } = await hubAndFolder();
    await proposeProjectIn({ folder }, practiceProject({ rule: { bufferSize: 1 }, commits: 1 }), weightsOf(0));
    const paris = await bench.site('Paris', practiceWork({ step: 1 }));
    const { federation } = await paris.join(await createInviteIn(folder, { role: 'observer' }));
    await until('it has the trunk', () => paris.ledger.some(({ act }) => act === 'trunk-received'));
    await paris.approve(federation, 'chest');
    await until('it has measured it', () => paris.memberships()[0]?.history.length === 1);
    const lyon = await bench.site('Lyon', practiceWork({ step: 1 }));
    await lyon.join(await createInviteIn(folder));
    await lyon.approve(federation, 'chest');
    const done = await until('it follows to the end', () =>
      paris.memberships().find((one) => one.state === 'finished'),
    );
    expect(done).toMatchObject({ role: 'observer', trunkVersion: 1, updates: { accepted: 0, refused: 0 } });
    expect(paris.ledger.some(({ act }) => ['update-sent', 'model-shared'].includes(act))).toBe(false);
    expect((await hub.status()).acceptedUpdates).toBe(1);

    const site = await rawSite({
      invite: await createInviteIn(folder, { role: 'observer' }),
      folder: bench.folder(),
      name: 'Rome',
    });
    const { blob, signed } = rawUpdate(site, project, weightsOf(1));
    await expect(site.channel.putBlob(blob)).rejects.toMatchObject({ code: 529 });
    await expect(site.channel.ask({ kind: 'update-offered', update: signed })).rejects.toMatchObject({ code: 529 });
    await site.close();
  });
});
