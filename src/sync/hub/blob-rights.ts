// Which blobs a member may bring to the hub, and which it is given.
import { hubFault } from './faults.ts';
import type { HubLedger } from './hub-ledger.ts';
import { memberRates, openMemberRate } from './member-rate.ts';
import type { AdmittedSite, Members } from './members.ts';
import type { Relay } from './relay.ts';
import type { TrunkStore } from './trunk-store.ts';
import { checkBlobSize, type Trunk } from './trunk.ts';
import type { UnofferedBlobs } from './unoffered-blobs.ts';

/** @returns a site's rights on its channel. */
export function openBlobRights(order: {
  readonly members: Members;
  readonly relay: Relay;
  readonly store: TrunkStore;
  readonly ledger: Pick<HubLedger, 'append'>;
  readonly unoffered: UnofferedBlobs;
  readonly trunk: () => Trunk;
  readonly clock: () => number;
}) {
  const { members, relay, store, ledger, unoffered, trunk, clock } = order;
  const mayFetch = openMemberRate(memberRates.fetches, clock);
  return (site: AdmittedSite) => ({
    async mayReceive(hash: string, bytes: number): Promise<void> {
      if (!(await members.isMember(site.fingerprint))) throw hubFault.notMember();
      if (site.role === 'observer') throw hubFault.observer();
      if ((await trunk().current()) === null) throw hubFault.noProject();
      const limitBytes = await trunk().blobLimitBytes();
      checkBlobSize(bytes, limitBytes);
      await unoffered.begin(site.fingerprint, { hash, bytes }, limitBytes);
    },
    async maySend(hash: string): Promise<void> {
      if (!(await members.isMember(site.fingerprint))) throw hubFault.notMember();
      if (await store.isTrunkBlob(hash)) return;
      if (!(await relay.mayFetch(site.fingerprint, hash))) throw hubFault.notForYou();
    },
    async onSending(blob: string, bytes: number): Promise<void> {
      // Whoever has it all already is given nothing more.
      if (bytes === 0) return;
      if (!mayFetch(site.fingerprint)) throw hubFault.tooOften();
      const { site: to, fingerprint: device } = site;
      const act = (await store.isTrunkBlob(blob)) ? 'trunk-sent' : 'model-relayed';
      await ledger.append(act, { to, device, blob, bytes });
    },
  });
}
