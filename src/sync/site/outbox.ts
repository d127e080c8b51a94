// The spool of updates: written before they are offered, kept until the hub's receipt is here. Delivery may be tried any number of
// times; the idempotency key makes them one.
import { createHash } from 'node:crypto';
import { Fault } from '../../contract/fault.ts';
import { checkUpdate, decodeUpdate, encodeUpdate, hasErrorFeedback, updateOf } from '../aggregation/update.ts';
import { carriedLayout, partsOf, updateLayout, variateLayout, withVariate } from '../aggregation/update-layout.ts';
import { decodeWeights } from '../aggregation/weights.ts';
import { retryDelayMs } from '../protocol/backoff.ts';
import { passing } from '../protocol/faults.ts';
import { type Channel, closeCodes } from '../protocol/channel.ts';
import { parseStatement, readStatement, type Signed, signStatement } from '../protocol/statement.ts';
import { keepResidual, takeBackResidual, withResidual } from './error-feedback.ts';
import { awaitCount } from './awaited-updates.ts';
import { siteFault } from './faults.ts';
import { keepNormalisation } from './home-normalisation.ts';
import { mayLeave } from './leak-gate.ts';
import { longUpdate, openUpdate, validationOf, variateIn } from './made-update.ts';
import { type MaskingNews, openMaskedDelivery } from './masked-delivery.ts';
import type { MembershipDesk } from './membership-desk.ts';
import { blobsOfAwaited, blobsOfSpooled, type SpooledUpdate } from './membership-file.ts';
import { keepVariate, takeBackVariate } from './own-variate.ts';

/** The hub's fault for an update from a trunk version that it does not have: its disk was restored from a backup. */
const unknownVersionCode = 513;
/** The hub's fault for a project that takes no more updates: it has ended, or ends with a commit that is still to come. */
const finishedCode = 512;
/** How often a refusal that says `now` is followed at once, per connection. */
const maxImmediateRetries = 3;

export interface Outbox {
  /** Signs and stores an update durably. @throws Fault 463 when it holds values that the hub would refuse. */
  store(trained: {
    readonly weights: Uint8Array;
    readonly examples: number;
    readonly loss: number;
    /** Where the project has control variates: this site's next one. */
    readonly controlVariate?: Uint8Array;
    readonly trunk: { readonly version: number; readonly blob: string; readonly weights: Uint8Array };
  }): void;
  /** Sends what is stored, oldest first, for as long as the hub is there. Never rejects. */
  deliver(): Promise<void>;
  readonly isDelivering: boolean;
  /** The hub said on this line that the project takes no more updates. Its end, with the last trunk, may still come. */
  readonly isProjectOver: boolean;
  /** Takes the hub's news of a masked buffer; `deliver` then says what follows. @returns false where it is taken later: the disk is full. */
  receive(news: MaskingNews): boolean;
  clear(): void;
  close(): void;
}

