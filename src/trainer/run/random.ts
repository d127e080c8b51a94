// Seeded random numbers for runs and bootstraps: reproducible everywhere, never for secrets or for privacy noise.
// Streams are derived from their purpose (seed, epoch, example…), so that a resumed run needs no generator state.

export interface Random {
  /** The next 32 random bits, 0…2³²−1. */
  bits(): number;
  /** Uniform in [0, 1). */
  uniform(): number;
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
    below: (end) => Math.floor((bits() / 2 ** 32) * end),
  };
}

function mixed(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** `count` standard normal numbers (Box–Muller). */
export function standardNormals(random: Random, count: number): Float32Array {
  const values = new Float32Array(count);
  for (let index = 0; index < count; index += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()));
    const angle = 2 * Math.PI * random.uniform();
    values[index] = radius * Math.cos(angle);
    if (index + 1 < count) values[index + 1] = radius * Math.sin(angle);
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
