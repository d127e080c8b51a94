// The server's optimiser: what the hub makes of a combined update before it moves the trunk. Reddi et al. 2021 (arXiv 2003.00295),
// Algorithm 2, without bias correction as there; sgd with momentum is FedAvgM (arXiv 1909.06335).
// State is kept as float32, in memory as on the disk: a hub that was killed goes on to the same bits.
import type { ServerOptimizer } from '../../contract/federation.ts';
import type { CombinedUpdate } from './combination.ts';
import type { Weights, WeightTensor } from './weights.ts';

export interface ServerStep {
  /** To be multiplied with the server's learning rate and added to the trunk. */
  readonly step: CombinedUpdate;
  /** For the next commit: per tensor `velocity/NAME`, or `first-moment/NAME` and `second-moment/NAME`. Null when there is none. */
  readonly state: Weights | null;
}

/**
 * One step from the combined update Δ of the trained weights.
 * - sgd: v ← βv + Δ, step v, from v = 0.
 * - adam: m ← β₁m + (1−β₁)Δ, v ← β₂v + (1−β₂)Δ², step m / (√v + τ), from m = 0 and v = τ².
 * - yogi: the same with v ← v − (1−β₂)Δ² sign(v−Δ²).
 * @param state what the previous commit returned; null for the first.
 */
export function serverStep(
  optimizer: ServerOptimizer,
  combined: CombinedUpdate,
  layout: Weights,
  state: Weights | null,
): ServerStep {
  if (optimizer.kind === 'sgd' && optimizer.momentum === 0) return { step: combined, state: null };
  const step = new Map<string, Float64Array>();
  const next = new Map<string, WeightTensor>();
  for (const [name, update] of combined) {
    const shape = layout.get(name)!.shape;
    const keep = (part: string, initial: number): Float32Array => {
      const key = `${part}/${name}`;
      const earlier = state?.get(key)?.values;
      if (earlier !== undefined && earlier.length !== update.length)
        throw new RangeError(`${key} is of another network`);
      const values = earlier === undefined ? new Float32Array(update.length).fill(initial) : earlier.slice();
      next.set(key, { shape, values });
      return values;
    };
    if (optimizer.kind === 'sgd') {
      step.set(name, momentumStep(update, keep('velocity', 0), optimizer.momentum));
    } else {
      const first = keep('first-moment', 0);
      const second = keep('second-moment', optimizer.tau ** 2);
      step.set(name, adaptiveStep(update, first, second, optimizer));
    }
  }
  return { step, state: next };
}

/** Changes `velocity` to the next. */
function momentumStep(update: Float64Array, velocity: Float32Array, momentum: number): Float64Array {
  const step = new Float64Array(update.length);
  for (let index = 0; index < step.length; index += 1) {
    step[index] = update[index]! + momentum * velocity[index]!;
    velocity[index] = step[index]!;
  }
  return step;
}

/** Changes `first` and `second` to the next moments. */
function adaptiveStep(
  update: Float64Array,
  first: Float32Array,
  second: Float32Array,
  { kind, beta1, beta2, tau }: Exclude<ServerOptimizer, { kind: 'sgd' }>,
): Float64Array {
  const step = new Float64Array(update.length);
  for (let index = 0; index < step.length; index += 1) {
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
    step[index] = m / (Math.sqrt(v) + tau);
  }
  return step;
}
