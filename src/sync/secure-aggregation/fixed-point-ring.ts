// Updates as whole numbers modulo 2³², where masks cancel without a trace: unsigned 32-bit, 2²² units per 1, negative numbers as
// their two's complement. All tensors of the layout one after the other, row-major, little-endian on the wire.
import type { Weights } from '../aggregation/weights.ts';
import { maskingFault } from './faults.ts';
import { maskingLimits } from './limits.ts';

const { unitsPerOne, magnitude } = maskingLimits;

/** Adding this to |x| ≤ 2⁵¹ leaves no bits for a fraction: x + toWhole − toWhole is x rounded, several times faster than Math.round. */
const toWhole = 1.5 * 2 ** 52;

/** Why these values cannot be added up exactly, or null. @throws nothing. */
export function ringFault(update: Weights): ReturnType<typeof maskingFault.outOfRange> | null {
  for (const [name, { values }] of update) {
    for (const value of values) if (!(Math.abs(value) <= magnitude)) return maskingFault.outOfRange(name, magnitude);
  }
  return null;
}

/**
 * `share × update`, each value rounded to a unit. `share` in [0, 1]; the shares of one sum add up to 1 at most.
 * @throws Fault 593 for a value beyond ±511.
 */
export function encodeRing(update: Weights, share: number): Uint32Array {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`the share of an update is ${share}`);
  const fault = ringFault(update);
  if (fault !== null) throw fault;
  const ring = new Uint32Array([...update.values()].reduce((count, { values }) => count + values.length, 0));
  const signed = new Int32Array(ring.buffer);
  const factor = share * unitsPerOne;
  let at = 0;
  for (const { values } of update.values()) {
    for (let index = 0; index < values.length; index += 1) signed[at++] = factor * values[index]! + toWhole - toWhole;
  }
  return ring;
}

/** Fills `into` with the numbers of a ring, or of a part of one, each times `factor`. */
export function decodeRing(ring: Uint32Array, into: Float64Array, factor: number): void {
  for (let index = 0; index < into.length; index += 1) into[index] = ((ring[index]! | 0) / unitsPerOne) * factor;
}

/** Adds `other` to `ring`, modulo 2³². */
export function addToRing(ring: Uint32Array, other: Uint32Array): void {
  if (ring.length !== other.length) throw new RangeError('rings of different lengths');
  const [sum, added] = [asSigned(ring), asSigned(other)];
  for (let index = 0; index < sum.length; index += 1) sum[index] = (sum[index]! + added[index]!) | 0;
}

/** The same bits: modulo 2³² sums of signed and unsigned numbers are one, and the runtime adds signed ones several times faster. */
export function asSigned(ring: Uint32Array): Int32Array {
  return new Int32Array(ring.buffer, ring.byteOffset, ring.length);
}

/** The ring as it travels. Every platform that Node and Electron run on is little-endian. */
export function ringBytes(ring: Uint32Array): Uint8Array {
  return new Uint8Array(ring.buffer, ring.byteOffset, ring.byteLength);
}

export function ringOfBytes(bytes: Uint8Array): Uint32Array {
  return bytes.byteOffset % 4 === 0
    ? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
    : new Uint32Array(bytes.slice().buffer);
}
