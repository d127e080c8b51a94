// The server's optimiser: what the hub makes of a combined update before it moves the trunk. Reddi et al. 2021 (arXiv 2003.00295),
// Algorithm 2, without bias correction as there; sgd with momentum is FedAvgM (arXiv 1909.06335).
// State is kept as float32, in memory as on the disk: a hub that was killed goes on to the same bits.
import type { ServerOptimizer } from '../../contract/federation.ts';
import type { Block, TensorValues } from './tensor-values.ts';
import { valueCount, type WeightLayout, type Weights, type WeightTensor } from './weights.ts';

export interface ServerStep {
  /** Makes a block of the combined update the step, in place: to be multiplied with the server's learning rate and added to the trunk. */
  take(block: Block, combined: Float64Array): void;
  /**
   * For the next commit, once every block was taken: per tensor `velocity/NAME`, or `first-moment/NAME` and `second-moment/NAME`.
   * Null when there is none.
   */
  readonly state: Weights | null;
}

/**
 * One step from the combined update Δ of the trained weights.
 * - sgd: v ← βv + Δ, step v, from v = 0.
 * - adam: m ← β₁m + (1−β₁)Δ, v ← β₂v + (1−β₂)Δ², step m / (√v + τ), from m = 0 and v = τ².
 * - yogi: the same with v ← v − (1−β₂)Δ² sign(v−Δ²).
 * @param trained the weights that it moves. @param earlier what the previous commit returned; null for the first.
 */
export function openServerStep(
  optimizer: ServerOptimizer,
  trained: WeightLayout,
  earlier: TensorValues | null,
): ServerStep {
  if (optimizer.kind === 'sgd' && optimizer.momentum === 0) return { take: () => {}, state: null };
  const initial: Readonly<Record<string, number>> =
    optimizer.kind === 'sgd' ? { velocity: 0 } : { 'first-moment': 0, 'second-moment': optimizer.tau ** 2 };
  const state = new Map<string, WeightTensor>();
  for (const [name, { shape }] of trained) {
    for (const part of Object.keys(initial)) {
      state.set(`${part}/${name}`, { shape, values: new Float32Array(valueCount(shape)) });
    }
  }
  const kept = (part: string, { tensor, from, count }: Block): Float32Array => {
    const key = `${part}/${tensor}`;
    const values = state.get(key)!.values.subarray(from, from + count);
    if (earlier === null) values.fill(initial[part]!);
    else earlier.read(key, from, values);
    return values;
  };
  return {
    take(block, combined) {
      if (optimizer.kind === 'sgd') takeMomentum(combined, kept('velocity', block), optimizer.momentum);
      else takeAdaptive(combined, kept('first-moment', block), kept('second-moment', block), optimizer);
    },
    state,
  };
}

/** Changes `update` to the step and `velocity` to the next. */
function takeMomentum(update: Float64Array, velocity: Float32Array, momentum: number): void {
  for (let index = 0; index < update.length; index += 1) {
    update[index]! += momentum * velocity[index]!;
    velocity[index] = update[index]!;
  }
}

/** Changes `update` to the step, `first` and `second` to the next moments. */
function takeAdaptive(
  update: Float64Array,
  first: Float32Array,
  second: Float32Array,
  { kind, beta1, beta2, tau }: Exclude<ServerOptimizer, { kind: 'sgd' }>,
): void {
  for (let index = 0; index < update.length; index += 1) {
    const change = update[index]!;
    const square = change * change;
    const m = beta1 * first[index]! + (1 - beta1) * change;
    const before = second[index]!;
    const v =
      kind === 'adam'
        ? beta2 * before + (1 - beta2) * square
        : before - (1 - beta2) * square * Math.sign(before - square);
    first[index] = m;
    second[index] = v;
    update[index] = m / (Math.sqrt(v) + tau);
  }
}
