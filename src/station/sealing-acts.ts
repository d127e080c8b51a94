// Turning the seal of the device's keys on and off, as the ledger has it: what it says follows what lies on the disk.
import type { NewSeal } from '../contract/key-chain.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { SystemSeal } from './home/system-seal.ts';

interface SealedStation {
  readonly seal: SystemSeal;
  readonly ledger: Ledger;
}

const acts = { sealed: 'keys-sealed', unsealed: 'keys-unsealed' } as const;

/**
 * Seals the keys, or writes them plain again (null), and enters it. An entry that could not be written is made by the next try.
 * @returns whether the keys are sealed now
 * @throws Fault 641 when the ledger cannot be written, or what the disk answers
 */
export function changeSealing(station: SealedStation, order: NewSeal | null): boolean {
  enterSealing(station);
  try {
    station.seal.change(order);
  } finally {
    enterSealing(station);
  }
  return station.seal.isSealed;
}

/** Tries again what a full disk did not let seal. What fails waits for the next time. */
export function retrySealing(station: SealedStation): void {
  if (!station.seal.retry()) return;
  try {
    enterSealing(station);
  } catch {
    // Entered by the next change.
  }
}

/** Enters whether the keys are sealed where the ledger says otherwise. */
function enterSealing({ seal, ledger }: SealedStation): void {
  const { isSealed } = seal;
  const [last] = ledger.entries(1, ({ act }) => act === acts.sealed || act === acts.unsealed);
  if (isSealed !== (last?.act === acts.sealed)) ledger.append(isSealed ? acts.sealed : acts.unsealed, {});
}
