// What the hub says, kept in the membership's state: project, trunk, members, models of peers. What is refused changes nothing. Nothing is saved
// here; the membership does.
import { createHash } from 'node:crypto';
import { projectSchema } from '../../contract/federation.ts';
import { wireLimits } from '../protocol/limits.ts';
import type { FromHub, Member } from '../protocol/messages.ts';
import { parseJson, parseStatement, readStatement, type Signed, type TrunkStatement } from '../protocol/statement.ts';
import type { Bench } from './bench.ts';
import { benchLimits } from './bench-limits.ts';
import { takeCounted, takeDiscarded } from './awaited-updates.ts';
import type { CardCheck } from './card-check.ts';
import { siteFault } from './faults.ts';
import { takeCertificate } from './membership-certificate.ts';
import type { MembershipDesk } from './membership-desk.ts';
import type { MembershipState } from './membership-file.ts';
import type { Outbox } from './outbox.ts';
import type { WorkLoop } from './work-loop.ts';

/** Messages that no question asked for. */
export type HubNews = Exclude<
  FromHub,
  { re: number } | { kind: 'put-begin' | 'put-end' | 'get-begin' | 'chunk-received' }
>;

/** Whether what a message changed must survive a kill. New members may be written a little later; who is online need not be at all. */
export type Keep = 'at-once' | 'soon' | 'not';

