// Faults of the engines: codes 320–329.
import { Fault } from '../../contract/fault.ts';

/** 320: an engine or provider cannot run on this machine. */
export function engineUnavailable(engine: string, reason: string, advice: string, cause?: unknown): Fault {
  const message = `The ${engine} engine cannot be used here: ${reason}. ${advice}`;
  return new Fault({ code: 320, message: message.slice(0, 4_000), retry: 'later' }, cause);
}

/** 321: the compiled graph is refused or fails while it runs. */
export function stepFailed(provider: string, cause: unknown): Fault {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `A training step failed on ${provider}: ${reason}. The weights are those before the step. If memory is short, use a smaller batch.`;
  return new Fault({ code: 321, message: message.slice(0, 4_000), retry: 'later' }, cause);
}

/** 322: a batch does not have the size that the session was opened for. */
export function batchMisshapen(what: string, found: number, needed: number): Fault {
  const message = `The batch does not fit the network: ${what} has ${found} values where ${needed} are needed. Build the data set for this network.`;
  return new Fault({ code: 322, message, retry: 'never' });
}

/** 323: weights or optimiser state of another network. */
export function stateMisfit(name: string, reason: string): Fault {
  const message = `The weights do not belong to this network: ${name} ${reason}. Choose the weights of this network.`;
  return new Fault({ code: 323, message, retry: 'never' });
}

/** 324: a closed session was asked to work. */
export function sessionClosed(): Fault {
  return new Fault({ code: 324, message: 'This training session is closed. Open a new one.', retry: 'never' });
}

/** Whether what an engine or a runtime threw says that memory ran out: the machine's, or a device's. */
export function isOutOfMemory(thrown: unknown): boolean {
  return thrown instanceof Error && /alloc|out.?of.?memory|memory exhausted/i.test(thrown.message);
}
