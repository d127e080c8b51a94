// What a JPEG stream defines on its way: quantisation and Huffman tables, the restart interval, scan headers (Annex B.2).
import { pixelFaults } from '../faults.ts';
import { huffmanTable, type HuffmanTable } from './entropy.ts';
import type { Segment } from './markers.ts';

export interface JpegTables {
  /** In zigzag order. */
  readonly quantisation: (Uint16Array | undefined)[];
  readonly dc: (HuffmanTable | undefined)[];
  readonly ac: (HuffmanTable | undefined)[];
  restartInterval: number;
}

export interface ScanComponent {
  readonly id: number;
  readonly dc: number;
  readonly ac: number;
}

export interface ScanHeader {
  readonly components: readonly ScanComponent[];
  /** Spectral selection; the predictor in lossless scans. */
  readonly start: number;
  readonly end: number;
  /** Successive approximation: the bit before and the bit now; the latter is the point transform in lossless scans. */
  readonly high: number;
  readonly low: number;
}

export const emptyTables = (): JpegTables => ({ quantisation: [], dc: [], ac: [], restartInterval: 0 });

/** Takes in a table segment; others are left alone. @throws Fault 155. */
export function readTables(bytes: Uint8Array, segment: Segment, tables: JpegTables): void {
  const { marker, offset, end } = segment;
  if (marker === 0xdb) readQuantisation(bytes, offset, end, tables);
  if (marker === 0xc4) readHuffman(bytes, offset, end, tables);
  if (marker === 0xdd && end - offset >= 2) tables.restartInterval = (bytes[offset]! << 8) | bytes[offset + 1]!;
}

function readQuantisation(bytes: Uint8Array, offset: number, end: number, tables: JpegTables): void {
  for (let at = offset; at < end;) {
    const isWide = bytes[at]! >> 4 !== 0;
    const id = bytes[at]! & 3;
    const size = isWide ? 128 : 64;
    if (at + 1 + size > end) throw cutShort();
    const table = new Uint16Array(64);
    for (let index = 0; index < 64; index += 1) {
      const from = at + 1 + (isWide ? index * 2 : index);
      table[index] = isWide ? (bytes[from]! << 8) | bytes[from + 1]! : bytes[from]!;
    }
    tables.quantisation[id] = table;
    at += 1 + size;
  }
}

function readHuffman(bytes: Uint8Array, offset: number, end: number, tables: JpegTables): void {
  for (let at = offset; at < end;) {
    if (at + 17 > end) throw cutShort();
    const counts = bytes.subarray(at + 1, at + 17);
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (total > 256 || at + 17 + total > end) throw cutShort();
    const kind = bytes[at]! >> 4 === 0 ? tables.dc : tables.ac;
    kind[bytes[at]! & 3] = huffmanTable(counts, bytes.subarray(at + 17, at + 17 + total));
    at += 17 + total;
  }
}

/** @throws Fault 155 where it is cut short. */
export function scanHeader(bytes: Uint8Array, { offset, end }: Segment): ScanHeader {
  const count = bytes[offset] ?? 0;
  const after = offset + 1 + count * 2;
  if (count < 1 || count > 4 || after + 3 > end) throw cutShort();
  const components = Array.from({ length: count }, (_, index) => {
    const at = offset + 1 + index * 2;
    return { id: bytes[at]!, dc: (bytes[at + 1]! >> 4) & 3, ac: bytes[at + 1]! & 3 };
  });
  return {
    components,
    start: bytes[after]!,
    end: bytes[after + 1]!,
    high: bytes[after + 2]! >> 4,
    low: bytes[after + 2]! & 15,
  };
}

export function required<Table>(table: Table | undefined): Table {
  if (table === undefined) throw pixelFaults.damaged('JPEG', 'a table it uses is missing');
  return table;
}

const cutShort = (): Error => pixelFaults.damaged('JPEG', 'a segment is cut short');
