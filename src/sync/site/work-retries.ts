// Work that failed is tried again by itself, after rests that grow. Why, how often and when is for whoever looks at the membership.
import { Fault, faultValueOf } from '../../contract/fault.ts';
import { isDiskFull } from '../protocol/faults.ts';
import { siteFault } from './faults.ts';
import type { MembershipDesk } from './membership-desk.ts';

/** The first rest, and the longest: a machine that cannot train is asked seldom. */
const [firstRestMs, longestRestMs] = [2_000, 5 * 60_000];

export interface WorkRetries {
  /** What to show: null while the work goes well, or only its line to the hub ended. */
  readonly reason: string | null;
  /** Work went well. */
  worked(): void;
  /** @returns how long to rest at most, in ms. */
  failed(fault: Fault): number;
}

export function openWorkRetries(desk: MembershipDesk, random: () => number): WorkRetries {
  let failures = 0;
  let reason: string | null = null;
  return {
    get reason() {
      return reason;
    },
    worked() {
      failures = 0;
      reason = null;
    },
    failed(fault) {
      failures += 1;
      const restMs = restAfter(failures, random);
      // A connection that ended says so itself, and the work goes on when it is back.
      if (desk.channel() !== null || !isOfTheWire(fault)) {
        reason = siteFault.workFailed(fault.message, { failures, restMs }).message;
        enterFailure(desk, fault);
      } else reason = null;
      return restMs;
    },
  };
}

/** Between half and the whole of a time that doubles, so that many sites do not try at once. */
function restAfter(failures: number, random: () => number): number {
  const most = Math.min(longestRestMs, firstRestMs * 2 ** (failures - 1));
  return Math.round(most * (0.5 + random() / 2));
}

/** Codes 400 to 449 (protocol/faults.ts). */
export const isOfTheWire = ({ code }: Fault): boolean => code >= 400 && code < 450;

/** The disk that made the work fail may keep the ledger from saying so: then the window alone does. */
export function enterFailure(desk: MembershipDesk, fault: Fault): void {
  try {
    desk.ledger('work-failed', { code: fault.code, reason: fault.message });
  } catch {
    // The reason is shown already.
  }
}

export function workFaultOf(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown;
  return isDiskFull(thrown) ? siteFault.diskFull() : new Fault(faultValueOf(thrown), thrown);
}
