// What is told to one connected site, beside what all hear: updates of its own that are never counted, models for it, its next certificate.
import type { Channel } from '../protocol/channel.ts';
import type { DeviceKeys } from '../protocol/device-keys.ts';
import { wireFeature } from '../protocol/limits.ts';
import { signStatement } from '../protocol/statement.ts';
import type { Certificates } from './certificates.ts';
import type { AdmittedSite, Members } from './members.ts';
import type { Relay } from './relay.ts';
import type { TrunkStore } from './trunk-store.ts';
import type { Trunk } from './trunk.ts';

export interface Session {
  readonly site: AdmittedSite;
  /** What the site understands beyond the first version of the wire. */
  readonly features: readonly string[];
  readonly channel: Channel;
  /** What is said to all meanwhile is not said to it; the greeting is made anew then. */
  isGreeted: boolean;
  isBehind: boolean;
  /** When its certificate of membership was issued, in ms since 1970. */
  certifiedAt: number;
  /** Of the models that it was told of. */
  lastModelSequence: number;
}

export interface SessionNews {
  tellDiscards(session: Session): Promise<void>;
  /** Models for it that it has not heard of. */
  offerModels(session: Session | undefined): Promise<void>;
  /** For a site that stays connected; one that comes back has a new certificate in its welcome. */
  certifyAnew(session: Session): Promise<void>;
}

export function openSessionNews(order: {
  readonly trunk: () => Trunk;
  readonly store: TrunkStore;
  readonly relay: Relay;
  readonly members: Members;
  readonly certificates: Certificates;
  readonly keys: DeviceKeys;
  readonly clock: () => number;
}): SessionNews {
  const { trunk, store, relay, members, certificates, keys, clock } = order;
  return {
    async tellDiscards({ site, features, channel }: Session): Promise<void> {
      const current = await trunk().current();
      if (current === null || !features.includes(wireFeature.discards)) return;
      const { projectHash } = current;
      const discarded = (await store.discardedOf(projectHash, site.fingerprint)).map(({ idempotencyKey, reason }) =>
        signStatement('discard', { idempotencyKey, site: site.fingerprint, projectHash, reason }, keys),
      );
      if (discarded.length > 0) channel.send({ kind: 'updates-discarded', discarded });
    },
    async offerModels(session: Session | undefined): Promise<void> {
      // At the end of its greeting it is asked for.
      if (session === undefined || !session.isGreeted) return;
      for (const available of await relay.availableTo(session.site.fingerprint, session.lastModelSequence)) {
        if (available.sequence <= session.lastModelSequence) continue;
        session.lastModelSequence = available.sequence;
        await session.channel.ready();
        session.channel.send(available);
      }
    },
    async certifyAnew(session: Session): Promise<void> {
      const { fingerprint } = session.site;
      if (!session.features.includes(wireFeature.certificates) || !certificates.isDue(session.certifiedAt)) return;
      // Another hub may have ended the membership, and this one not have heard of it yet.
      const role = await members.roleOf(fingerprint);
      if (role === null) return;
      session.certifiedAt = clock();
      session.channel.send({ kind: 'membership-certified', membership: certificates.issue({ fingerprint, role }) });
    },
  };
}
