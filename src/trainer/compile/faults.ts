// Faults of compiling a network: codes 310–319.
import { Fault } from '../../contract/fault.ts';

/** 310: a step uses a kernel that the compiler has no rule for. */
export function kernelUnknown(kernel: string): Fault {
  const message = `The network cannot be compiled: there is no rule for the operation ${kernel}. Use the tensorflow engine, or another network.`;
  return new Fault({ code: 310, message, retry: 'never' });
}

/** 311: a kernel is used in a way that its rule does not cover. */
export function kernelUnsupported(kernel: string, reason: string): Fault {
  const message = `The network cannot be compiled: the operation ${kernel} ${reason}. Use the tensorflow engine, or another network.`;
  return new Fault({ code: 311, message, retry: 'never' });
}
