// How one weight of a network begins. Apart, so that the thread that draws loads nothing else.
import { randomStream, standardNormals } from '../run/random.ts';

export interface WeightDraw {
  readonly name: string;
  /** Its place in the canonical order, which names its stream: adding a layer moves no other weight's values. */
  readonly index: number;
  readonly count: number;
  readonly from: { readonly normalStdDev: number } | { readonly constant: number };
}

/** The first values of this weight; the same seed gives the same ones. */
export function drawn({ index, count, from }: WeightDraw, seed: number): Float32Array {
  if ('constant' in from) return new Float32Array(count).fill(from.constant);
  const values = standardNormals(randomStream(seed, index, 0x77656967), count);
  // In place: a network has millions of them.
  for (let place = 0; place < count; place += 1) values[place]! *= from.normalStdDev;
  return values;
}
