// Why a federation is not simulated (570–579).
import { Fault } from '../../contract/fault.ts';

const never = (code: number, message: string): Fault => new Fault({ code, message, retry: 'never' });

export const simulationFault = {
  unusableRule: (reason: string) => never(570, `This rule cannot be simulated: ${reason}.`),
  notEnded: (reason: string) => never(571, `The simulation did not come to an end: ${reason}.`),
  tooManyProcesses: (most: number, sites: number) =>
    never(
      572,
      `At most ${most} sites can be processes of one machine, and the scenario has ${sites}. Leave out --processes, or give --sites.`,
    ),
} as const;
