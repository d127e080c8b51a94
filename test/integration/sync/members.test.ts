// What a coordinator does to members from a second process reaches the running hub and the site.
import { afterEach, describe, expect, it } from 'vitest';
import { Fault } from '../../../src/contract/fault.ts';
import { openHub } from '../../../src/sync/hub/hub.ts';
import { endMembershipIn, listMembersIn } from '../../../src/sync/hub/membership-end.ts';
import { openBench, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';
import { rawSite, rawUpdate } from './raw-site.ts';

const bench = openBench();
afterEach(() => bench.close());

const project = practiceProject();
const hubIn = async (folder: string) =>
  bench.keep(await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) }));

describe('members ended from another process', () => {
  it('a revoked site is cut off by the running hub, told why, and never let in again', async () => {
    const folder = bench.folder();
    const hub = await hubIn(folder);
    const lyon = await bench.site('Lyon', practiceWork({ step: 1 }));
    await lyon.join(await hub.createInvite());
    await endMembershipIn(folder, 'Lyon', { kind: 'revoked', because: 'the laptop was stolen' });
    const refused = await until('the site knows', () => lyon.memberships().find(({ state }) => state === 'refused'));
    expect(refused.reason).toContain("withdrew this site's membership: the laptop was stolen");
    await until('the hub shows it', async () => (await hub.status()).members.length === 0);
    await expect(lyon.join(await hub.createInvite())).rejects.toMatchObject({ code: 505 });
    // Nothing is owed to a hub that ended the membership itself.
    expect(await lyon.leave(refused.federation)).toBe(true);
    expect(await listMembersIn(folder)).toMatchObject([
      { site: 'Lyon', state: 'revoked', because: 'the laptop was stolen', updates: 0 },
    ]);
  });

  it('an expelled site is cut off and told why, and comes back with a new invite', async () => {
    const folder = bench.folder();
    const hub = await hubIn(folder);
    const lyon = await bench.site('Lyon', practiceWork({ step: 1 }));
    await lyon.join(await hub.createInvite());
    await endMembershipIn(folder, 'Lyon', { kind: 'expelled', because: 'the agreement ended' });
    const refused = await until('the site knows', () => lyon.memberships().find(({ state }) => state === 'refused'));
    expect(refused.reason).toContain('ended this site');
    expect(refused.reason).toContain('the agreement ended');
    await lyon.join(await hub.createInvite());
    await until('it is back', async () => (await hub.status()).members.some(({ online }) => online));
    expect(await listMembersIn(folder)).toMatchObject([{ site: 'Lyon', state: 'member', because: null }]);
  });

  it('nothing is taken any more from the moment of the act, before the hub has noticed', async () => {
    const folder = bench.folder();
    const hub = await hubIn(folder);
    const site = await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' });
    const { blob, signed } = rawUpdate(site, project, weightsOf(1));
    await site.channel.putBlob(blob);
    await endMembershipIn(folder, 'Lyon', { kind: 'revoked', because: 'test' });
    // Refused as no member's, or cut off already.
    await expect(site.channel.ask({ kind: 'update-offered', update: signed })).rejects.toBeInstanceOf(Fault);
    await site.channel.ended;
    expect((await hub.status()).acceptedUpdates).toBe(0);
  });

  it('one that is not there is said', async () => {
    const folder = bench.folder();
    await hubIn(folder);
    await expect(endMembershipIn(folder, 'Oslo', { kind: 'expelled', because: 'test' })).rejects.toThrow(/called Oslo/);
    await expect(listMembersIn(bench.folder())).rejects.toThrow(/no hub/);
  });
});

describe('a hub that has no project yet', () => {
  it('lets sites in, and they hear of the project when there is one', async () => {
    const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0 }));
    const lyon = await bench.site('Lyon', practiceWork({ step: 1 }));
    await lyon.join(await hub.createInvite());
    await until('it is in', async () => (await hub.status()).members.some(({ online }) => online));
    expect(lyon.memberships()).toMatchObject([{ project: null }]);
    await hub.setProject(project, weightsOf(0));
    await until('it hears of the project', () => lyon.memberships()[0]?.project?.id === project.id);
  });
});
