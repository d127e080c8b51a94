// Lossless JPEG (ISO/IEC 10918-1 Annex H), Huffman coded: 2 to 16 bits, any predictor, interleaved or by component.
import { pixelFaults } from '../faults.ts';
import { EntropyReader, type HuffmanTable } from './entropy.ts';
import type { JpegHeader } from './markers.ts';
import { segmentAt } from './markers.ts';
import { emptyTables, readTables, required, scanHeader, type JpegTables, type ScanHeader } from './tables.ts';

/** @returns samples interleaved by pixel, unsigned. @throws Fault 153 or 155. */
export function losslessSamples(bytes: Uint8Array, header: JpegHeader): Uint16Array<ArrayBuffer> {
  const { rows, columns, components } = header;
  if (components.some(({ horizontal, vertical }) => horizontal !== 1 || vertical !== 1)) {
    throw pixelFaults.unsupported('lossless JPEG with subsampled components');
  }
  const samples = new Uint16Array(rows * columns * components.length);
  const tables = emptyTables();
  const done = new Set<number>();
  let at = 2;
  while (done.size < components.length) {
    const segment = segmentAt(bytes, at);
    if (segment === null || segment.marker === 0xd9) throw pixelFaults.damaged('JPEG', 'it breaks off');
    at = segment.end;
    readTables(bytes, segment, tables);
    if (segment.marker !== 0xda) continue;
    const scan = scanHeader(bytes, segment);
    const reader = new EntropyReader(bytes, segment.end);
    readScan(reader, scan, tables, header, samples);
    for (const component of scan.components) done.add(component.id);
    at = reader.position;
  }
  return samples;
}

interface ScanPart {
  readonly place: number;
  readonly table: HuffmanTable;
}

function readScan(
  reader: EntropyReader,
  scan: ScanHeader,
  tables: JpegTables,
  header: JpegHeader,
  samples: Uint16Array,
): void {
  const { rows, columns } = header;
  if (scan.start < 1 || scan.start > 7 || scan.low >= header.precision) {
    throw pixelFaults.damaged('JPEG', `predictor ${scan.start} does not exist`);
  }
  const parts: ScanPart[] = scan.components.map((component) => {
    const place = header.components.findIndex(({ id }) => id === component.id);
    if (place < 0) throw pixelFaults.damaged('JPEG', 'a scan names a component that does not exist');
    return { place, table: required(tables.dc[component.dc]) };
  });
  const interval = tables.restartInterval;
  // H.1.1: an interval is whole rows, so that prediction can begin anew.
  if (interval % columns !== 0) throw pixelFaults.unsupported('lossless JPEG that restarts within a row');
  const rowsPerInterval = interval / columns;
  for (let row = 0; row < rows; row += 1) {
    const isRestart = rowsPerInterval > 0 && row > 0 && row % rowsPerInterval === 0;
    if (isRestart) reader.restart();
    readRow(reader, parts, scan, header, samples, row, row === 0 || isRestart);
  }
}

function readRow(
  reader: EntropyReader,
  parts: readonly ScanPart[],
  scan: ScanHeader,
  header: JpegHeader,
  samples: Uint16Array,
  row: number,
  isFirst: boolean,
): void {
  const step = header.components.length;
  const stride = header.columns * step;
  const low = scan.low;
  for (let column = 0; column < header.columns; column += 1) {
    for (const { place, table } of parts) {
      const at = row * stride + column * step + place;
      let prediction: number;
      if (isFirst) {
        prediction = column === 0 ? 1 << (header.precision - low - 1) : samples[at - step]! >> low;
      } else if (column === 0) {
        prediction = samples[at - stride]! >> low;
      } else {
        const left = samples[at - step]! >> low;
        const above = samples[at - stride]! >> low;
        prediction = predicted(scan.start, left, above, samples[at - stride - step]! >> low);
      }
      const size = reader.symbol(table);
      if (size > 16) throw pixelFaults.damaged('JPEG', 'a difference is out of range');
      const difference = size === 16 ? 32768 : reader.signed(size);
      samples[at] = ((prediction + difference) & 0xffff) << low;
    }
  }
}

/** Table H.1. */
function predicted(predictor: number, left: number, above: number, diagonal: number): number {
  switch (predictor) {
    case 1:
      return left;
    case 2:
      return above;
    case 3:
      return diagonal;
    case 4:
      return left + above - diagonal;
    case 5:
      return left + ((above - diagonal) >> 1);
    case 6:
      return above + ((left - diagonal) >> 1);
    default:
      return (left + above) >> 1;
  }
}
