// Secure aggregation at the hub (docs/protocol.md, section 10): gathers the offers of a buffer's sites, relays the key shares that they
// deal each other, adds up what they send under masks, and takes the masks off the sum with the help of `threshold` of them. It never
// has what it would need to open one update. Everything is on the disk before it is told; a buffer is completed, or given up and its
// updates offered anew. Where several hubs share the database, each speaks for the sites that are connected to it, and whichever has the
// last thing that a step needs takes the next one.
import { type InTurn, openTurns } from '../../contract/in-turn.ts';
import { type FaultValue, faultValueOf } from '../../contract/fault.ts';
import { fewestSites } from '../aggregation/next-commit.ts';
import type { AnswerBody } from '../protocol/channel.ts';
import type { FromSite } from '../protocol/messages.ts';
import { parseStatement, readStatement, type Signed } from '../protocol/statement.ts';
import { shareHash } from '../secure-aggregation/dealt-shares.ts';
import { maskingFault } from '../secure-aggregation/faults.ts';
import { textHash } from '../secure-aggregation/roster.ts';
import { hubFault } from './faults.ts';
import { hasEnoughShares, openMaskedEnding } from './masked-ending.ts';
import { openMaskedGathering } from './masked-gathering.ts';
import { type MaskedOrder, openMaskedStanding, stepMs, threshold } from './masked-standing.ts';
import { ChangedMeanwhile } from './masked-store.ts';
import type { AdmittedSite } from './members.ts';
import { dealtBy } from './unmasked-sum.ts';

/** Each time another hub has brought the buffer on, and a buffer of 40 sites is done after 160 changes. */
const maxTries = 200;

export type MaskingMessage = Extract<
  FromSite,
  {
    kind:
      | 'masked-update-offered'
      | 'mask-shares-dealt'
      | 'masked-update-sent'
      | 'masks-revealed'
      | 'masked-buffer-refused';
  }
>;

export interface MaskedBuffers {
  /** Answers a member. @throws the Fault that refuses what it says. */
  receive(site: AdmittedSite, message: MaskingMessage): Promise<AnswerBody>;
  /** Goes on where an earlier process, or the project's last turn, left. */
  resume(): Promise<void>;
  /** A site is connected and hears what is said to it from now on: whatever it asked before, it may have missed the answer in news. */
  greeted(fingerprint: string): Promise<void>;
  /** A hub, this one or another, changed the buffer or the offers that wait. */
  changed(isOwn: boolean): Promise<void>;
  /** A member's membership, or its answer to the project, may have changed. */
  siteChanged(fingerprint: string): Promise<void>;
  /** Another hub ended a buffer: by a commit, or, with a fault, without one. */
  ended(buffer: string, fault: FaultValue | null): Promise<void>;
  close(): Promise<void>;
}

