import type { Tensor } from '../../contract/safetensors.ts';

/** All that a tally holds, to go on from in another process: counts as plain JSON, the rest as tensors. */
export interface TallyState {
  readonly counts: unknown;
  readonly tensors: ReadonlyMap<string, Tensor>;
}
