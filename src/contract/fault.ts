// Faults are values at the boundaries: what went wrong, said for a person, with whether trying again can help.
// Exceptions of any other class are bugs. Without a schema library: threads that only decode would wait for it.
import { systemReason } from './system-reason.ts';

/**
 * A fault as it crosses a process or network boundary (fault-schema.ts checks one that comes in).
 * Codes come in hundreds per part: 1xx library, 2xx cohorts, 3xx trainer, 4xx site, 5xx hub, 6xx station, 7xx shell,
 * 8xx command line. A retired code keeps its number as a tombstone in its part's table.
 */
export interface FaultValue {
  readonly code: number;
  readonly message: string;
  /** Whether the same act can succeed if repeated: never as it stands, later when the world changed, or at once. */
  readonly retry: 'never' | 'later' | 'now';
  /** Figures of the message, for a program: what was done before it, for example. */
  readonly counts?: Readonly<Record<string, number>> | undefined;
}

/** The thrown form of a fault. `message` says what happened and what to do, without a patient's name or identifier. */
export class Fault extends Error {
  readonly code: number;
  readonly retry: FaultValue['retry'];
  readonly counts: FaultValue['counts'];

  constructor(fault: FaultValue, cause?: unknown) {
    super(fault.message, cause === undefined ? undefined : { cause });
    this.name = 'Fault';
    this.code = fault.code;
    this.retry = fault.retry;
    this.counts = fault.counts;
  }

  toValue(): FaultValue {
    const { code, message, retry, counts } = this;
    return { code, message, retry, ...(counts === undefined ? {} : { counts }) };
  }
}

/** Code 600: a bug, not a condition; its message carries the original error's. */
export const unexpectedFaultCode = 600;

/** The fault value of anything thrown: a `Fault` as it is, anything else as an unexpected one (code 600). */
export function faultValueOf(thrown: unknown): FaultValue {
  if (thrown instanceof Fault) return thrown.toValue();
  const message = `${isOfFiles(thrown) ? 'a file or folder cannot be used: ' : ''}${reasonOf(thrown)}`;
  return { code: unexpectedFaultCode, message: `Unexpected error: ${message}`.slice(0, 4000), retry: 'never' };
}

/**
 * Why anything was thrown, as the rest of a sentence that names what it is about. An error of the file system is told
 * without its path: folders and files are often named after patients.
 */
export function reasonOf(thrown: unknown): string {
  if (isOfFiles(thrown)) return systemReason(thrown.code);
  return thrown instanceof Error ? thrown.message : String(thrown);
}

const isOfFiles = (thrown: unknown): thrown is Error & { code: unknown } =>
  thrown instanceof Error && 'code' in thrown && 'path' in thrown;
