// The hospital's end of its federations: keys, memberships, and what each is doing. One folder, one process.
import { rmSync } from 'node:fs';
import type { Agent } from 'node:http';
import path from 'node:path';
import { siteNameSchema, type Membership, type Project } from '../../contract/federation.ts';
import type { Ancestor, Listening, ListeningRules } from '../../contract/peers.ts';
import { closeCodes } from '../protocol/channel.ts';
import { keepFreedMemory, siteKeptBytes } from '../protocol/freed-memory.ts';
import { parseInvite } from '../protocol/invite-link.ts';
import type { BenchActs } from './bench-acts.ts';
import { type CardCheck, openCardCheck } from './card-check.ts';
import { siteFault } from './faults.ts';
import { homeTrunkOf } from './home-normalisation.ts';
import { plainSealing, type KeySealing } from './key-sealing.ts';
import { openListening } from './listening.ts';
import type { ApprovalOptions } from './approval.ts';
import type { CountersignedLedger } from './ledger-heads.ts';
import type { LedgerDetail } from './membership-desk.ts';
import { newMembershipState } from './membership-file.ts';
import { makeMembershipFolder, readMembershipFolders, type StoredMembership } from './membership-folders.ts';
import { openMembership, type OpenMembership } from './membership.ts';
import { openSiteKeys } from './site-keys.ts';
import type { SiteWork } from './site-work.ts';
import type { WayOut } from './way-out.ts';
import { isOnBench, trunkOnBench } from './bench-candidate.ts';

export interface SiteOrder {
  readonly folder: string;
  /** The name used where `join` is not given another. */
  readonly siteName: string;
  readonly work: SiteWork;
  readonly onChange: (membership: Membership) => void;
  /** Every act, and every byte that leaves. */
  readonly onLedger: (act: string, detail: LedgerDetail) => void;
  /** How keys lie on the disk; plain by default. */
  readonly sealing?: KeySealing;
  /** How hubs are reached; straight, believing the usual authorities, by default. */
  readonly wayOut?: WayOut;
  /** Countersigned by the hubs; nothing is where it is left out. */
  readonly ledger?: CountersignedLedger;
  readonly clock?: () => number;
  readonly random?: () => number;
  readonly pingMs?: number;
  /** Makes the connections to hubs, through a proxy for example; the system's own without. */
  readonly agent?: Agent;
  /** Of several sites in one process one may remember the checked cards of all. */
  readonly checkCard?: CardCheck;
}

/** The weights behind a scoreboard, for the station to evaluate on its test split. Files are read-only and may go with the next trunk. */
export interface EnsembleFiles {
  readonly project: Project;
  readonly cohort: string;
  readonly members: readonly { readonly model: string; readonly site: string; readonly weightsFile: string }[];
  readonly trunkFile: string | null;
  readonly localOnlyFile: string | null;
}

export interface Site {
  /** SHA-256 (hex) of this device's public key. */
  readonly fingerprint: string;
  /**
   * Enrols this device by an invite. @throws Fault 412 not an invite, 450–454 with what to do, 500–505 the hub's refusal.
   */
  join(inviteLink: string, options?: { readonly siteName?: string }): Promise<Membership>;
  /**
   * The data manager's consent: this cohort takes part in the federation's project from now on. A changed project or cohort asks again.
   * @throws Fault 455, 456; 457 for another cohort than was looked at, 470 for another project
   */
  approve(federation: string, cohort: string, options?: ApprovalOptions): Promise<Membership>;
  /** Sends what the leak probe holds back: a person has looked. @throws Fault 455, 465 */
  acceptLeak(federation: string, isBeforehand?: boolean): Membership;
  /** Runs the leak probe once more. @throws Fault 455, 456 */
  probeAgain(federation: string): Membership;
  /** What may be trained here has changed (another privacy budget): where nothing more could be, it is tried again. */
  lookAgain(): void;
  /** The data manager's no to the project; the coordinator hears the reason. @throws Fault 455, 456, 470 for another project than was looked at */
  decline(federation: string, because: string, projectHash?: string | null): Membership;
  /** Stops at once. @returns whether the hub has heard of it; else it hears at the next connection. */
  leave(federation: string): Promise<boolean>;
  memberships(): Membership[];
  /** Heads of the station's ledger that hubs countersigned. */
  ledgerWitnesses(): readonly { by: string; entries: number; hash: string; at: string }[];
  /** What a person may order of the bench. @throws Fault 455 */
  bench(federation: string): BenchActs;
  /** Oldest first. @throws Fault 455 */
  lineage(federation: string): readonly Ancestor[];
  /** The newest trunk's weights, read-only; null where they are not here. @throws Fault 455 */
  trunkFile(federation: string): string | null;
  /** Null before an ensemble was selected. */
  ensembleOf(federation: string): EnsembleFiles | null;
  /** Whether and where this site listens for its peers. */
  listening(): Listening;
  /** @throws Fault 493–495; what was before stands then. */
  listen(rules: ListeningRules): Promise<void>;
  /** Ends work and connections; the next `openSite` goes on where this one stood. */
  close(): Promise<void>;
}

