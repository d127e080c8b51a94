// The colours of PALETTE COLOR images (PS3.3 C.7.6.3.1.5): three lookup tables, plain or segmented, 8 or 16 bits deep.
import type { Palette } from '../../../contract/dicom.ts';
import type { DataSet } from '../dataset.ts';
import { bytesAt, numbersAt } from './attributes.ts';
import { pixelFaults } from './faults.ts';

const paletteTags = {
  descriptors: [0x00281101, 0x00281102, 0x00281103],
  tables: [0x00281201, 0x00281202, 0x00281203],
  segmentedTables: [0x00281221, 0x00281222, 0x00281223],
} as const;

/** Null where the data set has no palette. @throws Fault 152 where it has an unusable one. */
export function paletteOf(dataset: DataSet): Palette | null {
  const descriptor = numbersAt(dataset, dataset, paletteTags.descriptors[0], 3);
  if (descriptor === null) return null;
  const [declared = 0, first = 0, depth = 8] = descriptor;
  const entries = declared === 0 ? 65536 : declared & 0xffff;
  const colors = new Uint8Array(entries * 3);
  for (let channel = 0; channel < 3; channel += 1) {
    const values = channelValues(dataset, channel, entries, depth);
    for (let entry = 0; entry < entries; entry += 1) colors[entry * 3 + channel] = values[entry]!;
  }
  // The second number is read as US or SS by the pixels' own representation; beyond 32767 it is meant as negative.
  return { firstValue: first > 32767 ? first - 65536 : first, colors };
}

/** One channel, 8 bits deep. */
function channelValues(dataset: DataSet, channel: number, entries: number, depth: number): Uint8Array {
  const plain = bytesAt(dataset, dataset, paletteTags.tables[channel]!);
  if (plain.length === 0) {
    const words = wordsOf(bytesAt(dataset, dataset, paletteTags.segmentedTables[channel]!), dataset.bigEndian);
    return Uint8Array.from(expanded(words, entries), (value) => value >> 8);
  }
  // 8-bit tables are packed two to a word; some writers say 16 bits and pack all the same, or the other way round.
  if (plain.length < entries * 2) {
    if (plain.length < entries) throw pixelFaults.badDescription('its colour palette is cut short');
    return plain.subarray(0, entries);
  }
  const words = wordsOf(plain, dataset.bigEndian).subarray(0, entries);
  // Writers exist that say 16 bits and use only the low 8.
  const isLow = depth <= 8 || words.every((word) => word < 256);
  return Uint8Array.from(words, (word) => (isLow ? word : word >> 8));
}

function wordsOf(bytes: Uint8Array, bigEndian: boolean): Uint16Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint16Array.from({ length: bytes.length >> 1 }, (_, index) => view.getUint16(index * 2, !bigEndian));
}

/** Discrete, linear and indirect segments (PS3.3 C.7.9.2). */
function expanded(words: Uint16Array, entries: number): Uint16Array {
  const out = new Uint16Array(entries);
  let to = 0;
  const put = (value: number): void => {
    if (to < entries) out[to] = value;
    to += 1;
  };
  const run = (from: number, segments: number, depth: number): number => {
    let at = from;
    for (let segment = 0; segment < segments && at + 1 < words.length; segment += 1) {
      if (to >= entries) break;
      const kind = words[at]!;
      const length = words[at + 1]!;
      at += 2;
      if (kind === 0) {
        for (let index = 0; index < length; index += 1) put(words[at + index] ?? 0);
        at += length;
      } else if (kind === 1) {
        const start = to > 0 ? out[Math.min(to, entries) - 1]! : 0;
        const end = words[at] ?? 0;
        for (let index = 1; index <= length; index += 1) put(Math.round(start + ((end - start) * index) / length));
        at += 1;
      } else if (kind === 2 && depth === 0) {
        const offset = (words[at] ?? 0) + (words[at + 1] ?? 0) * 65536;
        run(offset >> 1, length, 1);
        at += 2;
      } else {
        throw pixelFaults.badDescription('its colour palette has a segment of unknown kind');
      }
    }
    return at;
  };
  run(0, Number.POSITIVE_INFINITY, 0);
  if (to < entries) throw pixelFaults.badDescription('its colour palette is cut short');
  return out;
}
