// What the hub says, kept in the membership's state: project, trunk, members, models of peers. Nothing is saved here; the membership does.
import { createHash } from 'node:crypto';
import { projectSchema } from '../../contract/federation.ts';
import { fingerprintOf } from '../protocol/device-keys.ts';
import { wireFault } from '../protocol/faults.ts';
import type { FromHub, Member } from '../protocol/messages.ts';
import { parseJson, readSiteCard, readStatement, type Signed } from '../protocol/statement.ts';
import type { Bench } from './bench.ts';
import { siteFault } from './faults.ts';
import type { MembershipDesk } from './membership-desk.ts';
import type { Outbox } from './outbox.ts';
import type { WorkLoop } from './work-loop.ts';

/** Messages that no question asked for. */
export type HubNews = Exclude<
  FromHub,
  { re: number } | { kind: 'put-begin' | 'put-end' | 'get-begin' | 'chunk-received' }
>;

/** Takes one message. @throws Fault 400 or 403 for one that a true hub does not send. */
export function openNewsReader(order: {
  readonly desk: MembershipDesk;
  readonly bench: Bench;
  readonly outbox: Outbox;
  readonly loop: WorkLoop;
}): (message: HubNews) => void {
  const { desk, bench, outbox, loop } = order;
  const { state } = desk;

  const takeMembers = (members: readonly Member[]): void => {
    const known = members.map((member) => ({ ...member, ...readSiteCard(member.card) }));
    state.members = known.map(({ site, online, updates, lastSeen }) => ({ site, online, updates, lastSeen }));
    state.memberFingerprints = known.map(({ publicKey }) => fingerprintOf(publicKey));
    // Whoever wrote to us once stays known, so that its models can be checked after it left.
    for (const { publicKey, card } of known) state.cards[fingerprintOf(publicKey)] = card;
    // One that left and comes back has to be given the model again.
    const shared = state.own?.shared ?? null;
    if (shared !== null) {
      shared.recipients = shared.recipients.filter((recipient) => state.memberFingerprints.includes(recipient));
    }
  };

  const takeProject = (text: string | null, trunk: Signed | null, isFinished: boolean): void => {
    if (text === null || trunk === null) return;
    const hash = createHash('sha256').update(text).digest('hex');
    if (hash !== state.project?.hash) {
      const project = projectSchema.safeParse(parseJson(text));
      if (!project.success) throw wireFault.malformedMessage('the project is not one');
      bench.clear();
      outbox.clear();
      const before = state.trunk?.blob;
      state.project = { project: project.data, hash, isFinished };
      state.trunk = null;
      if (before !== undefined) desk.forget(before);
      state.approval = null;
      state.turn = 0;
      state.history = [];
      state.announced = [];
      desk.ledger('project-announced', { project: project.data.id, projectHash: hash });
      loop.restart();
    }
    takeTrunk(trunk, isFinished);
  };

  const takeTrunk = (signed: Signed, isFinished: boolean): void => {
    if (state.project === null || state.hubKey === null) return;
    const trunk = readStatement('trunk', signed, state.hubKey);
    if (trunk.projectHash !== state.project.hash) throw siteFault.forgedTrunk();
    state.project.isFinished = isFinished;
    if (state.trunk !== null && trunk.version <= state.trunk.version) return;
    // The one before stays while it is on the bench; one that never got there is not needed any more.
    const before = state.trunk?.blob;
    state.trunk = { version: trunk.version, blob: trunk.blob, bytes: trunk.bytes };
    if (before !== undefined) desk.forget(before);
  };

  return (message) => {
    switch (message.kind) {
      case 'project-announced':
        return takeProject(message.project, message.trunk, message.isFinished);
      case 'trunk-committed':
        return takeTrunk(message.trunk, message.isFinished);
      case 'members-changed':
        return takeMembers(message.members);
      case 'model-available':
        if (message.sequence <= state.lastModelSequence) return;
        state.lastModelSequence = message.sequence;
        state.announced.push({ model: message.model, sealedKey: message.sealedKey });
    }
  };
}
