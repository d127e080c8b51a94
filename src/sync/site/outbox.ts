// The spool of updates: written before they are offered, kept until the hub's receipt is here. Delivery may be tried any number of
// times; the idempotency key makes them one.
import { createHash } from 'node:crypto';
import { Fault } from '../../contract/fault.ts';
import { checkUpdate, encodeUpdate, updateOf } from '../aggregation/update.ts';
import { decodeWeights } from '../aggregation/weights.ts';
import { retryDelayMs } from '../protocol/backoff.ts';
import type { Channel } from '../protocol/channel.ts';
import { parseStatement, readStatement, signStatement } from '../protocol/statement.ts';
import { siteFault } from './faults.ts';
import type { MembershipDesk } from './membership-desk.ts';

/** How often a refusal that says `now` is followed at once, per connection. */
const maxImmediateRetries = 3;

export interface Outbox {
  /** Signs and stores an update durably. @throws Fault 463 when it holds values that the hub would refuse. */
  store(trained: {
    readonly weights: Uint8Array;
    readonly examples: number;
    readonly loss: number;
    readonly trunk: { readonly version: number; readonly weights: Uint8Array };
  }): void;
  /** Sends what is stored, oldest first, for as long as the hub is there. Never rejects. */
  deliver(): Promise<void>;
  readonly isDelivering: boolean;
  clear(): void;
  close(): void;
}

export function openOutbox(desk: MembershipDesk, random: () => number): Outbox {
  const { state, blobs, keys } = desk;
  let delivering: Promise<void> | null = null;
  let failures = 0;
  let again: NodeJS.Timeout | null = null;

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
    try {
      await channel.putBlob(spooled.blob);
      if (!state.spool.includes(spooled)) return;
      const answer = await channel.ask({ kind: 'update-offered', update: spooled.update });
      if (answer.kind !== 'update-accepted' || state.hubKey === null) throw new Error('an offer was not answered');
      const receipt = readStatement('receipt', answer.receipt, state.hubKey);
      if (receipt.idempotencyKey !== update.idempotencyKey) throw new Error('the receipt is for another update');
      state.accepted += 1;
      state.reason = null;
      state.stalenessSum += receipt.stalenessCommits;
    } catch (thrown) {
      if (!(thrown instanceof Fault) || thrown.retry !== 'never') throw thrown;
      // Taken off the spool meanwhile: nobody asks any more what became of it.
      if (!state.spool.includes(spooled)) return;
      desk.ledger('update-refused', { project: update.project, blob: update.blob, reason: thrown.message });
      state.refused += 1;
      state.reason = thrown.message;
    }
    state.spool = state.spool.filter((one) => one !== spooled);
    // First the state: a spool that names bytes which are gone could never be emptied.
    desk.save();
    desk.forget(spooled.blob);
  };

  const run = async (): Promise<void> => {
    const channel = desk.channel();
    if (channel === null) return;
    let retries = 0;
    while (desk.channel() === channel && state.spool.length > 0) {
      const first = state.spool[0];
      try {
        await offerFirst(channel);
        failures = 0;
      } catch (thrown) {
        if (state.spool[0] !== first) continue;
        const isWorthRetrying = thrown instanceof Fault && thrown.retry === 'now';
        retries += 1;
        if (isWorthRetrying && retries <= maxImmediateRetries) continue;
        state.reason = thrown instanceof Fault ? thrown.message : siteFault.workFailed(String(thrown)).message;
        // A hub whose disk is full keeps its line open: ask again by and by. A line that ended is opened again elsewhere.
        failures += 1;
        if (again !== null) clearTimeout(again);
        again = setTimeout(() => void outbox.deliver(), retryDelayMs(failures, random));
        return;
      }
    }
  };

  const outbox: Outbox = {
    store({ weights, examples, loss, trunk }) {
      const { project } = state;
      if (project === null) return;
      const base = decodeWeights(trunk.weights);
      const update = updateOf(base, decodeWeights(weights));
      const refusal = checkUpdate(update, { layout: base });
      if (refusal !== null) throw siteFault.badTraining(refusal.message);
      const bytes = encodeUpdate(update, project.project.updateCodec);
      const blob = blobs.put(bytes);
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
          datasetFingerprint: state.approval!.datasetFingerprint,
          idempotencyKey,
        },
        keys,
      );
      state.spool.push({ update: signed, blob, baseVersion: trunk.version, isEntered: false });
      state.turn += 1;
      state.trainedFrom = trunk.version;
      desk.save();
    },
    deliver() {
      delivering ??= run().finally(() => {
        delivering = null;
        desk.changed();
      });
      return delivering;
    },
    get isDelivering() {
      return delivering !== null;
    },
    clear() {
      const dropped = state.spool;
      state.spool = [];
      for (const { blob } of dropped) desk.forget(blob);
    },
    close() {
      if (again !== null) clearTimeout(again);
    },
  };
  return outbox;
}
