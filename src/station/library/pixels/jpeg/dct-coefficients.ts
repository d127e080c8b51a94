// The coefficients of a DCT JPEG (ISO/IEC 10918-1 Annexes F and G): sequential and progressive scans, Huffman coded.
import { pixelFaults } from '../faults.ts';
import { EntropyReader, type HuffmanTable } from './entropy.ts';
import { segmentAt, type JpegComponent, type JpegHeader } from './markers.ts';
import { emptyTables, readTables, required, scanHeader, type JpegTables, type ScanHeader } from './tables.ts';

/** A component's blocks of 64 coefficients in zigzag order, not yet dequantised. */
export interface ComponentBlocks {
  readonly component: JpegComponent;
  /** Blocks that the image needs, and blocks kept: the latter fill whole MCUs. */
  readonly across: number;
  readonly down: number;
  readonly stride: number;
  readonly coefficients: Int16Array;
  quantisation: Uint16Array | null;
}

const scansLimit = 256;

/** @throws Fault 155 where the stream breaks off or contradicts itself. */
export function dctCoefficients(bytes: Uint8Array, header: JpegHeader): ComponentBlocks[] {
  const blocks = allocate(header);
  const tables = emptyTables();
  let at = 2;
  let scans = 0;
  for (
    let segment = segmentAt(bytes, at);
    segment !== null && segment.marker !== 0xd9;
    segment = segmentAt(bytes, at)
  ) {
    at = segment.end;
    readTables(bytes, segment, tables);
    if (segment.marker !== 0xda) continue;
    scans += 1;
    if (scans > scansLimit) throw pixelFaults.damaged('JPEG', 'it has too many scans');
    const reader = new EntropyReader(bytes, segment.end);
    readScan(reader, scanHeader(bytes, segment), tables, header, blocks);
    at = reader.position;
  }
  if (blocks.some(({ quantisation }) => quantisation === null))
    throw pixelFaults.damaged('JPEG', 'a component has no scan');
  return blocks;
}

function allocate(header: JpegHeader): ComponentBlocks[] {
  const { columns, rows, components } = header;
  const widest = Math.max(...components.map(({ horizontal }) => horizontal));
  const tallest = Math.max(...components.map(({ vertical }) => vertical));
  const mcusAcross = Math.ceil(columns / 8 / widest);
  const mcusDown = Math.ceil(rows / 8 / tallest);
  return components.map((component) => {
    const stride = mcusAcross * component.horizontal;
    return {
      component,
      across: Math.ceil(Math.ceil((columns * component.horizontal) / widest) / 8),
      down: Math.ceil(Math.ceil((rows * component.vertical) / tallest) / 8),
      stride,
      coefficients: new Int16Array(stride * mcusDown * component.vertical * 64),
      quantisation: null,
    };
  });
}

/** What a scan carries from block to block of one component. */
interface ScanPart {
  readonly blocks: ComponentBlocks;
  readonly dc: HuffmanTable | undefined;
  readonly ac: HuffmanTable | undefined;
  prediction: number;
}

/** Blocks still to be skipped as "end of band" (G.1.2.2). */
interface BandRun {
  left: number;
}

type ReadBlock = (reader: EntropyReader, part: ScanPart, at: number, scan: ScanHeader, run: BandRun) => void;

function readScan(
  reader: EntropyReader,
  scan: ScanHeader,
  tables: JpegTables,
  header: JpegHeader,
  blocks: readonly ComponentBlocks[],
): void {
  const isProgressive = header.process === 0xc2;
  if (isProgressive && (scan.end > 63 || scan.start > scan.end || (scan.start > 0 && scan.components.length > 1))) {
    throw pixelFaults.damaged('JPEG', 'a scan has an impossible selection');
  }
  const parts = scan.components.map((named): ScanPart => {
    const own = blocks.find(({ component }) => component.id === named.id);
    if (own === undefined) throw pixelFaults.damaged('JPEG', 'a scan names a component that does not exist');
    own.quantisation ??= required(tables.quantisation[own.component.quantisation & 3]);
    return { blocks: own, dc: tables.dc[named.dc], ac: tables.ac[named.ac], prediction: 0 };
  });
  const readBlock = isProgressive ? progressiveReader(scan) : sequentialBlock;
  const run: BandRun = { left: 0 };
  const interval = tables.restartInterval;
  const [single] = parts;
  const isSingle = parts.length === 1 && single !== undefined;
  const across = isSingle ? single.blocks.across : parts[0]!.blocks.stride / parts[0]!.blocks.component.horizontal;
  const down = isSingle ? single.blocks.down : mcusDown(parts[0]!.blocks);
  for (let mcu = 0; mcu < across * down; mcu += 1) {
    if (interval > 0 && mcu > 0 && mcu % interval === 0) {
      reader.restart();
      run.left = 0;
      for (const part of parts) part.prediction = 0;
    }
    const row = Math.floor(mcu / across);
    const column = mcu % across;
    if (isSingle) {
      readBlock(reader, single, (row * single.blocks.stride + column) * 64, scan, run);
      continue;
    }
    for (const part of parts) {
      const { horizontal, vertical } = part.blocks.component;
      for (let y = 0; y < vertical; y += 1) {
        for (let x = 0; x < horizontal; x += 1) {
          const block = (row * vertical + y) * part.blocks.stride + column * horizontal + x;
          readBlock(reader, part, block * 64, scan, run);
        }
      }
    }
  }
}

