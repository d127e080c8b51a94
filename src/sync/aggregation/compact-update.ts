// Updates in an eighth of their bytes and less: values as whole numbers of 8 bits in blocks that share a scale, of every weight
// (`int8`) or of those that changed most (`top-k`). What is lost on the way is not lost for good: a site adds it to its
// next update (error feedback: Seide et al., Interspeech 2014; Stich et al., arXiv 1809.07599).
/// <reference lib="esnext.float16" />
import { float32Tensor, type Tensor } from '../../contract/safetensors.ts';
import { scaledValues } from './compact-values.ts';
import { variateOf } from './variate-name.ts';
import { valueCount, type WeightLayout, type Weights } from './weights.ts';

export const compactCodecs = ['int8', 'top-k'] as const;
export type CompactCodec = (typeof compactCodecs)[number];

const largestLevel = 127;
export interface CompactForm {
  readonly updateCodec: CompactCodec;
  /** Of the weights of a tensor, how many travel with `top-k`. */
  readonly keptShare: number;
}
/** Smaller tensors, biases and what batch norm measured among them, travel as float16: their bytes do not count. */
const fewestValues = 1_024;

export const scalesOf = (name: string): string => `${name}/scales`;
export const placesOf = (name: string): string => `${name}/places`;

export function isCompacted(shape: readonly number[]): boolean {
  return shape.length > 1 && valueCount(shape) >= fewestValues;
}
/** How many of a tensor's values travel; null: all of them. A control variate takes the place of the last one, so that none can be left out. */
export function keptCount(name: string, values: number, { updateCodec, keptShare }: CompactForm): number | null {
  return updateCodec === 'top-k' && variateOf(name) === null ? Math.ceil(values * keptShare) : null;
}
export const scaleCount = (values: number): number => Math.ceil(values / scaledValues);

/** The tensors of the wire, by name. Values must be finite; a value's error is at most half a 127th of its block's largest. */
export function compactTensors(update: Weights, form: CompactForm): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [name, { shape, values }] of update) {
    if (!isCompacted(shape)) {
      tensors.set(name, { elementType: 'F16', shape, bytes: new Uint8Array(new Float16Array(values).buffer) });
      continue;
    }
    const kept = keptCount(name, values.length, form);
    const places = kept === null ? null : largestPlaces(values, kept);
    const sent = places === null ? values : Float32Array.from(places, (place) => values[place]!);
    const { levels, scales } = quantised(sent);
    tensors.set(name, {
      elementType: 'I8',
      shape: [sent.length],
      bytes: new Uint8Array(levels.buffer, 0, levels.byteLength),
    });
    tensors.set(scalesOf(name), float32Tensor(scales, [scales.length]));
    if (places !== null) {
      const bytes = packedPlaces(places);
      tensors.set(placesOf(name), { elementType: 'U8', shape: [bytes.length], bytes });
    }
  }
  return tensors;
}

/** Most bytes of the tensors above, without the file's header. */
export function mostCompactBytes(layout: WeightLayout, form: CompactForm): number {
  let bytes = 0;
  for (const [name, { shape }] of layout) {
    const count = valueCount(shape);
    const kept = keptCount(name, count, form);
    if (!isCompacted(shape)) bytes += count * 2;
    else if (kept === null) bytes += count + scaleCount(count) * 4;
    // A gap takes a second byte for each 128 weights that it passes over, at most.
    else bytes += kept * 2 + Math.ceil(count / 128) + scaleCount(kept) * 4;
    bytes += 3 * 8;
  }
  return bytes;
}

function quantised(values: Float32Array): { levels: Int8Array; scales: Float32Array } {
  const levels = new Int8Array(values.length);
  const scales = new Float32Array(scaleCount(values.length));
  for (let block = 0; block < scales.length; block += 1) {
    const end = Math.min(values.length, (block + 1) * scaledValues);
    let largest = 0;
    for (let index = block * scaledValues; index < end; index += 1)
      largest = Math.max(largest, Math.abs(values[index]!));
    scales[block] = largest / largestLevel;
    const scale = scales[block]!;
    if (scale === 0) continue;
    for (let index = block * scaledValues; index < end; index += 1) {
      levels[index] = Math.max(-largestLevel, Math.min(largestLevel, Math.round(values[index]! / scale)));
    }
  }
  return { levels, scales };
}

/** Places of the `count` values that are largest without their sign, in rising order; of equal ones the first. */
function largestPlaces(values: Float32Array, count: number): Uint32Array {
  // Floats without their sign are in the order of their bits: two counts of 16 bits each find the last one kept, in one pass each.
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const magnitude = (index: number): number => bits[index]! & 0x7fff_ffff;
  const upper = new Uint32Array(1 << 15);
  for (let index = 0; index < bits.length; index += 1) upper[magnitude(index) >>> 16]! += 1;
  const { bin: high, above } = lastBin(upper, count);
  const lower = new Uint32Array(1 << 16);
  for (let index = 0; index < bits.length; index += 1) {
    if (magnitude(index) >>> 16 === high) lower[magnitude(index) & 0xffff]! += 1;
  }
  const { bin: low, above: aboveLow } = lastBin(lower, count - above);
  const last = ((high << 16) | low) >>> 0;
  let equalsLeft = count - above - aboveLow;
  const places = new Uint32Array(count);
  let found = 0;
  for (let index = 0; index < bits.length && found < count; index += 1) {
    const size = magnitude(index);
    if (size < last) continue;
    if (size === last) {
      if (equalsLeft === 0) continue;
      equalsLeft -= 1;
    }
    places[found] = index;
    found += 1;
  }
  return places;
}

/** The bin in which the `count`-th largest lies, and how many lie above that bin. */
function lastBin(bins: Uint32Array, count: number): { bin: number; above: number } {
  let above = 0;
  for (let bin = bins.length - 1; bin > 0; bin -= 1) {
    if (above + bins[bin]! >= count) return { bin, above };
    above += bins[bin]!;
  }
  return { bin: 0, above };
}

/** Gaps between places, 7 bits a byte, the low ones first; the eighth bit says that more follow (LEB128): compact-values.ts reads them. */
function packedPlaces(places: Uint32Array): Uint8Array {
  const bytes: number[] = [];
  let next = 0;
  for (const place of places) {
    let gap = place - next;
    for (; gap >= 128; gap >>>= 7) bytes.push((gap & 127) | 128);
    bytes.push(gap);
    next = place + 1;
  }
  return Uint8Array.from(bytes);
}
