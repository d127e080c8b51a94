// Brings the first update of the spool into the hub's sum under a mask: offers it, and once a buffer of sites is complete deals key
// shares, sends the masked update, and helps to take the masks off (docs/protocol.md, section 10). Every step is on the disk before it is
// said and may be said again; a buffer that ends takes its secrets with it, and the update is offered anew with fresh ones.
import { statisticNames } from '../../contract/network.ts';
import { Fault } from '../../contract/fault.ts';
import { ledgerFault } from '../../ledger/faults.ts';
import { clipUpdate } from '../aggregation/clip-update.ts';
import { decodeWeights } from '../aggregation/weights.ts';
import type { Channel } from '../protocol/channel.ts';
import { isDiskFull, refusalOf } from '../protocol/faults.ts';
import type { FromHub } from '../protocol/messages.ts';
import { parseStatement, type Signed, signStatement } from '../protocol/statement.ts';
import { createBufferSecrets } from '../secure-aggregation/buffer-keys.ts';
import { dealShares, seedHash } from '../secure-aggregation/dealt-shares.ts';
import { maskingFault } from '../secure-aggregation/faults.ts';
import { ringBytes } from '../secure-aggregation/fixed-point-ring.ts';
import { maskedUpdate } from '../secure-aggregation/masked-update.ts';
import { bufferOf, rosterShares, textHash } from '../secure-aggregation/roster.ts';
import { siteFault } from './faults.ts';
import { heldShares, type KnownRoster, knownRoster, sharesToReveal } from './masked-buffer-check.ts';
import type { Masking, MaskedBuffer } from './masking-state.ts';
import type { MembershipDesk } from './membership-desk.ts';

export type MaskingNews = Extract<
  FromHub,
  {
    kind:
      | 'masked-buffer-opened'
      | 'mask-shares-relayed'
      | 'unmasking-asked'
      | 'masked-update-counted'
      | 'masked-buffer-ended';
  }
>;

export interface MaskedDelivery {
  /** Says the next thing about the first update of the spool, until there is nothing to say for now. @throws what the hub refuses. */
  advance(channel: Channel): Promise<void>;
  /**
   * Takes a piece of news and puts it on the disk; what a true hub does not say is refused and told, and ends no connection. @returns false where this site's own
   * disk could not take it: `advance` does after a rest.
   */
  receive(news: MaskingNews): boolean;
  /** Forgets the buffer at hand and its secrets. */
  clear(): void;
}