const mcusDown = ({ coefficients, stride, component }: ComponentBlocks): number =>
  coefficients.length / 64 / stride / component.vertical;

function dcDifference(reader: EntropyReader, part: ScanPart): number {
  const size = reader.symbol(required(part.dc));
  if (size > 16) throw pixelFaults.damaged('JPEG', 'a difference is out of range');
  part.prediction += reader.signed(size);
  return part.prediction;
}

function sequentialBlock(reader: EntropyReader, part: ScanPart, at: number): void {
  const { coefficients } = part.blocks;
  const ac = required(part.ac);
  coefficients[at] = dcDifference(reader, part);
  for (let index = 1; index < 64; index += 1) {
    const symbol = reader.symbol(ac);
    const size = symbol & 15;
    if (size === 0) {
      if (symbol !== 0xf0) return;
      index += 15;
      continue;
    }
    index += symbol >> 4;
    if (index > 63) throw pixelFaults.damaged('JPEG', 'a block holds too many coefficients');
    coefficients[at + index] = reader.signed(size);
  }
}

function progressiveReader(scan: ScanHeader): ReadBlock {
  if (scan.start === 0) return scan.high === 0 ? dcFirst : dcRefinement;
  return scan.high === 0 ? acFirst : acRefinement;
}

const dcFirst: ReadBlock = (reader, part, at, scan) => {
  part.blocks.coefficients[at] = dcDifference(reader, part) << scan.low;
};

const dcRefinement: ReadBlock = (reader, part, at, scan) => {
  part.blocks.coefficients[at]! |= reader.bit() << scan.low;
};

const acFirst: ReadBlock = (reader, part, at, scan, run) => {
  if (run.left > 0) {
    run.left -= 1;
    return;
  }
  const ac = required(part.ac);
  for (let index = scan.start; index <= scan.end; index += 1) {
    const symbol = reader.symbol(ac);
    const size = symbol & 15;
    const zeros = symbol >> 4;
    if (size === 0) {
      if (zeros < 15) {
        run.left = (1 << zeros) - 1 + reader.bits(zeros);
        return;
      }
      index += 15;
      continue;
    }
    index += zeros;
    if (index > 63) throw pixelFaults.damaged('JPEG', 'a block holds too many coefficients');
    part.blocks.coefficients[at + index] = reader.signed(size) << scan.low;
  }
};

/** G.1.2.3: known coefficients get one more bit each, between them new ones of magnitude 1 appear. */
const acRefinement: ReadBlock = (reader, part, at, scan, run) => {
  const { coefficients } = part.blocks;
  const bit = 1 << scan.low;
  const refine = (place: number): void => {
    const known = coefficients[place]!;
    if (reader.bit() === 1 && (Math.abs(known) & bit) === 0) coefficients[place] = known + (known < 0 ? -bit : bit);
  };
  let index = scan.start;
  if (run.left === 0) {
    const ac = required(part.ac);
    while (index <= scan.end) {
      const symbol = reader.symbol(ac);
      const size = symbol & 15;
      let zeros = symbol >> 4;
      let value = 0;
      if (size === 0 && zeros < 15) {
        run.left = (1 << zeros) + reader.bits(zeros);
        break;
      }
      if (size > 0) value = reader.bit() === 1 ? bit : -bit;
      for (; index <= scan.end; index += 1) {
        if (coefficients[at + index] !== 0) refine(at + index);
        else if (zeros === 0) break;
        else zeros -= 1;
      }
      if (value !== 0 && index <= scan.end) coefficients[at + index] = value;
      index += 1;
    }
  }
  if (run.left > 0) {
    for (; index <= scan.end; index += 1) if (coefficients[at + index] !== 0) refine(at + index);
    run.left -= 1;
  }
};
