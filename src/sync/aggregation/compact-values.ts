// What compact updates hold, read a block at a time. The bytes come from outside: scales and places that make no sense are refused
// where they are met.
import { bytesOf, type ByteRanges } from './byte-ranges.ts';
import { aggregationFault } from './faults.ts';
import { blockValues } from './tensor-values.ts';

/** Values that share a scale. */
export const scaledValues = 256;

/** A tensor's place in a file of `bytes`. */
export interface CompactTensor {
  readonly name: string;
  readonly bytes: ByteRanges;
  /** Of all its values. */
  readonly count: number;
  /** How many of these were sent. */
  readonly sent: number;
  readonly levelsAt: number;
  readonly scalesAt: number;
  /** Of `top-k` only: where the places of the sent values begin and end. */
  readonly places: { readonly start: number; readonly end: number } | null;
}

/** Fills `into` with values from `from` on, in order; from 0 again as often as wanted. @throws Fault 550 for damaged ones. */
export type ReadValues = (from: number, into: Float32Array) => void;

export function compactValues(tensor: CompactTensor): ReadValues {
  return tensor.places === null ? denseValues(tensor) : placedValues(tensor, tensor.places);
}

function denseValues(tensor: CompactTensor): ReadValues {
  const { bytes, levelsAt } = tensor;
  let levels = new Int8Array(0);
  const scaleOf = openScales(tensor);
  return (from, into) => {
    if (levels.length < into.length) levels = new Int8Array(into.length);
    const some = levels.subarray(0, into.length);
    bytes.read(levelsAt + from, bytesOf(some));
    for (let index = 0; index < into.length;) {
      const scale = scaleOf(from + index);
      const end = Math.min(into.length, index + scaledValues - ((from + index) % scaledValues));
      for (; index < end; index += 1) into[index] = some[index]! * scale;
    }
  };
}

function placedValues(tensor: CompactTensor, { start, end }: { start: number; end: number }): ReadValues {
  const { name, bytes, count, sent, levelsAt } = tensor;
  const damaged = (): Error => aggregationFault.unreadable(`the places of ${name} do not fit the tensor`);
  const scaleOf = openScales(tensor);
  const level = inPieces(bytes, levelsAt, levelsAt + sent);
  const gapByte = inPieces(bytes, start, end);
  /** How many were read, where that ended, and the place of the next. */
  const cursor = { taken: 0, at: 0, place: 0 };

  /** LEB128: 7 bits a byte, the low ones first; the eighth says that more follow. */
  const nextPlace = (after: number): number => {
    if (cursor.taken === sent) return count;
    let gap = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = gapByte.next();
      // Four bytes reach further than any tensor.
      if (byte === null || shift > 21) throw damaged();
      gap += (byte & 127) << shift;
      if (byte < 128) break;
    }
    if (after + gap >= count) throw damaged();
    return after + gap;
  };
  return (from, into) => {
    if (from === 0) {
      level.restart();
      gapByte.restart();
      cursor.taken = 0;
      cursor.place = nextPlace(0);
    } else if (from !== cursor.at) throw new RangeError(`tensor ${name} is read in order`);
    into.fill(0);
    const until = from + into.length;
    while (cursor.place < until) {
      const { place, taken } = cursor;
      into[place - from] = ((level.next()! << 24) >> 24) * scaleOf(taken);
      cursor.taken += 1;
      cursor.place = nextPlace(place + 1);
    }
    cursor.at = until;
    if (until === count && (cursor.taken < sent || gapByte.next() !== null)) throw damaged();
  };
}

/** The scale of the sent value at an index; those of a block of values are held. */
function openScales({ name, bytes, sent, scalesAt }: CompactTensor): (index: number) => number {
  const all = Math.ceil(sent / scaledValues);
  const scales = new Float32Array(Math.min(all, blockValues / scaledValues));
  let first = -1;
  return (index) => {
    const wanted = Math.floor(index / scaledValues);
    if (first < 0 || wanted < first || wanted >= first + scales.length) {
      first = wanted;
      const some = scales.subarray(0, Math.min(scales.length, all - first));
      bytes.read(scalesAt + 4 * first, bytesOf(some));
      for (const scale of some) {
        if (!(scale >= 0 && Number.isFinite(scale))) {
          first = -1;
          throw aggregationFault.unreadable(`a scale of ${name} is ${scale}`);
        }
      }
    }
    return scales[wanted - first]!;
  };
}

/** Bytes from `start` to `end`, one after the other; null after the last. */
function inPieces(bytes: ByteRanges, start: number, end: number): { next(): number | null; restart(): void } {
  const piece = new Uint8Array(Math.min(end - start, 16_384));
  let held = 0;
  let at = 0;
  let read = start;
  return {
    next() {
      if (at === held) {
        if (read === end) return null;
        held = Math.min(piece.length, end - read);
        bytes.read(read, piece.subarray(0, held));
        read += held;
        at = 0;
      }
      at += 1;
      return piece[at - 1]!;
    },
    restart() {
      held = 0;
      at = 0;
      read = start;
    },
  };
}
