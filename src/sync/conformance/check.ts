// One sentence of docs/protocol.md that an end of the wire must keep, and how it is tried on one of any make.
import { reasonOf } from '../../contract/fault.ts';

export interface Check<Endpoint> {
  /** Of docs/protocol.md. */
  readonly section: string;
  /** What the end under test must do, as a sentence without a full stop. */
  readonly must: string;
  /** @throws Nonconformity where it does not; NotTried where it cannot be seen on this end. */
  readonly tried: (endpoint: Endpoint) => Promise<void>;
}

/** What the end under test did instead. */
export class Nonconformity extends Error {}

/** Why the check says nothing about this end, for a person. */
export class NotTried extends Error {}

export interface CheckOutcome {
  readonly section: string;
  readonly must: string;
  readonly outcome: 'kept' | 'broken' | 'not tried';
  /** What was seen instead, or why it was not tried; null where it was kept. */
  readonly why: string | null;
}

/** Tries all, one after another, whatever the ones before showed. Never rejects. */
export async function runChecks<Endpoint>(
  checks: readonly Check<Endpoint>[],
  endpoint: Endpoint,
  onOutcome: (outcome: CheckOutcome) => void,
): Promise<readonly CheckOutcome[]> {
  const outcomes: CheckOutcome[] = [];
  for (const { section, must, tried } of checks) {
    const outcome = await tried(endpoint).then(
      () => ({ section, must, outcome: 'kept', why: null }) as const,
      (thrown: unknown) => {
        const why = reasonOf(thrown);
        return { section, must, outcome: thrown instanceof NotTried ? 'not tried' : 'broken', why } as const;
      },
    );
    outcomes.push(outcome);
    onOutcome(outcome);
  }
  return outcomes;
}

/** @throws Nonconformity with `instead` where `isKept` is false. */
export function must(isKept: boolean, instead: string): asserts isKept {
  if (!isKept) throw new Nonconformity(instead);
}

/** How long what must happen may take: far longer than it does, since a line may be slow. */
export const patienceMs = 15_000;

/** @throws Nonconformity where it does not settle within `ms`. */
export async function inTime<Value>(what: string, promise: Promise<Value>, ms = patienceMs): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Nonconformity(`${what}: nothing within ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
