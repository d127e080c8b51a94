// Members' cards are checked once: a hub names a member again with each thing that it does.
import { fingerprintOf } from '../protocol/device-keys.ts';
import { readSiteCard, type Signed } from '../protocol/statement.ts';
import { benchLimits } from './bench-limits.ts';

/** A member's word on its own keys and name, which its signature bears out. */
export interface CheckedCard {
  readonly card: Signed;
  readonly fingerprint: string;
  readonly site: string;
}

/** @throws Fault 400 or 403 for what is no card of the one that it names. */
export type CardCheck = (card: Signed) => CheckedCard;

/** Remembers the newest of the cards that hold, as many as a membership keeps; equal ones are one object from then on. */
export function openCardCheck(): CardCheck {
  const byStatement = new Map<string, CheckedCard>();
  return (card) => {
    const known = byStatement.get(card.statement);
    if (known?.card.signature === card.signature) return known;
    const { publicKey, site } = readSiteCard(card);
    const checked = { card, fingerprint: fingerprintOf(publicKey), site };
    byStatement.set(card.statement, checked);
    const [oldest] = byStatement.keys();
    if (byStatement.size > benchLimits.cards && oldest !== undefined) byStatement.delete(oldest);
    return checked;
  };
}