export function openMaskedBuffers(order: MaskedOrder): MaskedBuffers {
  const { store, trunk, blobs, clock, say, tell } = order;
  const turns = openTurns();

  /** What another hub was quicker with is looked at anew, as it stands then. */
  const untilUnchanged = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await work();
      } catch (thrown) {
        if (!(thrown instanceof ChangedMeanwhile) || tries >= maxTries) throw thrown;
      }
    }
  };
  const inTurn: InTurn = (work) => turns(() => untilUnchanged(work));
  const failed = (thrown: unknown): void => tell({ kind: 'masked-buffer-failed', fault: faultValueOf(thrown) });
  const standing = openMaskedStanding(order, () => void inTurn(whatIsDue).catch(failed));
  const gathering = openMaskedGathering(order, standing);
  const ending = openMaskedEnding(order, standing, gathering.openNext);

  const deal = async (site: AdmittedSite, signed: Signed): Promise<AnswerBody> => {
    const shares = readStatement('mask-shares', signed, site.publicKey);
    const open = await standing.openFor(shares.buffer, site);
    const { buffer } = open;
    if (buffer.dealt[site.fingerprint] !== undefined) {
      standing.remind(open, site.fingerprint);
      return { kind: 'noted' };
    }
    const recipients = shares.shares.map(({ recipient }) => recipient);
    if (recipients.join() !== buffer.members.map((member) => member.site).join()) {
      throw maskingFault.noProof('list of key shares');
    }
    buffer.dealt[site.fingerprint] = signed;
    if (Object.keys(buffer.dealt).length < buffer.members.length) await standing.save(open, false);
    else {
      await standing.goOn(open, 'masking');
      standing.sayAll(open, standing.sharesRelayed(open));
    }
    order.onStep('mask-shares-stored');
    return { kind: 'noted' };
  };

  const take = async (site: AdmittedSite, signed: Signed): Promise<AnswerBody> => {
    const update = readStatement('masked-update', signed, site.publicKey);
    const open = await standing.openFor(update.buffer, site);
    const { buffer, current } = open;
    const arrived = await store.updates(current.projectHash);
    if (buffer.step !== 'masking' || arrived.some((one) => one.site === site.fingerprint)) {
      // Said again, or too late to be counted: then it helps to take the masks off, and offers its update anew.
      if (!arrived.some(({ blob }) => blob === update.blob)) await trunk.dropBlob(update.blob);
      // The hub that took the last of them may have died right then.
      if (buffer.step === 'masking' && arrived.length === buffer.members.length) await ending.askForMasks(open);
      else standing.remind(open, site.fingerprint);
      return { kind: 'noted' };
    }
    const bytes = (await trunk.parameters()) * 4;
    if (update.bytes !== bytes) throw maskingFault.wrongSize(update.bytes, bytes);
    if (blobs.size(update.blob) !== bytes) throw hubFault.missingBlob();
    const added = { site: site.fingerprint, blob: update.blob, update: signed };
    const now = await store.addUpdate(current.projectHash, buffer.revision, added);
    buffer.revision = now.revision;
    order.onStep('masked-update-stored');
    tell({ kind: 'masked-update-arrived', site: site.site });
    if (now.arrived === buffer.members.length) await ending.askForMasks(open);
    return { kind: 'noted' };
  };

  const reveal = async (site: AdmittedSite, signed: Signed): Promise<AnswerBody> => {
    const revealed = readStatement('revealed-shares', signed, site.publicKey);
    const open = await standing.openFor(revealed.buffer, site);
    const { buffer } = open;
    if (buffer.unmasking === null || textHash(buffer.unmasking.statement) !== revealed.unmasking) {
      throw maskingFault.noProof('answer');
    }
    // Not within this answer: it may take a while. And said again where the hub that began it died.
    const completeIfDue = (): void => void (hasEnoughShares(open) && inTurn(ending.complete).catch(failed));
    if (buffer.revealed[site.fingerprint] !== undefined) {
      completeIfDue();
      return { kind: 'noted' };
    }
    const { counted } = parseStatement('unmasking', buffer.unmasking.statement);
    const isRight = buffer.members.every((member, index) => {
      const share = revealed.shares[index];
      const dealt = dealtBy(buffer, member.site).shares.find(({ recipient }) => recipient === site.fingerprint)!;
      const expected = counted.includes(member.site) ? dealt.seedShareHash : dealt.keyShareHash;
      return share?.of === member.site && shareHash(share.share) === expected;
    });
    if (!isRight) throw maskingFault.wrongShare();
    buffer.revealed[site.fingerprint] = revealed.shares.map(({ share }) => share);
    await standing.save(open, false);
    order.onStep('mask-shares-revealed');
    completeIfDue();
    return { kind: 'noted' };
  };
  const refused = async (site: AdmittedSite, { buffer, fault }: { buffer: string; fault: { message: string } }) => {
    const open = await standing.openFor(buffer, site);
    tell({ kind: 'masked-buffer-refused', site: site.site, reason: fault.message });
    // Later on it is one that drops out.
    if (open.buffer.step === 'sharing') await ending.giveUp(open, maskingFault.siteRefused(site.site));
  };

  const whatIsDue = async (): Promise<void> => {
    const open = await standing.open();
    if (open === null) return gathering.openNext();
    const { buffer, current } = open;
    if (buffer.stepEndsAt > clock()) return standing.wakeAt(buffer.stepEndsAt);
    if (buffer.step === 'sharing') {
      const gone = buffer.members.filter(({ site }) => buffer.dealt[site] === undefined);
      return ending.giveUp(open, maskingFault.memberGone(gone.map(({ name }) => name)));
    }
    const needed = threshold(current);
    if (buffer.step === 'masking') {
      const arrived = (await store.updates(current.projectHash)).length;
      // So many sites make the first commit, however few could take the masks off.
      const first = Math.min(fewestSites(current.project, current.trunk.version), buffer.members.length);
      const fewest = Math.max(needed, first);
      return arrived >= fewest
        ? ending.askForMasks(open)
        : ending.giveUp(open, maskingFault.tooFewUpdates(arrived, fewest));
    }
    if (!hasEnoughShares(open)) {
      return ending.giveUp(open, maskingFault.tooFewShares(Object.keys(buffer.revealed).length, needed));
    }
    // A commit that failed inside is made again, later if it must be.
    standing.wakeAt(clock() + stepMs(current));
    return ending.complete();
  };

  return {
    receive: (site, message) =>
      inTurn(async () => {
        switch (message.kind) {
          case 'masked-update-offered':
            return gathering.offer(site, message.offer);
          case 'mask-shares-dealt':
            return deal(site, message.shares);
          case 'masked-update-sent':
            return take(site, message.update);
          case 'masks-revealed':
            return reveal(site, message.revealed);
          case 'masked-buffer-refused':
            await refused(site, message);
            return { kind: 'noted' };
        }
      }),
    resume: () =>
      inTurn(async () => {
        const open = await standing.open();
        if (open === null) return gathering.openNext();
        // By a command, while no hub was there.
        if (await ending.giveUpForOutsiders(open)) return;
        // Sites could not answer while the hub was away: the step has its whole time again.
        await standing.goOn(open, open.buffer.step);
        await ending.complete();
      }),
    greeted: (fingerprint) =>
      inTurn(async () => {
        const open = await standing.open();
        if (open?.buffer.members.some(({ site }) => site === fingerprint) === true) standing.remind(open, fingerprint);
      }),
    changed: (isOwn) =>
      inTurn(async () => {
        const open = await standing.open();
        if (open === null) return gathering.openNext();
        standing.wakeAt(open.buffer.stepEndsAt);
        // Its own is told already.
        if (isOwn) return;
        await order.tellMembers();
        const here = order.here();
        for (const { site } of open.buffer.members) if (here.has(site)) standing.remind(open, site);
      }),
    siteChanged: (fingerprint) =>
      inTurn(async () => {
        const open = await standing.open();
        if (open?.buffer.members.some(({ site }) => site === fingerprint) === true)
          await ending.giveUpForOutsiders(open);
      }),
    ended: (buffer, fault) =>
      inTurn(async () => {
        // Whoever was in it offers anew; to whose update is counted the answer is its receipt.
        const message = {
          kind: 'masked-buffer-ended',
          buffer,
          fault: fault ?? maskingFault.bufferEnded().toValue(),
        } as const;
        for (const site of order.here()) say(site, message);
        await gathering.openNext();
      }),
    async close() {
      standing.close();
      await inTurn(async () => {});
    },
  };
}
