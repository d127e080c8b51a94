// Site and hub countersign each other's ledgers: each remembers how far the other's had come, so that neither can cut off or rewrite
// its own without the other's noticing. One question, at each connection, every ten minutes and at the end.
import { wireFeature } from '../protocol/limits.ts';
import { readStatement, signStatement } from '../protocol/statement.ts';
import { siteFault } from './faults.ts';
import type { MembershipDesk } from './membership-desk.ts';

interface LedgerHead {
  readonly entries: number;
  readonly hash: string;
}

/** The station's ledger, as far as the federation is concerned. */
export interface CountersignedLedger {
  head(): LedgerHead;
  /** Hash of the entry with this number; null where there is none. */
  hashAt(sequence: number): string | null;
}

export const exchangeEveryMs = 10 * 60 * 1_000;

/** @returns exchanges heads with the hub; what fails is done at the next time. */
export function openLedgerHeads(
  desk: MembershipDesk,
  ledger: CountersignedLedger | null,
): (hubFeatures: readonly string[]) => Promise<void> {
  const { state, keys } = desk;
  const contradicted = (reason: string): void => {
    state.reason = siteFault.ledgerContradicted(reason).message;
    desk.ledger('ledger-contradicted', { reason });
    desk.save();
  };

  return async (hubFeatures) => {
    const channel = desk.channel();
    if (ledger === null || channel === null || state.hubKey === null) return;
    if (!hubFeatures.includes(wireFeature.ledgerHeads)) return;
    const at = new Date(desk.clock()).toISOString();
    const { entries, hash } = ledger.head();
    const head = signStatement('ledger-head', { owner: keys.fingerprint, entries, hash, at }, keys);
    const { witness } = state.ledgerHeads;
    const answer = await channel.ask({ kind: 'heads-exchanged', head, witness }).catch(() => null);
    if (answer?.kind !== 'heads-witnessed') return;
    const heads = state.ledgerHeads;

    const remembered = answer.remembered && readStatement('ledger-witness', answer.remembered, state.hubKey);
    if (remembered !== null && ledger.hashAt(remembered.entries) !== remembered.hash) {
      return contradicted(
        `the hub countersigned ${remembered.entries} entries of this ledger on ${remembered.at}, and they are not the ones that are here`,
      );
    }
    if (answer.witness !== null) {
      const said = readStatement('ledger-witness', answer.witness, state.hubKey);
      if (said.owner === keys.fingerprint && said.entries === entries && said.hash === hash) {
        heads.countersigned = { entries, hash, at: said.at };
      }
    }
    const hub = readStatement('ledger-head', answer.head, state.hubKey);
    const through = answer.through ? readStatement('ledger-head', answer.through, state.hubKey) : null;
    const contradicts = (known: LedgerHead, said: LedgerHead | null): boolean =>
      said !== null && said.entries === known.entries && said.hash !== known.hash;
    const isForked =
      heads.hub !== null &&
      (hub.entries < heads.hub.entries || contradicts(heads.hub, hub) || contradicts(heads.hub, through));
    if (isForked) {
      return contradicted(`the hub's ledger had ${heads.hub!.entries} entries before and has other ones now`);
    }
    heads.hub = { entries: hub.entries, hash: hub.hash };
    const said = { witness: keys.fingerprint, owner: state.hubFingerprint, entries: hub.entries, hash: hub.hash, at };
    heads.witness = signStatement('ledger-witness', said, keys);
    desk.save();
  };
}
