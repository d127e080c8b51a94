// Seeded random numbers for runs and bootstraps: reproducible everywhere, never for secrets or for privacy noise.
// Streams are derived from their purpose (seed, epoch, example…), so that a resumed run needs no generator state.
import { circlePoint } from './circle-point.ts';

export interface Random {
  /** The next 32 random bits, 0…2³²−1. */
  bits(): number;
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Fills with what so many calls of `uniform` return. */
  uniforms(into: Float64Array): void;
  /** Uniform integer in [0, end), for 1 ≤ end ≤ 2³². */
  below(end: number): number;
}

/**
 * The stream named by these integers; the same names give the same stream.
 * sfc32 of PractRand (Chris Doty-Humphrey), seeded through the finaliser of MurmurHash3.
 */
export function randomStream(...names: readonly number[]): Random {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = 0xb7e15162;
  let counter = 1;
  for (const name of names) {
    a = mixed(a ^ name);
    b = mixed((b + a) | 0);
    c = mixed(c ^ b);
  }
  const bits = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  };
  for (let warmUp = 0; warmUp < 12; warmUp += 1) bits();
  return {
    bits,
    uniform: () => bits() / 2 ** 32,
    uniforms(into) {
      // As `bits`, its state in variables of this loop: a third of the time.
      let [first, second, third, step] = [a, b, c, counter];
      for (let index = 0; index < into.length; index += 1) {
        const sum = (first + second + step) | 0;
        step = (step + 1) | 0;
        first = second ^ (second >>> 9);
        second = (third + (third << 3)) | 0;
        third = (((third << 21) | (third >>> 11)) + sum) | 0;
        into[index] = (sum >>> 0) / 2 ** 32;
      }
      [a, b, c, counter] = [first, second, third, step];
    },
    below: (end) => Math.floor((bits() / 2 ** 32) * end),
  };
}

function mixed(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Uniform numbers drawn at once; even, since a pair makes two normal ones. */
const blockLength = 1_024;

/** `count` standard normal numbers (Box–Muller). */
export function standardNormals(random: Random, count: number): Float32Array {
  const values = new Float32Array(count);
  const block = new Float64Array(Math.min(blockLength, count + (count % 2)));
  const point = new Float64Array(2);
  for (let start = 0; start < count; start += block.length) {
    const pairs = Math.min(block.length, count - start + ((count - start) % 2));
    const uniforms = block.subarray(0, pairs);
    random.uniforms(uniforms);
    for (let index = 0; index < pairs; index += 2) {
      const radius = Math.sqrt(-2 * Math.log(1 - uniforms[index]!));
      circlePoint(2 * Math.PI * uniforms[index + 1]!, point);
      values[start + index] = radius * point[0]!;
      // Of an odd number the last one is let go: nothing is written beyond the end.
      values[start + index + 1] = radius * point[1]!;
    }
  }
  return values;
}

/** The values in the order of one epoch: a Fisher–Yates shuffle that depends on seed and epoch only. */
export function shuffled(values: Int32Array, seed: number, epoch: number): Int32Array {
  const order = values.slice();
  const random = randomStream(seed, epoch, 0x73687566);
  for (let index = order.length - 1; index > 0; index -= 1) {
    const other = random.below(index + 1);
    const value = order[index]!;
    order[index] = order[other]!;
    order[other] = value;
  }
  return order;
}
