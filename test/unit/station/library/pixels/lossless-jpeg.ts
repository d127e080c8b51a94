// Writes lossless JPEG (ISO/IEC 10918-1 Annex H) with one fixed Huffman table, to have every predictor, depth and restart.
import { categoryOf, EntropyWriter, evenTable } from './entropy-writer.ts';

export interface LosslessOptions {
  readonly rows: number;
  readonly columns: number;
  readonly components: number;
  readonly precision: number;
  readonly predictor: number;
  readonly pointTransform?: number;
  readonly restartRows?: number;
}

/** @param values interleaved by pixel, unsigned */
export function losslessJpeg(values: ArrayLike<number>, options: LosslessOptions): Uint8Array {
  const { rows, columns, components, precision, predictor, pointTransform = 0, restartRows = 0 } = options;
  const writer = new EntropyWriter();
  const ids = Array.from({ length: components }, (_, index) => index + 1);
  writer.segment(0xc3, [
    precision,
    rows >> 8,
    rows & 255,
    columns >> 8,
    columns & 255,
    components,
    ...ids.flatMap((id) => [id, 0x11, 0]),
  ]);
  // 17 categories with codes of five bits each, none of them all ones.
  writer.segment(
    0xc4,
    evenTable(
      0,
      5,
      Array.from({ length: 17 }, (_, index) => index),
    ),
  );
  if (restartRows > 0) writer.segment(0xdd, [(restartRows * columns) >> 8, (restartRows * columns) & 255]);
  writer.segment(0xda, [components, ...ids.flatMap((id) => [id, 0]), predictor, 0, pointTransform]);

  const at = (row: number, column: number, component: number): number =>
    values[(row * columns + column) * components + component]! >> pointTransform;
  for (let row = 0; row < rows; row += 1) {
    const isRestart = restartRows > 0 && row > 0 && row % restartRows === 0;
    if (isRestart) {
      writer.flush();
      writer.bytes.push(0xff, 0xd0 + ((row / restartRows - 1) % 8));
    }
    for (let column = 0; column < columns; column += 1) {
      for (let component = 0; component < components; component += 1) {
        const left = column > 0 ? at(row, column - 1, component) : 0;
        const above = row > 0 ? at(row - 1, column, component) : 0;
        const diagonal = row > 0 && column > 0 ? at(row - 1, column - 1, component) : 0;
        const guesses = [
          0,
          left,
          above,
          diagonal,
          left + above - diagonal,
          left + ((above - diagonal) >> 1),
          above + ((left - diagonal) >> 1),
          (left + above) >> 1,
        ];
        let guess = column === 0 ? above : guesses[predictor]!;
        if (row === 0 || isRestart) guess = column === 0 ? 1 << (precision - pointTransform - 1) : left;
        let difference = (at(row, column, component) - guess) & 0xffff;
        if (difference > 32768) difference -= 65536;
        const size = difference === 32768 ? 16 : categoryOf(difference);
        writer.put(size, 5);
        if (size < 16) writer.putSigned(difference, size);
      }
    }
  }
  return writer.finish();
}
