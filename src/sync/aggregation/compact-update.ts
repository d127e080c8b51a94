// Updates in an eighth of their bytes and less: values as whole numbers of 8 bits in blocks that share a scale, of every weight
// (`int8`) or of those that changed most (`top-k`). What is lost on the way is not lost for good: a site adds it to its
// next update (error feedback: Seide et al., Interspeech 2014; Stich et al., arXiv 1809.07599).
/// <reference lib="esnext.float16" />
import { float32Tensor, float32Values, type Tensor } from '../../contract/safetensors.ts';
import { aggregationFault } from './faults.ts';
import type { Weights, WeightTensor } from './weights.ts';

export const compactCodecs = ['int8', 'top-k'] as const;
export type CompactCodec = (typeof compactCodecs)[number];

/** Values that share a scale. */
const blockValues = 256;
const largestLevel = 127;
export interface CompactForm {
  readonly updateCodec: CompactCodec;
  /** Of the weights of a tensor, how many travel with `top-k`. */
  readonly keptShare: number;
}
/** Smaller tensors, biases and what batch norm measured among them, travel as float16: their bytes do not count. */
const fewestValues = 1_024;

const scalesOf = (name: string): string => `${name}/scales`;
const placesOf = (name: string): string => `${name}/places`;

function isCompacted({ shape, values }: WeightTensor): boolean {
  return shape.length > 1 && values.length >= fewestValues;
}
/** How many of a tensor's values travel; null: all of them. */
const keptCount = (values: number, { updateCodec, keptShare }: CompactForm): number | null =>
  updateCodec === 'top-k' ? Math.ceil(values * keptShare) : null;
const blockCount = (values: number): number => Math.ceil(values / blockValues);

/** The tensors of the wire, by name. Values must be finite; a value's error is at most half a 127th of its block's largest. */
export function compactTensors(update: Weights, form: CompactForm): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of update) {
    const { shape, values } = tensor;
    if (!isCompacted(tensor)) {
      tensors.set(name, { elementType: 'F16', shape, bytes: new Uint8Array(new Float16Array(values).buffer) });
      continue;
    }
    const kept = keptCount(values.length, form);
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
export function mostCompactBytes(layout: Weights, form: CompactForm): number {
  let bytes = 0;
  for (const tensor of layout.values()) {
    const count = tensor.values.length;
    const kept = keptCount(count, form);
    if (!isCompacted(tensor)) bytes += count * 2;
    else if (kept === null) bytes += count + blockCount(count) * 4;
    // A gap takes a second byte for each 128 weights that it passes over, at most.
    else bytes += kept * 2 + Math.ceil(count / 128) + blockCount(kept) * 4;
    bytes += 3 * 8;
  }
  return bytes;
}

/**
 * The update in these tensors, which come from outside: exactly the layout's, in its order. Values are not looked at here.
 * @throws Fault 550 (places or scales that make no sense), 552 (other tensors), 553 (other sizes), 554 (other codec).
 */
export function updateOfCompact(
  tensors: ReadonlyMap<string, Tensor>,
  layout: Weights,
  form: CompactForm,
): Map<string, WeightTensor> {
  const update = new Map<string, WeightTensor>();
  const known = new Set<string>();
  const take = (name: string, elementType: Tensor['elementType'], shape: readonly number[] | null): Tensor => {
    known.add(name);
    const tensor = tensors.get(name);
    if (tensor === undefined) throw aggregationFault.otherTensors(`tensor ${name} is missing`);
    if (tensor.elementType !== elementType) throw aggregationFault.otherCodec(tensor.elementType, form.updateCodec);
    if (shape !== null && tensor.shape.join() !== shape.join())
      throw aggregationFault.otherShape(name, tensor.shape, shape);
    return tensor;
  };
  for (const [name, tensor] of layout) {
    const { shape } = tensor;
    const count = tensor.values.length;
    if (!isCompacted(tensor)) {
      const { buffer, byteOffset } = take(name, 'F16', shape).bytes;
      update.set(name, { shape, values: new Float32Array(new Float16Array(buffer, byteOffset, count)) });
      continue;
    }
    const kept = keptCount(count, form);
    const sent = kept ?? count;
    const levels = take(name, 'I8', [sent]).bytes;
    const scales = float32Values(take(scalesOf(name), 'F32', [blockCount(sent)]));
    for (const scale of scales) {
      if (!(scale >= 0 && Number.isFinite(scale))) throw aggregationFault.unreadable(`a scale of ${name} is ${scale}`);
    }
    const places = kept === null ? null : unpackedPlaces(take(placesOf(name), 'U8', null).bytes, kept, count);
    if (places === 'damaged') throw aggregationFault.unreadable(`the places of ${name} do not fit the tensor`);
    const values = new Float32Array(count);
    for (let index = 0; index < sent; index += 1) {
      const level = (levels[index]! << 24) >> 24;
      values[places === null ? index : places[index]!] = level * scales[Math.floor(index / blockValues)]!;
    }
    update.set(name, { shape, values });
  }
  for (const name of tensors.keys()) {
    if (!known.has(name)) throw aggregationFault.otherTensors(`tensor ${name.slice(0, 100)} is not part of it`);
  }
  return update;
}

function quantised(values: Float32Array): { levels: Int8Array; scales: Float32Array } {
  const levels = new Int8Array(values.length);
  const scales = new Float32Array(blockCount(values.length));
  for (let block = 0; block < scales.length; block += 1) {
    const end = Math.min(values.length, (block + 1) * blockValues);
    let largest = 0;
    for (let index = block * blockValues; index < end; index += 1)
      largest = Math.max(largest, Math.abs(values[index]!));
    scales[block] = largest / largestLevel;
    const scale = scales[block]!;
    if (scale === 0) continue;
    for (let index = block * blockValues; index < end; index += 1) {
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

/** Gaps between places, 7 bits a byte, the low ones first; the eighth bit says that more follow (LEB128). */
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

function unpackedPlaces(bytes: Uint8Array, count: number, end: number): Uint32Array | 'damaged' {
  const places = new Uint32Array(count);
  let at = 0;
  let next = 0;
  for (let index = 0; index < count; index += 1) {
    let gap = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at];
      // Four bytes reach further than any tensor.
      if (byte === undefined || shift > 21) return 'damaged';
      at += 1;
      gap += (byte & 127) << shift;
      if (byte < 128) break;
    }
    const place = next + gap;
    if (place >= end) return 'damaged';
    places[index] = place;
    next = place + 1;
  }
  return at === bytes.length ? places : 'damaged';
}
