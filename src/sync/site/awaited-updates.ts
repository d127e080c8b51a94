// Updates between the hub's receipt and the trunk version that counts them. One that the hub discards instead is told here: what it carried of
// earlier ones is owed again, as after a refusal.
import type { Signed } from '../protocol/statement.ts';
import { parseStatement, readStatement } from '../protocol/statement.ts';
import { takeBackResidual } from './error-feedback.ts';
import type { MembershipDesk } from './membership-desk.ts';
import { type AwaitedUpdate, blobsOfAwaited, type SpooledUpdate } from './membership-file.ts';
import { takeBackVariate } from './own-variate.ts';

/** More than wait at a hub; of older ones nobody asks any more. */
const mostAwaited = 16;

type Desk = Pick<MembershipDesk, 'state' | 'blobs' | 'ledger' | 'forget'>;

/** Takes over what an accepted update would owe again. The caller saves the state. */
export function awaitCount({ state, forget }: Desk, spooled: SpooledUpdate): void {
  const { idempotencyKey } = parseStatement('update', spooled.update.statement);
  const { residualBefore, residualAfter, variateBefore, variateAfter } = spooled;
  state.awaited.push({ idempotencyKey, residualBefore, residualAfter, variateBefore, variateAfter });
  for (const old of state.awaited.splice(0, state.awaited.length - mostAwaited)) drop({ state, forget }, old);
}

/** Updates that a trunk version counts are no more awaited. The caller saves the state. */
export function takeCounted({ state, forget }: Desk, updates: readonly string[]): void {
  const counted = state.awaited.filter(({ idempotencyKey }) => updates.includes(idempotencyKey));
  for (const one of counted) drop({ state, forget }, one);
}

/**
 * Takes the hub's word on what it discarded; it says it again after each welcome. The caller saves the state.
 * @returns whether anything was news. @throws Fault 403 for a word that the hub did not sign.
 */
export function takeDiscarded(desk: Desk, discarded: readonly Signed[]): boolean {
  const { state } = desk;
  if (state.hubKey === null) return false;
  let isNew = false;
  // The newest first: each goes back to what was before it.
  for (const signed of discarded) {
    const { idempotencyKey, projectHash, reason } = readStatement('discard', signed, state.hubKey);
    const update = state.awaited.find((one) => one.idempotencyKey === idempotencyKey);
    if (update === undefined || projectHash !== state.project?.hash) continue;
    isNew = true;
    desk.ledger('update-discarded', { project: state.project.project.id, reason });
    state.discarded += 1;
    state.discardedBecause = reason;
    const { residual } = state;
    takeBackResidual(desk, update);
    takeBackVariate(desk, update);
    drop(desk, update);
    if (residual !== null) desk.forget(residual.blob);
  }
  return isNew;
}

function drop({ state, forget }: Pick<Desk, 'state' | 'forget'>, update: AwaitedUpdate): void {
  state.awaited = state.awaited.filter((one) => one !== update);
  for (const blob of blobsOfAwaited(update)) forget(blob);
}
