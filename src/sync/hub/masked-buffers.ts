// Secure aggregation at the hub (docs/protocol.md, section 10): gathers the offers of a buffer's sites, relays the key shares that they
// deal each other, adds up what they send under masks, and takes the masks off the sum with the help of `threshold` of them. It never
// has what it would need to open one update. Everything is on the disk before it is told; a buffer is completed, or given up and its
// updates offered anew. Where several hubs share the database, each speaks for the sites that are connected to it, and whichever has the
// last thing that a step needs takes the next one.
import { Fault, type FaultValue, faultValueOf } from '../../contract/fault.ts';
import { fewestSites, nextCommit } from '../aggregation/next-commit.ts';
import type { BlobFolder } from '../protocol/blob-folder.ts';
import type { AnswerBody } from '../protocol/channel.ts';
import type { DeviceKeys } from '../protocol/device-keys.ts';
import type { FromHub, FromSite } from '../protocol/messages.ts';
import { parseStatement, readStatement, type Signed, signStatement } from '../protocol/statement.ts';
import { shareHash } from '../secure-aggregation/dealt-shares.ts';
import { maskingFault } from '../secure-aggregation/faults.ts';
import { bufferOf, textHash } from '../secure-aggregation/roster.ts';
import { hubFault } from './faults.ts';
import type { HubNews } from './hub-news.ts';
import type { HubStep } from './hub-step.ts';
import {
  ChangedMeanwhile,
  type MaskedStore,
  type NewMaskedBuffer,
  type OpenMaskedBuffer,
  type WaitingOffer,
} from './masked-store.ts';
import type { AdmittedSite } from './members.ts';
import type { CurrentProject } from './current-project.ts';
import { longestTimerMs, type Trunk } from './trunk.ts';
import { dealtBy, unmaskedSum } from './unmasked-sum.ts';
import { offerFault } from './update-acceptance.ts';

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

/** The buffer that is open, with what belongs to it. */
interface Standing {
  readonly current: CurrentProject;
  readonly name: string;
  readonly buffer: OpenMaskedBuffer;
}