/** Takes one message. @throws Fault 400 or 403 for one that a true hub does not send. */
export function openNewsReader(order: {
  readonly desk: MembershipDesk;
  readonly bench: Bench;
  readonly outbox: Outbox;
  readonly loop: WorkLoop;
  readonly checkCard: CardCheck;
}): (message: HubNews) => Keep {
  const { desk, bench, outbox, loop, checkCard } = order;
  const { state } = desk;
  const places = openPlaces(state);

  const checked = (member: Member) => ({ member, ...checkCard(member.card) });
  /** @returns whether member or card are new. */
  const takeMember = ({ member, card, fingerprint, site }: ReturnType<typeof checked>): boolean => {
    const { online, updates, lastSeen, address, takesPart = true } = member;
    const at = places.of(fingerprint);
    // More than a federation has.
    if (at === null && state.memberFingerprints.length >= wireLimits.members) return false;
    const known = state.cards[fingerprint];
    const isKnown = known?.statement === card.statement && known.signature === card.signature;
    // Whoever wrote to us once stays known, so that its models can be checked after it left.
    state.cards[fingerprint] = card;
    const isMoved = address ? desk.lines().noteAddress(address) : false;
    state.members[at ?? state.members.length] = { site, online, updates, lastSeen, takesPart };
    if (at === null) places.add(fingerprint);
    const tookPart = !state.bystanders.includes(fingerprint);
    if (tookPart && !takesPart) state.bystanders.push(fingerprint);
    if (!tookPart && takesPart) state.bystanders = state.bystanders.filter((one) => one !== fingerprint);
    return !isKnown || isMoved || at === null || takesPart !== tookPart;
  };
  /** Of those that are members no more the cards that nothing needs, longest known first: a hub may name any number of devices. */
  const forgetStrangers = (): void => {
    const known = Object.keys(state.cards);
    let excess = known.length - benchLimits.cards;
    if (excess <= 0) return;
    const needed = new Set([
      ...state.memberFingerprints,
      ...state.candidates.map(({ author }) => author),
      ...state.announced.map(({ model }) => parseStatement('model', model.statement).author),
    ]);
    for (const fingerprint of known) {
      if (excess === 0) return;
      if (needed.has(fingerprint)) continue;
      delete state.cards[fingerprint];
      delete state.addresses[fingerprint];
      excess -= 1;
    }
  };
  const dropMembers = (isGone: (fingerprint: string) => boolean): boolean => {
    const kept = state.memberFingerprints.map((fingerprint) => !isGone(fingerprint));
    if (kept.every(Boolean)) return false;
    state.members = state.members.filter((_, index) => kept[index]);
    state.memberFingerprints = state.memberFingerprints.filter((_, index) => kept[index]);
    state.bystanders = state.bystanders.filter((one) => state.memberFingerprints.includes(one));
    // One that left and comes back has to be given the model again.
    for (const published of state.published) {
      published.recipients = published.recipients.filter((one) => state.memberFingerprints.includes(one));
      published.entered = published.entered.slice(-benchLimits.cards);
      published.enteredDirect = published.enteredDirect.slice(-benchLimits.cards);
    }
    return true;
  };
  const takeMembers = (all: readonly ReturnType<typeof checked>[], isDropped: boolean): Keep => {
    const isNew = all.map(takeMember).includes(true);
    if (isNew) forgetStrangers();
    if (isNew || isDropped) desk.membersChanged();
    if (isDropped) return 'at-once';
    return isNew ? 'soon' : 'not';
  };
  const takeAllMembers = (members: readonly Member[]): Keep => {
    const all = members.map(checked);
    const named = new Set(all.map(({ fingerprint }) => fingerprint));
    // Files of earlier versions have names without fingerprints.
    if (state.members.length !== state.memberFingerprints.length) {
      state.members = [];
      state.memberFingerprints = [];
    }
    return takeMembers(
      all,
      dropMembers((fingerprint) => !named.has(fingerprint)),
    );
  };
  const takeChangedMembers = (changed: readonly Member[], gone: readonly string[]): Keep => {
    const all = changed.map(checked);
    return takeMembers(all, gone.length > 0 && dropMembers((fingerprint) => gone.includes(fingerprint)));
  };

  const takeProject = (text: string | null, trunk: Signed | null, isFinished: boolean): void => {
    if (text === null || trunk === null) return;
    const hash = createHash('sha256').update(text).digest('hex');
    if (hash !== state.project?.hash) {
      const project = projectSchema.safeParse(parseJson(text));
      if (!project.success) throw siteFault.unreadableProject();
      // Before anything of the project at hand is given up for it.
      checkedTrunk(trunk, hash);
      bench.clear();
      outbox.clear();
      const before = state.trunk;
      state.project = { project: project.data, hash, isFinished };
      state.trunk = null;
      if (before !== null) desk.forget(before.blob);
      if (before?.controlVariate != null) desk.forget(before.controlVariate.blob);
      state.approval = null;
      state.answer = null;
      state.turn = 0;
      state.turnBy = null;
      state.mixedIn = [];
      state.trainedFrom = null;
      state.history = [];
      state.announced = [];
      desk.ledger('project-announced', { project: project.data.id, projectHash: hash });
      loop.restart();
    }
    takeTrunk(trunk, isFinished);
  };

  /** @throws Fault 403 or 459 unless the hub said so of this project; null before it is known who the hub is. */
  const checkedTrunk = (signed: Signed, projectHash: string): TrunkStatement | null => {
    if (state.hubKey === null) return null;
    const trunk = readStatement('trunk', signed, state.hubKey);
    if (trunk.projectHash !== projectHash) throw siteFault.forgedTrunk();
    return trunk;
  };
  const takeTrunk = (signed: Signed, isFinished: boolean): void => {
    if (state.project === null) return;
    const trunk = checkedTrunk(signed, state.project.hash);
    if (trunk === null) return;
    // Of two hubs of one federation the slower may tell of an earlier version.
    if (state.trunk !== null && trunk.version < state.trunk.version) return;
    if (state.project.project.mode.kind !== 'trunk') {
      // The hub gives the first weights only: from then on the sites move the shared model themselves.
      if (state.trunk === null) {
        state.trunk = { version: 0, blob: trunk.blob, bytes: trunk.bytes, controlVariate: null };
        state.turnAt = desk.clock();
      }
      return;
    }
    state.project.isFinished = isFinished;
    takeCounted(desk, trunk.updates);
    if (trunk.version === state.trunk?.version && trunk.blob === state.trunk.blob) return;
    // A hub that came back from a backup makes versions anew: what was measured of the lost ones says nothing of these.
    state.history = state.history.filter(({ trunkVersion }) => trunkVersion < trunk.version);
    // The one before stays while it is on the bench; one that never got there is not needed any more.
    const before = state.trunk;
    const { version, blob, bytes, controlVariate = null } = trunk;
    state.trunk = { version, blob, bytes, controlVariate };
    if (before !== null) desk.forget(before.blob);
    if (before?.controlVariate != null) desk.forget(before.controlVariate.blob);
  };

  return (message) => {
    switch (message.kind) {
      case 'members-changed':
        return takeAllMembers(message.members);
      case 'members-updated':
        return takeChangedMembers(message.changed, message.gone);
      case 'project-announced':
        takeProject(message.project, message.trunk, message.isFinished);
        return 'at-once';
      case 'trunk-committed':
        takeTrunk(message.trunk, message.isFinished);
        return 'at-once';
      case 'updates-discarded':
        return takeDiscarded(desk, message.discarded) ? 'at-once' : 'not';
      case 'membership-certified':
        takeCertificate(desk, message.membership);
        return 'at-once';
      case 'masked-buffer-opened':
      case 'mask-shares-relayed':
      case 'unmasking-asked':
      case 'masked-update-counted':
      case 'masked-buffer-ended':
        // What was taken is on the disk already.
        return outbox.receive(message) ? 'soon' : 'not';
      case 'model-available':
        if (message.sequence <= state.lastModelSequence) return 'not';
        state.lastModelSequence = message.sequence;
        bench.reception.note(message, 'relay');
        return 'at-once';
    }
  };
}

/** Where each member stands in the list: a thousand pieces of news do not each go through a thousand members. */
function openPlaces(state: MembershipState) {
  let list: readonly string[] | null = null;
  let places = new Map<string, number>();
  return {
    of(fingerprint: string): number | null {
      if (list !== state.memberFingerprints) {
        list = state.memberFingerprints;
        places = new Map(list.map((one, index) => [one, index]));
      }
      return places.get(fingerprint) ?? null;
    },
    /** One that has no place yet. */
    add(fingerprint: string): void {
      places.set(fingerprint, state.memberFingerprints.length);
      state.memberFingerprints.push(fingerprint);
    },
  };
}
