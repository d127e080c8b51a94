// Invite codes are too long to be guessed; whoever tries all the same must not keep the hub busy with it. Members are let in meanwhile.
import { Fault } from '../../contract/fault.ts';
import { hubFault } from './faults.ts';

/** So many unknown codes within the window close enrolment until it is over. */
export const mostWrongCodes = 20;
export const wrongCodesWindowMs = 60_000;

export interface InviteGuard {
  /** Runs an admission. @throws Fault 548 when it would enrol and too many wrong codes were tried lately, else what it throws. */
  admit<M>(isEnrolling: boolean, admission: () => Promise<M>): Promise<M>;
}

export function openInviteGuard(clock: () => number): InviteGuard {
  let wrong: number[] = [];
  return {
    async admit(isEnrolling, admission) {
      if (!isEnrolling) return admission();
      wrong = wrong.filter((at) => Math.abs(clock() - at) < wrongCodesWindowMs);
      if (wrong.length >= mostWrongCodes) throw hubFault.tooManyWrongInvites();
      try {
        return await admission();
      } catch (thrown) {
        if (thrown instanceof Fault && thrown.code === hubFault.unknownInvite().code) wrong.push(clock());
        throw thrown;
      }
    },
  };
}
