// How a hub stands, as its command line and its tests ask.
import type { HubStatus } from './hub-order.ts';
import type { Members } from './members.ts';
import type { Presence } from './presence.ts';
import type { TrunkStore } from './trunk-store.ts';
import type { Trunk } from './trunk.ts';

export async function hubStatus(
  order: Pick<HubStatus, 'federation' | 'url' | 'fingerprint'> & {
    readonly trunk: Trunk;
    readonly store: TrunkStore;
    readonly members: Members;
    readonly online: Presence['online'];
    readonly refusedUpdates: () => number;
  },
): Promise<HubStatus> {
  const { federation, url, fingerprint, trunk, store, members, online, refusedUpdates } = order;
  const current = await trunk.current();
  return {
    federation,
    url,
    fingerprint,
    project: current?.project ?? null,
    trunkVersion: current?.trunk.version ?? 0,
    isFinished: current?.isFinished ?? false,
    bufferedUpdates: await trunk.buffered(),
    awaited: await trunk.awaitedSites(),
    acceptedUpdates: await store.acceptedUpdates(),
    refusedUpdates: refusedUpdates(),
    members: (await members.list(await online())).map((member) => ({
      site: member.site,
      fingerprint: member.fingerprint,
      online: member.online,
      updates: member.updates,
      lastSeen: member.lastSeen,
    })),
  };
}
