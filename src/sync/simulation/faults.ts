// Why a federation is not simulated (570–579).
import { Fault } from '../../contract/fault.ts';

const never = (code: number, message: string): Fault => new Fault({ code, message, retry: 'never' });

export const simulationFault = {
  unusableRule: (reason: string) => never(570, `This rule cannot be simulated: ${reason}.`),
  /** @param trace of the process that failed, for whoever looks into it: no part of the message */
  notEnded: (reason: string, trace?: string) =>
    new Fault(
      {
        code: 571,
        message: `The simulation did not come to an end: ${reason.replace(/\.$/, '')}.`,
        retry: 'never',
      },
      trace,
    ),
  tooManyProcesses: (most: number, sites: number) =>
    never(
      572,
      `At most ${most} sites can be processes of one machine, and the scenario has ${sites}. Leave out --processes, or give --sites.`,
    ),
} as const;