export function openOutbox(desk: MembershipDesk, random: () => number): Outbox {
  const { state, blobs, keys } = desk;
  let delivering: Promise<void> | null = null;
  let isAskedFor = false;
  let failures = 0;
  let again: NodeJS.Timeout | null = null;
  /** Masked buffers that this site refused since an update was counted. */
  let refusals = 0;
  let isResting = false;
  /** An ended project begins no more; on another line the hub may be one that came back from a backup. */
  let over: { readonly projectHash: string; readonly channel: Channel } | null = null;
  let restTimer: NodeJS.Timeout | undefined;

  const masked = openMaskedDelivery({
    desk,
    settle(receipt) {
      if (state.spool.length > 0) settle(receipt);
    },
    rest() {
      refusals += 1;
      isResting = true;
      clearTimeout(restTimer);
      restTimer = setTimeout(
        () => {
          isResting = false;
          void outbox.deliver();
        },
        retryDelayMs(refusals, random),
      );
    },
  });

  const offerFirst = async (channel: Channel): Promise<void> => {
    const spooled = state.spool[0]!;
    const update = parseStatement('update', spooled.update.statement);
    if (!spooled.isEntered) {
      // Before a byte leaves, and once however often it is sent: what the ledger cannot take does not leave.
      desk.ledger('update-sent', {
        project: update.project,
        baseVersion: update.baseVersion,
        bytes: update.bytes,
        blob: update.blob,
        examples: update.examples,
      });
      spooled.isEntered = true;
      desk.save();
    }
    await channel.putBlob(spooled.blob);
    if (!state.spool.includes(spooled)) return;
    const answer = await channel.ask({ kind: 'update-offered', update: spooled.update });
    if (answer.kind !== 'update-accepted') throw new Error('an offer was not answered');
    try {
      settle(answer.receipt);
    } catch (thrown) {
      // A receipt that is none is no refusal either: the hub may have accepted the update, and says so when it is offered again.
      throw thrown instanceof Fault ? passing(thrown) : thrown;
    }
  };

  /** The first update is counted, once: its receipt takes it off the spool. A receipt for another changes nothing. */
  const settle = (signed: Signed): void => {
    const first = state.spool[0]!;
    if (state.hubKey === null) throw new Error('a receipt of an unknown hub');
    const receipt = readStatement('receipt', signed, state.hubKey);
    if (receipt.idempotencyKey !== parseStatement('update', first.update.statement).idempotencyKey) return;
    state.accepted += 1;
    state.reason = null;
    refusals = 0;
    state.stalenessSum += receipt.stalenessCommits;
    // The receipt of a masked update comes after the commit that counts it.
    if (state.project?.project.secureAggregation == null) awaitCount(desk, first);
    takeOff(first);
  };
  const dropRefused = (refused: SpooledUpdate, fault: Fault): void => {
    const { project, blob, baseVersion } = parseStatement('update', refused.update.statement);
    desk.ledger('update-refused', { project, blob, reason: fault.message });
    state.refused += 1;
    state.reason = fault.message;
    takeBack(refused);
    if (fault.code === unknownVersionCode) forgetLostTrunk(baseVersion);
  };
  /** An update that is never counted: what it carried of earlier ones is owed again. */
  const takeBack = (uncounted: SpooledUpdate): void => {
    const { residual } = state;
    takeBackResidual(desk, uncounted);
    takeBackVariate(desk, uncounted);
    takeOff(uncounted);
    if (residual !== null) desk.forget(residual.blob);
  };
  /** The trunk that the hub lost is none any more; the next greeting says which is. */
  const forgetLostTrunk = (baseVersion: number): void => {
    const lost = state.trunk;
    if (lost === null || lost.version < baseVersion) return;
    state.trunk = null;
    desk.save();
    desk.forget(lost.blob);
    desk.channel()?.close(closeCodes.goingAway, 'the site asks for the trunk anew');
  };
  const takeOff = (done: SpooledUpdate): void => {
    state.spool = state.spool.filter((one) => one !== done);
    masked.clear();
    // First the state: a spool that names bytes which are gone could never be emptied.
    desk.save();
    for (const blob of blobsOfSpooled(done)) desk.forget(blob);
  };

  /** A hub whose disk is full keeps its line open: ask again by and by. A line that ended is opened again elsewhere. */
  const deliverLater = (thrown: unknown): void => {
    state.reason = thrown instanceof Fault ? thrown.message : siteFault.workFailed(String(thrown)).message;
    failures += 1;
    if (again !== null) clearTimeout(again);
    again = setTimeout(
      () => {
        again = null;
        void outbox.deliver();
      },
      retryDelayMs(failures, random),
    );
  };

  const run = async (): Promise<void> => {
    const channel = desk.channel();
    // An update of a version that knew no probe, or that was trained before a person took back what was said, waits.
    if (channel === null || !mayLeave(state)) return;
    let retries = 0;
    while (desk.channel() === channel && state.spool.length > 0) {
      const first = state.spool[0]!;
      const isMasked = state.project?.project.secureAggregation != null;
      // Of one that was offered before, the hub may hold a receipt; a masked one is entered anew with each buffer, so it is asked for.
      const isOver = outbox.isProjectOver || state.project?.isFinished === true;
      if (isOver && !isMasked && !first.isEntered) {
        takeBack(first);
        continue;
      }
      try {
        if (isMasked && isResting) return;
        if (isMasked) await masked.advance(channel);
        else await offerFirst(channel);
        failures = 0;
        // What comes next depends on other sites; the hub tells.
        if (isMasked) return;
      } catch (thrown) {
        if (state.spool[0] !== first) continue;
        if (thrown instanceof Fault && thrown.retry === 'never') {
          const { projectHash } = parseStatement('update', first.update.statement);
          if (thrown.code === finishedCode) over = { projectHash, channel };
          dropRefused(first, thrown);
          continue;
        }
        const isWorthRetrying = thrown instanceof Fault && thrown.retry === 'now';
        retries += 1;
        if (isWorthRetrying && retries <= maxImmediateRetries) continue;
        return deliverLater(thrown);
      }
    }
  };

  /** What is asked for while a delivery ends is not lost: news of other sites comes at any moment. */
  const untilNothingIsAskedFor = async (): Promise<void> => {
    try {
      while (isAskedFor) {
        isAskedFor = false;
        await run();
      }
    } catch (thrown) {
      // This site's own disk, most likely: what the hub said of an update cannot be written down now.
      deliverLater(thrown);
    } finally {
      delivering = null;
      desk.changed();
    }
  };

  const outbox: Outbox = {
    store({ weights, examples, loss, controlVariate, trunk }) {
      const { project } = state;
      if (project === null) return;
      const form = project.project;
      const trunkWeights = decodeWeights(trunk.weights);
      const base = updateLayout(trunkWeights, form);
      const trained = updateLayout(decodeWeights(weights), form);
      const change = updateOf(base, trained);
      const update = hasErrorFeedback(form) ? withResidual(desk, project.hash, change) : change;
      const layout = carriedLayout(trunkWeights, form);
      const carried = withVariate(update, variateIn(controlVariate, variateLayout(trunkWeights, form), form));
      const refusal = checkUpdate(carried, { layout }) ?? longUpdate(update, form);
      if (refusal !== null) throw siteFault.badTraining(refusal.message);
      const bytes = encodeUpdate(openUpdate(form, carried, trained), form);
      const blob = blobs.put(bytes);
      const { residual: residualBefore, controlVariate: variateBefore } = state;
      const isKept = hasErrorFeedback(form) || form.controlVariates;
      const arrived = isKept ? partsOf(decodeUpdate(bytes, { layout, form })) : null;
      // As the hub reads it, so that both go on from the same numbers whatever the codec lost.
      if (form.controlVariates) keepVariate(desk, arrived!.variate);
      if (hasErrorFeedback(form)) keepResidual(desk, project.hash, updateOf(arrived!.change, update));
      const idempotencyKey = createHash('sha256')
        .update([project.hash, keys.fingerprint, trunk.version, state.turn, blob].join('\n'))
        .digest('hex');
      const signed = signStatement(
        'update',
        {
          project: project.project.id,
          projectHash: project.hash,
          baseVersion: trunk.version,
          blob,
          bytes: bytes.byteLength,
          examples,
          // A loss that is no number cannot be said in JSON.
          loss: Number.isFinite(loss) ? loss : -1,
          ...validationOf(state),
          datasetFingerprint: state.approval!.datasetFingerprint,
          idempotencyKey,
        },
        keys,
      );
      const forgetNormalisation = keepNormalisation(desk, weights);
      state.spool.push({
        update: signed,
        blob,
        baseVersion: trunk.version,
        base: trunk.blob,
        isEntered: false,
        residualBefore: residualBefore?.blob ?? null,
        residualAfter: state.residual?.blob ?? null,
        variateBefore: variateBefore?.blob ?? null,
        variateAfter: state.controlVariate?.blob ?? null,
      });
      state.turn += 1;
      state.trainedFrom = trunk.version;
      // In one write with the update that it belongs to: neither is there without the other.
      desk.save();
      forgetNormalisation();
    },
    receive: masked.receive,
    deliver() {
      isAskedFor = true;
      delivering ??= untilNothingIsAskedFor();
      return delivering;
    },
    get isDelivering() {
      return delivering !== null;
    },
    get isProjectOver() {
      const isOnThisLine = desk.channel() === null || desk.channel() === over?.channel;
      return over !== null && over.projectHash === state.project?.hash && isOnThisLine;
    },
    clear() {
      const kept = [state.residual, state.normalisation, state.homeTrunk, state.controlVariate];
      const dropped = [
        ...state.spool.flatMap(blobsOfSpooled),
        ...state.awaited.flatMap(blobsOfAwaited),
        ...kept.flatMap((one) => (one === null ? [] : one.blob)),
      ];
      state.spool = [];
      state.awaited = [];
      state.residual = state.normalisation = state.homeTrunk = state.controlVariate = null;
      masked.clear();
      for (const blob of dropped) desk.forget(blob);
    },
    close() {
      clearTimeout(restTimer);
      if (again !== null) clearTimeout(again);
    },
  };
  return outbox;
}