export function openMaskedDelivery(order: {
  readonly desk: MembershipDesk;
  /** The update is counted: its receipt, by the hub's key. */
  readonly settle: (receipt: Signed) => void;
  /** A buffer was refused, or the disk is full: nothing is said at once. `advance` is to be called later. */
  readonly rest: () => void;
}): MaskedDelivery {
  const { desk, settle } = order;
  const { state, blobs, keys } = desk;
  const ownSite = keys.fingerprint;
  /** What was said last on which connection: nothing is said twice there. */
  let said: { readonly channel: Channel; readonly text: string } | null = null;

  /** News that this site's own disk could not take: the newest of each kind, however often a hub says it. */
  const untaken = new Map<MaskingNews['kind'], MaskingNews>();

  const forgetBuffer = (): void => {
    untaken.clear();
    const blob = state.masking?.buffer?.masked?.blob;
    state.masking = null;
    const first = state.spool[0];
    // Another masked update is other bytes: the ledger says so again.
    if (first !== undefined) first.isEntered = false;
    if (blob !== undefined) desk.forget(blob);
  };
  const rosterOf = (masking: Masking, buffer: Pick<MaskedBuffer, 'roster' | 'offers'>): KnownRoster =>
    knownRoster({ ...buffer, ownSite, ownOffer: masking.offer, project: state.project!, state: acquainted });
  /** A buffer goes on when one of its members leaves the federation meanwhile: that one drops out. */
  const acquainted = {
    get cards() {
      return state.cards;
    },
    get hubKey() {
      return state.hubKey;
    },
    get memberFingerprints() {
      return Object.keys(state.cards);
    },
  };

  const offered = (): Masking => {
    const spooled = state.spool[0]!;
    const update = parseStatement('update', spooled.update.statement);
    const { project, projectHash, baseVersion, examples, datasetFingerprint, idempotencyKey } = update;
    if (state.masking?.idempotencyKey === idempotencyKey) return state.masking;
    forgetBuffer();
    const secrets = createBufferSecrets();
    const [maskKey, shareKey] = [secrets.maskKey.publicKey, secrets.shareKey.publicKey];
    const offer = {
      project,
      projectHash,
      baseVersion,
      base: spooled.base ?? projectHash,
      examples,
      datasetFingerprint,
      idempotencyKey,
      maskKey,
      shareKey,
    };
    state.masking = { idempotencyKey, secrets, offer: signStatement('masked-offer', offer, keys), buffer: null };
    desk.save();
    return state.masking;
  };

  const deal = async (masking: Masking, buffer: MaskedBuffer): Promise<Signed> => {
    const roster = rosterOf(masking, buffer);
    const seed = Buffer.from(masking.secrets.seed, 'base64url');
    const shares = await dealShares({
      secrets: masking.secrets,
      dealer: ownSite,
      buffer: roster.buffer,
      threshold: roster.threshold,
      recipients: roster.members.map(({ site, offer }) => ({ site, shareKey: offer.shareKey })),
    });
    const dealt = signStatement(
      'mask-shares',
      { buffer: roster.buffer, seedHash: seedHash(seed), shares: [...shares] },
      keys,
    );
    desk.ledger('masked-buffer-joined', {
      project: state.project!.project.id,
      buffer: roster.buffer,
      sites: roster.members.map(({ name }) => name).join(', '),
      threshold: roster.threshold,
      bytes: dealt.statement.length,
    });
    return dealt;
  };

  const mask = async (masking: Masking, buffer: MaskedBuffer): Promise<NonNullable<MaskedBuffer['masked']>> => {
    const { project } = state.project!;
    const roster = rosterOf(masking, buffer);
    const spooled = state.spool[0]!;
    const open = decodeWeights(await blobs.read(spooled.blob));
    const { clipNorm } = project.trunkRule;
    const shares = rosterShares(roster.members, roster.trunkVersion, project.trunkRule);
    const ring = maskedUpdate({
      update: clipNorm === null ? open : clipUpdate(open, clipNorm, statisticNames(project.network)),
      share: shares.get(ownSite)!,
      secrets: masking.secrets,
      site: ownSite,
      buffer: roster.buffer,
      members: roster.members.map(({ site, offer }) => ({ site, maskKey: offer.maskKey })),
    });
    const bytes = ringBytes(ring);
    const statement = { buffer: roster.buffer, blob: blobs.put(bytes), bytes: bytes.byteLength };
    return { blob: statement.blob, update: signStatement('masked-update', statement, keys) };
  };

  /** Before a byte leaves, and once however often it is sent: what the ledger cannot take does not leave. */
  const enter = (masking: Masking, masked: Signed): void => {
    const spooled = state.spool[0]!;
    if (spooled.isEntered) return;
    const { examples, baseVersion } = parseStatement('masked-offer', masking.offer.statement);
    const { buffer, blob, bytes } = parseStatement('masked-update', masked.statement);
    desk.ledger('update-sent', {
      project: state.project!.project.id,
      baseVersion,
      bytes,
      blob,
      examples,
      masked: true,
      buffer,
    });
    spooled.isEntered = true;
    desk.save();
  };

  /** The next thing to say; null while a step on the disk comes first. */
  const step = async (masking: Masking): Promise<Parameters<Channel['ask']>[0] | null> => {
    const { buffer } = masking;
    if (buffer === null) return { kind: 'masked-update-offered', offer: masking.offer };
    if (buffer.revealed !== null) return { kind: 'masks-revealed', revealed: buffer.revealed.shares };
    if (buffer.masked !== null) return { kind: 'masked-update-sent', update: buffer.masked.update };
    if (buffer.dealt === null) {
      const dealt = await deal(masking, buffer);
      if (state.masking === masking) buffer.dealt = dealt;
    } else if (buffer.held === null) {
      return { kind: 'mask-shares-dealt', shares: buffer.dealt };
    } else {
      const masked = await mask(masking, buffer);
      if (state.masking !== masking || buffer.revealed !== null) desk.forget(masked.blob);
      else buffer.masked = masked;
    }
    desk.save();
    return null;
  };

  const advance = async (channel: Channel): Promise<void> => {
    const again = [...untaken.values()];
    untaken.clear();
    for (const news of again) receive(news);
    while (state.spool.length > 0 && desk.channel() === channel) {
      const masking = offered();
      const message = await step(masking);
      if (message === null || state.masking !== masking) continue;
      // An offer is said again when the trunk moved: the hub may find it too stale now.
      const text = JSON.stringify(masking.buffer === null ? [message, state.trunk?.version] : message);
      if (said?.channel === channel && said.text === text) return;
      if (message.kind === 'masked-update-sent') {
        enter(masking, message.update);
        await channel.putBlob(masking.buffer!.masked!.blob);
        if (state.masking !== masking) continue;
      }
      said = { channel, text };
      try {
        const answer = await channel.ask(message);
        if (answer.kind === 'update-accepted') settle(answer.receipt);
      } catch (thrown) {
        said = null;
        if (state.masking !== masking) continue;
        const isEnded = thrown instanceof Fault && thrown.code === maskingFault.bufferEnded().code;
        if (!isEnded) throw thrown;
        forgetBuffer();
        desk.save();
      }
    }
  };

  /** Says it in the ledger, to the window and to the hub. */
  const refuse = (buffer: string, thrown: unknown): void => {
    const fault = refusalOf(thrown);
    state.reason = fault.message;
    desk.ledger('masked-buffer-refused', { buffer, code: fault.code, reason: fault.message });
    void desk
      .channel()
      ?.ask({ kind: 'masked-buffer-refused', buffer, fault: fault.toValue() })
      .catch(() => {});
  };

  const join = (roster: Signed, offers: readonly Signed[]): void => {
    const { masking } = state;
    const buffer = bufferOf(roster);
    // The hub says again where things stand, or speaks of an offer that is not this site's any more.
    if (masking === null || (masking.buffer !== null && bufferOf(masking.buffer.roster) === buffer)) return;
    try {
      if (masking.buffer !== null) throw maskingFault.badRoster("this site's keys are in another buffer already");
      const joined = { roster, offers: [...offers] };
      knownRoster({ ...joined, ownSite, ownOffer: masking.offer, project: state.project!, state });
      masking.buffer = { ...joined, dealt: null, held: null, masked: null, revealed: null };
    } catch (thrown) {
      if (isOwnDisk(thrown)) throw thrown;
      refuse(buffer, thrown);
      if (masking.buffer !== null) return;
      forgetBuffer();
      order.rest();
    }
  };

  const hold = (dealt: readonly Signed[], masking: Masking, buffer: MaskedBuffer): void => {
    if (buffer.held !== null) return;
    buffer.held = heldShares({ dealt, roster: rosterOf(masking, buffer), ownSite, secrets: masking.secrets, state });
  };

  const reveal = (unmasking: Signed, masking: Masking, buffer: MaskedBuffer): void => {
    const asked = textHash(unmasking.statement);
    if (buffer.revealed?.unmasking === asked) return;
    const roster = rosterOf(masking, buffer);
    // One answer in a buffer: with a second, the hub might have a site's seed and its mask key.
    if (buffer.revealed !== null) throw maskingFault.bothSecrets();
    if (buffer.held === null) throw maskingFault.badUnmasking('no masked update was asked for before');
    const { counted, shares } = sharesToReveal({ unmasking, roster, held: buffer.held, hubKey: state.hubKey! });
    const revealed = signStatement('revealed-shares', { buffer: roster.buffer, unmasking: asked, shares }, keys);
    desk.ledger('masks-revealed', {
      project: state.project!.project.id,
      buffer: roster.buffer,
      counted,
      missing: roster.members.length - counted,
      bytes: revealed.statement.length,
    });
    buffer.revealed = { unmasking: asked, shares: revealed };
  };

  /** Acts on the buffer at hand if the news is about it. */
  const within = (name: string, act: (masking: Masking, buffer: MaskedBuffer) => void): void => {
    const { masking } = state;
    if (masking === null || masking.buffer === null || bufferOf(masking.buffer.roster) !== name) return;
    try {
      act(masking, masking.buffer);
    } catch (thrown) {
      if (isOwnDisk(thrown)) throw thrown;
      refuse(name, thrown);
    }
  };

  const take = (news: MaskingNews): void => {
    switch (news.kind) {
      case 'masked-buffer-opened':
        return join(news.roster, news.offers);
      case 'mask-shares-relayed':
        return within(news.buffer, (masking, buffer) => hold(news.shares, masking, buffer));
      case 'unmasking-asked': {
        const { buffer } = parseStatement('unmasking', news.unmasking.statement);
        return within(buffer, (masking, held) => reveal(news.unmasking, masking, held));
      }
      case 'masked-update-counted':
        return settle(news.receipt);
      case 'masked-buffer-ended':
        return within(news.buffer, () => {
          state.reason = news.fault.message;
          forgetBuffer();
        });
    }
  };
  const receive = (news: MaskingNews): boolean => {
    try {
      take(news);
      desk.save();
      return true;
    } catch (thrown) {
      if (!isOwnDisk(thrown)) throw thrown;
      // The hub can do nothing about it, and another connection finds no more room.
      state.reason = thrown instanceof Fault ? thrown.message : siteFault.diskFull().message;
      // The newest last.
      untaken.delete(news.kind);
      untaken.set(news.kind, news);
      order.rest();
      return false;
    }
  };

  return { advance, receive, clear: forgetBuffer };
}

/** As the disk says it, or the ledger. */
const isOwnDisk = (thrown: unknown): boolean =>
  isDiskFull(thrown) || (thrown instanceof Fault && thrown.code === ledgerFault.unwritable('').code);