export function openMaskedBuffers(order: {
  readonly store: MaskedStore;
  readonly trunk: Trunk;
  readonly blobs: BlobFolder;
  readonly keys: DeviceKeys;
  readonly clock: () => number;
  /** Whether a site is a member that did not decline the project. */
  readonly takesPart: (projectHash: string, fingerprint: string) => Promise<boolean>;
  /** Sites that are connected to any hub, and to this one. */
  readonly online: () => Promise<ReadonlySet<string>>;
  readonly here: () => ReadonlySet<string>;
  /** Says to a connected site; whoever is away asks when it comes back. */
  readonly say: (fingerprint: string, message: FromHub) => void;
  /** Tells sites at once who is a member: a roster of strangers would be refused. */
  readonly tellMembers: () => Promise<void>;
  readonly memberChanged: (fingerprint: string) => void;
  readonly tell: (news: HubNews) => void;
  readonly onStep: (step: HubStep) => void;
}): MaskedBuffers {
  const { store, trunk, blobs, keys, clock, say, tell } = order;
  let line: Promise<unknown> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

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
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = line.then(() => untilUnchanged(work));
    line = done.catch(() => {});
    return done;
  };
  const now = (): string => new Date(clock()).toISOString();
  const failed = (thrown: unknown): void => tell({ kind: 'masked-buffer-failed', fault: faultValueOf(thrown) });
  const standing = async (): Promise<Standing | null> => {
    const current = await trunk.current();
    const isMasked = current !== null && current.project.secureAggregation !== null;
    const buffer = isMasked ? await store.open(current.projectHash) : null;
    return current === null || buffer === null ? null : { current, buffer, name: bufferOf(buffer.roster) };
  };
  /** The open buffer that a member speaks of. @throws Fault 580 when it is no more. */
  const standingOf = async (name: string, site: AdmittedSite): Promise<Standing> => {
    const open = await standing();
    if (open?.name !== name || !open.buffer.members.some((member) => member.site === site.fingerprint)) {
      throw maskingFault.bufferEnded();
    }
    return open;
  };
  const stepMs = ({ project }: CurrentProject): number => project.secureAggregation!.stepMs;
  const threshold = ({ project }: CurrentProject): number => project.secureAggregation!.threshold;
  const wakeAt = (at: number): void => {
    clearTimeout(timer);
    if (isClosed) return;
    const waitMs = Math.min(Math.max(at - clock(), 0), longestTimerMs);
    timer = setTimeout(() => void inTurn(whatIsDue).catch(failed), waitMs);
  };
  const sayAll = ({ buffer }: Standing, message: FromHub): void => {
    for (const { site } of buffer.members) say(site, message);
  };

  const openedNews = ({ buffer }: Standing): FromHub => ({
    kind: 'masked-buffer-opened',
    roster: buffer.roster,
    offers: buffer.members.map(({ offer }) => offer),
  });
  const relayedNews = ({ buffer, name }: Standing): FromHub => ({
    kind: 'mask-shares-relayed',
    buffer: name,
    shares: buffer.members.map(({ site }) => buffer.dealt[site]!),
  });
  /** Says to one member all that it may have missed; what it knows it passes over. */
  const remind = (open: Standing, site: string): void => {
    const { step, unmasking } = open.buffer;
    say(site, openedNews(open));
    if (step !== 'sharing') say(site, relayedNews(open));
    if (unmasking !== null) say(site, { kind: 'unmasking-asked', unmasking });
  };

  const offer = async (site: AdmittedSite, signed: Signed): Promise<AnswerBody> => {
    const statement = readStatement('masked-offer', signed, site.publicKey);
    const earlier = await trunk.receiptFor(site, statement.idempotencyKey);
    if (earlier !== null) return { kind: 'update-accepted', receipt: earlier, isDuplicate: true };
    const current = await trunk.current();
    if (current === null) throw hubFault.noProject();
    const refusal = offerFault(current, statement);
    if (refusal !== null) throw refusal;
    if (current.project.secureAggregation === null) throw maskingFault.notMasked();
    const open = await standing();
    const member = open?.buffer.members.find((one) => one.site === site.fingerprint);
    if (open !== null && member !== undefined) {
      if (member.offer.statement !== signed.statement) throw maskingFault.otherOfferOpen();
      remind(open, site.fingerprint);
      return { kind: 'noted' };
    }
    const waiting = { site: site.fingerprint, name: site.site, publicKey: site.publicKey, offer: signed };
    await store.putOffer(current.projectHash, waiting, now(), open?.buffer.revision ?? null);
    await openIfDue(current);
    return { kind: 'noted' };
  };

  /** Opens a buffer when enough of the sites that wait are there. */
  const openIfDue = async (current: CurrentProject): Promise<void> => {
    const { project, projectHash, trunk: newest, isFinished } = current;
    if (isClosed || isFinished || project.secureAggregation === null || (await store.open(projectHash)) !== null)
      return;
    const present: (WaitingOffer & { readonly acceptedAt: string })[] = [];
    const online = await order.online();
    for (const waiting of await store.offers(projectHash)) {
      const statement = parseStatement('masked-offer', waiting.offer.statement);
      const takesPart = await order.takesPart(projectHash, waiting.site);
      // The site hears why when it offers again, which it does after each commit.
      if (!takesPart || offerFault(current, statement) !== null) await store.dropOffer(projectHash, waiting);
      else if (online.has(waiting.site)) present.push(waiting);
    }
    const next = nextCommit(present, project.trunkRule, clock(), fewestSites(project, newest.version));
    if (next.updates === null) return next.dueAt === null || next.dueAt <= clock() ? undefined : wakeAt(next.dueAt);
    const members = next.updates
      .map(({ site, name, publicKey, offer }) => ({ site, name, publicKey, offer }))
      .toSorted((one, other) => (one.site < other.site ? -1 : 1));
    const roster = signStatement(
      'masked-roster',
      {
        project: project.id,
        projectHash,
        trunkVersion: newest.version,
        threshold: threshold(current),
        openedAt: now(),
        members: members.map(({ site, offer }) => ({ site, offer: textHash(offer.statement) })),
      },
      keys,
    );
    const stepEndsAt = clock() + stepMs(current);
    const empty = { dealt: {}, unmasking: null, revealed: {} };
    const begun: NewMaskedBuffer = { step: 'sharing', stepEndsAt, roster, members, ...empty };
    const buffer = { ...begun, revision: await store.begin(projectHash, begun, newest.version) };
    order.onStep('masked-buffer-opened');
    tell({ kind: 'masked-buffer-opened', sites: members.map(({ name }) => name) });
    wakeAt(stepEndsAt);
    await order.tellMembers();
    const open = { current, buffer, name: bufferOf(roster) };
    sayAll(open, openedNews(open));
  };

  const goOn = async (open: Standing, step: OpenMaskedBuffer['step']): Promise<void> => {
    open.buffer.step = step;
    open.buffer.stepEndsAt = clock() + stepMs(open.current);
    await save(open, true);
    wakeAt(open.buffer.stepEndsAt);
  };
  const save = async ({ buffer, current }: Standing, isStep: boolean): Promise<void> => {
    buffer.revision = await store.save(current.projectHash, buffer, isStep);
  };

  const deal = async (site: AdmittedSite, signed: Signed): Promise<AnswerBody> => {
    const shares = readStatement('mask-shares', signed, site.publicKey);
    const open = await standingOf(shares.buffer, site);
    const { buffer } = open;
    if (buffer.dealt[site.fingerprint] !== undefined) {
      remind(open, site.fingerprint);
      return { kind: 'noted' };
    }
    const recipients = shares.shares.map(({ recipient }) => recipient);
    if (recipients.join() !== buffer.members.map((member) => member.site).join()) {
      throw maskingFault.noProof('list of key shares');
    }
    buffer.dealt[site.fingerprint] = signed;
    if (Object.keys(buffer.dealt).length < buffer.members.length) await save(open, false);
    else {
      await goOn(open, 'masking');
      sayAll(open, relayedNews(open));
    }
    order.onStep('mask-shares-stored');
    return { kind: 'noted' };
  };

  const take = async (site: AdmittedSite, signed: Signed): Promise<AnswerBody> => {
    const update = readStatement('masked-update', signed, site.publicKey);
    const open = await standingOf(update.buffer, site);
    const { buffer, current } = open;
    const arrived = await store.updates(current.projectHash);
    if (buffer.step !== 'masking' || arrived.some((one) => one.site === site.fingerprint)) {
      // Said again, or too late to be counted: then it helps to take the masks off, and offers its update anew.
      if (!arrived.some(({ blob }) => blob === update.blob)) await trunk.dropBlob(update.blob);
      // The hub that took the last of them may have died right then.
      if (buffer.step === 'masking' && arrived.length === buffer.members.length) await askForMasks(open);
      else remind(open, site.fingerprint);
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
    if (now.arrived === buffer.members.length) await askForMasks(open);
    return { kind: 'noted' };
  };

  /**
   * Gives the buffer up if one of its sites takes no part any more. @returns whether it did. Once the masks are asked for, none is: a second
   * sum without that site would show, less the first, what the site sent.
   */
  const giveUpForOutsiders = async (open: Standing): Promise<boolean> => {
    const { buffer, current } = open;
    if (buffer.step === 'unmasking') return false;
    for (const { site, name } of buffer.members) {
      if (await order.takesPart(current.projectHash, site)) continue;
      await giveUp(open, maskingFault.memberEnded(name));
      return true;
    }
    return false;
  };

  /** From here on it is settled whose updates count: a site is asked for one of the two secrets of each, and answers once. */
  const askForMasks = async (open: Standing): Promise<void> => {
    if (await giveUpForOutsiders(open)) return;
    const counted = (await store.updates(open.current.projectHash)).map(({ site }) => site);
    const unmasking = signStatement('unmasking', { buffer: open.name, counted }, keys);
    open.buffer.unmasking = unmasking;
    await goOn(open, 'unmasking');
    order.onStep('unmasking-asked');
    sayAll(open, { kind: 'unmasking-asked', unmasking });
  };

  const reveal = async (site: AdmittedSite, signed: Signed): Promise<AnswerBody> => {
    const revealed = readStatement('revealed-shares', signed, site.publicKey);
    const open = await standingOf(revealed.buffer, site);
    const { buffer } = open;
    if (buffer.unmasking === null || textHash(buffer.unmasking.statement) !== revealed.unmasking) {
      throw maskingFault.noProof('answer');
    }
    // Not within this answer: it may take a while. And said again where the hub that began it died.
    const completeIfDue = (): void => void (hasEnoughShares(open) && inTurn(complete).catch(failed));
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
    await save(open, false);
    order.onStep('mask-shares-revealed');
    completeIfDue();
    return { kind: 'noted' };
  };
  const hasEnoughShares = ({ buffer, current }: Standing): boolean =>
    Object.keys(buffer.revealed).length >= threshold(current);

  /** Takes the masks off the sum and commits it. */
  const complete = async (): Promise<void> => {
    const open = await standing();
    if (open === null || open.buffer.step !== 'unmasking' || !hasEnoughShares(open)) return;
    try {
      await commit(open);
    } catch (thrown) {
      // What cannot be completed is given up; a full disk, for example, is tried again when the step's time is over.
      if (!(thrown instanceof Fault)) throw thrown;
      await giveUp(open, thrown);
    }
  };
  const commit = async (open: Standing): Promise<void> => {
    const { buffer, current, name } = open;
    const arrived = await store.updates(current.projectHash);
    const parameters = await trunk.parameters();
    const sum = await unmaskedSum({ buffer, name, arrived, parameters, read: blobs.read });
    order.onStep('masks-taken-off');
    const receipts = await trunk.commitMasked({
      projectHash: current.projectHash,
      trunkVersion: current.trunk.version,
      sum,
      members: buffer.members.map(({ site, offer: { statement } }) => ({
        site,
        offer: parseStatement('masked-offer', statement),
      })),
      arrived,
      buffer: { name, seen: buffer.revision, fault: null },
    });
    // Another hub commits it, and tells when it has; should it die, the step's end finds the buffer as it is.
    if (receipts === null) return;
    clearTimeout(timer);
    for (const { site, name: siteName } of buffer.members) {
      const receipt = receipts.get(site);
      if (receipt !== undefined) {
        tell({ kind: 'update-accepted', site: siteName, isDuplicate: false });
        order.memberChanged(site);
        say(site, { kind: 'masked-update-counted', receipt });
      } else say(site, { kind: 'masked-buffer-ended', buffer: name, fault: maskingFault.leftOut().toValue() });
    }
    await afterwards();
  };
  /** Ends the buffer without a commit. Nobody's update was laid open; all offer theirs again. */
  const giveUp = async (open: Standing, fault: Fault): Promise<void> => {
    clearTimeout(timer);
    const { projectHash } = open.current;
    const arrived = await store.updates(projectHash);
    await store.end(projectHash, { name: open.name, seen: open.buffer.revision, fault: fault.toValue() });
    for (const { blob } of arrived) await trunk.dropBlob(blob);
    tell({ kind: 'masked-buffer-given-up', fault: fault.toValue() });
    sayAll(open, { kind: 'masked-buffer-ended', buffer: open.name, fault: fault.toValue() });
    await afterwards();
  };
  const afterwards = async (): Promise<void> => {
    const current = await trunk.current();
    if (current !== null) await openIfDue(current);
  };

  const refused = async (site: AdmittedSite, { buffer, fault }: { buffer: string; fault: { message: string } }) => {
    const open = await standingOf(buffer, site);
    tell({ kind: 'masked-buffer-refused', site: site.site, reason: fault.message });
    // Later on it is one that drops out.
    if (open.buffer.step === 'sharing') await giveUp(open, maskingFault.siteRefused(site.site));
  };

  const whatIsDue = async (): Promise<void> => {
    const open = await standing();
    if (open === null) return afterwards();
    const { buffer, current } = open;
    if (buffer.stepEndsAt > clock()) return wakeAt(buffer.stepEndsAt);
    if (buffer.step === 'sharing') {
      const gone = buffer.members.filter(({ site }) => buffer.dealt[site] === undefined);
      return giveUp(open, maskingFault.memberGone(gone.map(({ name }) => name)));
    }
    const needed = threshold(current);
    if (buffer.step === 'masking') {
      const arrived = (await store.updates(current.projectHash)).length;
      // So many sites make the first commit, however few could take the masks off.
      const first = Math.min(fewestSites(current.project, current.trunk.version), buffer.members.length);
      const fewest = Math.max(needed, first);
      return arrived >= fewest ? askForMasks(open) : giveUp(open, maskingFault.tooFewUpdates(arrived, fewest));
    }
    if (!hasEnoughShares(open)) {
      return giveUp(open, maskingFault.tooFewShares(Object.keys(buffer.revealed).length, needed));
    }
    // A commit that failed inside is made again, later if it must be.
    wakeAt(clock() + stepMs(current));
    return complete();
  };

  return {
    receive: (site, message) =>
      inTurn(async () => {
        switch (message.kind) {
          case 'masked-update-offered':
            return offer(site, message.offer);
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
        const open = await standing();
        if (open === null) return afterwards();
        // By a command, while no hub was there.
        if (await giveUpForOutsiders(open)) return;
        // Sites could not answer while the hub was away: the step has its whole time again.
        await goOn(open, open.buffer.step);
        await complete();
      }),
    greeted: (fingerprint) =>
      inTurn(async () => {
        const open = await standing();
        if (open?.buffer.members.some(({ site }) => site === fingerprint) === true) remind(open, fingerprint);
      }),
    changed: (isOwn) =>
      inTurn(async () => {
        const open = await standing();
        if (open === null) return afterwards();
        wakeAt(open.buffer.stepEndsAt);
        // Its own is told already.
        if (isOwn) return;
        await order.tellMembers();
        const here = order.here();
        for (const { site } of open.buffer.members) if (here.has(site)) remind(open, site);
      }),
    siteChanged: (fingerprint) =>
      inTurn(async () => {
        const open = await standing();
        if (open?.buffer.members.some(({ site }) => site === fingerprint) === true) await giveUpForOutsiders(open);
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
        await afterwards();
      }),
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await line;
    },
  };
}
