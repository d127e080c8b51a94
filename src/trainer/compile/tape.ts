// What tracing a program leaves behind: its kernels in order, and the values between them.
import type { backend_util } from '@tensorflow/tfjs-core';

export interface TracedValue {
  readonly shape: readonly number[];
  readonly dtype: string;
  /** The content, where it is known when the program is traced. */
  readonly constant: backend_util.TypedArray | null;
}

export interface KernelCall {
  readonly kernel: string;
  readonly inputs: Readonly<Record<string, TracedValue>>;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly output: TracedValue;
}

/** Only the calls that the wanted values depend on, in order. */
export function liveCalls(tape: readonly KernelCall[], wanted: Iterable<TracedValue>): KernelCall[] {
  const needed = new Set(wanted);
  const live: KernelCall[] = [];
  for (const call of tape.toReversed()) {
    if (!needed.has(call.output)) continue;
    live.push(call);
    for (const input of Object.values(call.inputs)) needed.add(input);
  }
  return live.toReversed();
}