export async function openSite(order: SiteOrder): Promise<Site> {
  keepFreedMemory(siteKeptBytes);
  const clock = order.clock ?? Date.now;
  const keys = openSiteKeys(path.join(order.folder, 'keys'), order.sealing ?? plainSealing);
  const federations = path.join(order.folder, 'federations');
  const memberships = new Map<string, OpenMembership>();
  const listening = await openListening({
    folder: order.folder,
    sealing: order.sealing ?? plainSealing,
    async welcome(socket, hubFingerprint) {
      const called = [...memberships.values()].find(({ state }) => state.hubFingerprint === hubFingerprint);
      if (called === undefined) socket.close(closeCodes.refused, 'no such federation here');
      else await called.welcomePeer(socket);
    },
  });
  const joining = new Set<string>();
  const checkCard = order.checkCard ?? openCardCheck();
  const open = ({ folder, state }: StoredMembership, inviteCode: string | null): Promise<OpenMembership> =>
    openMembership({
      folder,
      state,
      keys,
      work: order.work,
      ...(order.wayOut !== undefined && { wayOut: order.wayOut }),
      ...(order.ledger !== undefined && { ledger: order.ledger }),
      clock,
      random: order.random ?? Math.random,
      pingMs: order.pingMs ?? null,
      agent: order.agent ?? null,
      checkCard,
      address: listening.address,
      inviteCode,
      onChange: order.onChange,
      onLedger: order.onLedger,
    });
  const membershipOf = (federation: string): OpenMembership => {
    const membership = memberships.get(federation);
    if (membership === undefined) throw siteFault.noSuchFederation(federation);
    return membership;
  };

  const close = async (): Promise<void> => {
    listening.close();
    await Promise.all([...memberships.values()].map((membership) => membership.close()));
  };

  try {
    const stored = readMembershipFolders(federations, (fault, setAsideAs) =>
      order.onLedger('membership-damaged', { reason: fault.message, folder: setAsideAs }),
    );
    for (const one of stored) memberships.set(one.state.federation, await open(one, null));
  } catch (thrown) {
    await close();
    throw thrown;
  }

  return {
    fingerprint: keys.fingerprint,
    async join(inviteLink, options = {}) {
      const invite = parseInvite(inviteLink);
      const site = siteNameSchema.parse(options.siteName ?? order.siteName);
      const { federation } = invite;
      if (!(Date.parse(invite.expiresAt) > clock())) throw siteFault.expiredInvite(invite.expiresAt);
      const earlier = memberships.get(federation);
      if (joining.has(federation) || earlier?.state.standing === 'member') {
        const isOther = earlier !== undefined && earlier.state.hubFingerprint !== invite.hubFingerprint;
        throw siteFault.alreadyMember(federation, isOther ? earlier.state.hubUrl : null);
      }
      joining.add(federation);
      try {
        // Closed first: it may owe the hub a goodbye, which would end the new membership of the same device.
        await earlier?.close();
        const state = newMembershipState({
          federation,
          hubUrl: invite.url,
          hubFingerprint: invite.hubFingerprint,
          site,
        });
        const folder = makeMembershipFolder(federations, federation);
        let membership: OpenMembership;
        try {
          membership = await open({ folder, state }, invite.code);
        } catch (thrown) {
          rmSync(folder, { recursive: true, force: true });
          if (earlier !== undefined) memberships.set(federation, await open(earlier, null));
          throw thrown;
        }
        memberships.set(federation, membership);
        if (earlier !== undefined) rmSync(earlier.folder, { recursive: true, force: true });
        order.onLedger('joined', { federation, hub: invite.url, hubFingerprint: invite.hubFingerprint, site });
        return membership.view;
      } finally {
        joining.delete(federation);
      }
    },
    async approve(federation, cohort, options) {
      const membership = membershipOf(federation);
      await membership.approve(cohort, options);
      return membership.view;
    },
    acceptLeak(federation, isBeforehand = false) {
      const membership = membershipOf(federation);
      membership.acceptLeak(isBeforehand);
      return membership.view;
    },
    probeAgain(federation) {
      const membership = membershipOf(federation);
      membership.probeAgain();
      return membership.view;
    },
    lookAgain() {
      for (const membership of memberships.values()) membership.lookAgain();
    },
    trunkFile(federation) {
      const { state, blobFile } = membershipOf(federation);
      return state.trunk === null ? null : blobFile(state.trunk.blob);
    },
    decline(federation, because, projectHash) {
      const membership = membershipOf(federation);
      membership.decline(because.trim() === '' ? null : because.trim(), projectHash);
      return membership.view;
    },
    leave: (federation) => membershipOf(federation).leave(),
    ledgerWitnesses: () =>
      [...memberships.values()].flatMap(({ state }) =>
        state.ledgerHeads.countersigned === null
          ? []
          : [{ by: `the hub of ${state.federation}`, ...state.ledgerHeads.countersigned }],
      ),
    memberships: () => [...memberships.values()].map(({ view }) => view),
    bench: (federation) => membershipOf(federation).acts,
    lineage: (federation) => membershipOf(federation).state.lineage,
    ensembleOf(federation) {
      const { state, blobFile } = membershipOf(federation);
      if (state.project === null || state.approval === null || state.selected.length === 0) return null;
      const trunk = state.candidates.find(({ site }) => site === trunkOnBench);
      return {
        project: state.project.project,
        cohort: state.approval.cohort,
        members: state.candidates
          .filter((one) => isOnBench(one) && state.selected.includes(one.model))
          .flatMap(({ model, site }) => {
            const weightsFile = blobFile(site === trunkOnBench ? homeTrunkOf({ state }, model) : model);
            return weightsFile === null ? [] : [{ model, site, weightsFile }];
          }),
        trunkFile: trunk === undefined ? null : blobFile(homeTrunkOf({ state }, trunk.model)),
        localOnlyFile: state.own === null ? null : blobFile(state.own.model),
      };
    },
    listening: () => listening.now,
    async listen(rules) {
      await listening.change(rules);
      for (const membership of memberships.values()) membership.tellAddress();
    },
    close,
  };
}
