// Faults of privacy accounting: codes 680–689.
import { Fault } from '../../contract/fault.ts';

export const privacyFault = {
  outOfRange: (name: string, value: number, range: string) =>
    new Fault({ code: 680, message: `${name} is ${value}; it has to be ${range}.`, retry: 'never' }),
  unreachable: (epsilon: number) =>
    new Fault({
      code: 681,
      message: `No amount of noise keeps this training within ε = ${epsilon}: take fewer steps, a smaller batch or a larger δ.`,
      retry: 'never',
    }),
} as const;
