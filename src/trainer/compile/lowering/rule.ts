import type { KernelCall } from '../tape.ts';
import type { Deferred } from './deferred.ts';
import type { Lowered, Lowering } from './lowered.ts';

/** How one kernel becomes ONNX operators. */
export type LoweringRule = (call: KernelCall, lowering: Lowering) => Lowered | { readonly deferred: Deferred };
export type LoweringTable = Readonly<Record<string, LoweringRule>>;
