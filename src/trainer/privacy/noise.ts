// Chance that a privacy promise rests on: bytes of the operating system's generator, never of a seed.
import { randomFillSync } from 'node:crypto';
import { type Random, randomStream } from '../run/random.ts';

export interface Chance {
  /** Uniform in [0, 1), 53 random bits. */
  uniform(): number;
  /** A standard normal number, in double precision. */
  normal(): number;
}

/** Bytes drawn from the operating system at a time. */
const poolBytes = 65_536;

/** The only source for training: `node:crypto`. */
export function cryptographicChance(): Chance {
  const pool = new DataView(new ArrayBuffer(poolBytes));
  let at = poolBytes;
  return chanceFrom(() => {
    if (at === poolBytes) {
      randomFillSync(new Uint8Array(pool.buffer));
      at = 0;
    }
    at += 4;
    return pool.getUint32(at - 4);
  });
}

/** No noise and no choice, for the self-test of an engine. It keeps no promise. */
export const silentChance: Chance = { uniform: () => 0, normal: () => 0 };

/** The same numbers for the same seed, for tests of what surrounds the noise. It keeps no promise. */
export function testChance(testSeed: number): Chance {
  const random: Random = randomStream(testSeed, 0x6e6f6973);
  return chanceFrom(() => random.bits());
}

/**
 * Four Box–Muller numbers are halved and summed: one alone can be told apart by the gaps between the doubles that it can
 * take (Mironov 2012, DOI 10.1145/2382196.2382264); a sum of n falls into far more places (Holohan and Braghin,
 * arXiv 2107.10138).
 */
function chanceFrom(bits: () => number): Chance {
  // 2⁻⁵³ × 53 bits, in two halves that a double holds exactly.
  const uniform = (): number => ((bits() >>> 5) * 67_108_864 + (bits() >>> 6)) / 9_007_199_254_740_992;
  const pair = (): number => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    // Cosine and sine are independent: their sum has variance 2.
    return radius * (Math.cos(angle) + Math.sin(angle));
  };
  return { uniform, normal: () => (pair() + pair()) / 2 };
}

/** Each of the examples with probability `sampleRate`, independently of the others: any number of them, also none. */
export function poissonSample(examples: Int32Array, sampleRate: number, chance: Chance): Int32Array {
  return examples.filter(() => chance.uniform() < sampleRate);
}
