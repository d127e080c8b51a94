// Where a frame comes to lie in a network's image: turned to the canonical direction, resampled, centred.
import type { FrameGeometry } from '../../contract/dicom.ts';
import type { Preprocessing } from '../../contract/preprocessing.ts';
import { normalOf } from '../library/pixels/geometry.ts';

/** How a frame is turned: first rows and columns change places, then each is reversed. */
interface Turn {
  readonly isTransposed: boolean;
  readonly isRowReversed: boolean;
  readonly isColumnReversed: boolean;
}

export interface Placement extends Turn {
  readonly turnedRows: number;
  readonly turnedColumns: number;
  /** Of the resampled frame, pixels. */
  readonly height: number;
  readonly width: number;
  /** Of the resampled frame's first pixel in the network's image; negative where it is cut off. */
  readonly top: number;
  readonly left: number;
}

/** Patient axes x (to the left), y (to the back), z (up), with a sign: where columns and rows run to, by the axis of the normal. */
const canonical = [
  // Sagittal, from the left: the nose to the left, the head up.
  { alongRow: [1, 1], alongColumn: [2, -1] },
  // Coronal, from the front.
  { alongRow: [0, 1], alongColumn: [2, -1] },
  // Axial, from the feet.
  { alongRow: [0, 1], alongColumn: [1, 1] },
] as const;
const asStored: Turn = { isTransposed: false, isRowReversed: false, isColumnReversed: false };

/** Where a frame of `rows` × `columns` comes to lie under this chain. */
export function placementOf(
  rows: number,
  columns: number,
  geometry: FrameGeometry,
  chain: Pick<Preprocessing, 'orientation' | 'spacingMm' | 'height' | 'width'>,
): Placement {
  const { orientation, position, pixelSpacingMm, spacingKind } = geometry;
  // A radiograph may tell an orientation too, but only slices lie at a place.
  const isSlice = orientation !== null && position !== null;
  const turn = chain.orientation === 'canonical' && isSlice ? turnOf(orientation) : asStored;
  const [turnedRows, turnedColumns] = turn.isTransposed ? [columns, rows] : [rows, columns];
  const hasSpacing = pixelSpacingMm !== null && spacingKind !== 'unknown';
  const spacing = hasSpacing ? pixelSpacingMm : ([1, 1] as const);
  const [rowMm, columnMm] = turn.isTransposed ? [spacing[1], spacing[0]] : spacing;
  const [heightMm, widthMm] = [turnedRows * rowMm, turnedColumns * columnMm];
  // Without a spacing of its own or one to reach, a frame becomes as large as fits.
  const spacingMm =
    hasSpacing && chain.spacingMm !== null ? chain.spacingMm : Math.max(heightMm / chain.height, widthMm / chain.width);
  const height = Math.max(1, Math.round(heightMm / spacingMm));
  const width = Math.max(1, Math.round(widthMm / spacingMm));
  return {
    ...turn,
    turnedRows,
    turnedColumns,
    height,
    width,
    top: Math.floor((chain.height - height) / 2),
    left: Math.floor((chain.width - width) / 2),
  };
}

/** Distances of a network image's neighbouring rows and columns in the patient, mm; null where the frame tells no spacing. */
export function networkPixelMm(
  { rows, columns, geometry }: { rows: number; columns: number; geometry: FrameGeometry },
  chain: Parameters<typeof placementOf>[3],
): [number, number] | null {
  const { pixelSpacingMm, spacingKind } = geometry;
  if (pixelSpacingMm === null || spacingKind === 'unknown') return null;
  const { isTransposed, height, width } = placementOf(rows, columns, geometry, chain);
  const [heightMm, widthMm] = [rows * pixelSpacingMm[0], columns * pixelSpacingMm[1]];
  return isTransposed ? [widthMm / height, heightMm / width] : [heightMm / height, widthMm / width];
}

/** Slices nearer than this along the normal are at one place. */
export const samePlaceMm = 1e-3;

/** Where a slice lies along the normal in canonical direction, mm; null where it does not tell. */
export function alongNormalMm({ position, orientation }: FrameGeometry): number | null {
  if (position === null || orientation === null) return null;
  const normal = normalOf(orientation);
  return (
    canonicalSliceStep(orientation) * (position[0] * normal[0] + position[1] * normal[1] + position[2] * normal[2])
  );
}

/** Which way the slice's normal runs that canonical order of slices follows: −1 where it is against the frames' own. */
export function canonicalSliceStep(orientation: NonNullable<FrameGeometry['orientation']>): 1 | -1 {
  const normal = normalOf(orientation);
  return normal[mainAxis(normal)]! < 0 ? -1 : 1;
}

function turnOf(orientation: NonNullable<FrameGeometry['orientation']>): Turn {
  const [a, b, c, d, e, f] = orientation;
  const { alongRow, alongColumn } = canonical[mainAxis(normalOf(orientation))]!;
  const [right, down] = [
    [a, b, c],
    [d, e, f],
  ] as const;
  // In the plane, which of the two directions runs more along the wanted one.
  const isTransposed = Math.abs(down[alongRow[0]]) > Math.abs(right[alongRow[0]]);
  const [row, column] = isTransposed ? [down, right] : [right, down];
  return {
    isTransposed,
    isRowReversed: row[alongRow[0]] * alongRow[1] < 0,
    isColumnReversed: column[alongColumn[0]] * alongColumn[1] < 0,
  };
}

function mainAxis(vector: readonly number[]): 0 | 1 | 2 {
  const [x = 0, y = 0, z = 0] = vector.map(Math.abs);
  // At equal shares, which oblique slices may have but for rounding, the later axis: always the same one.
  return z >= x - 1e-6 && z >= y - 1e-6 ? 2 : y >= x - 1e-6 ? 1 : 0;
}

/** The turned image; row-major in and out. */
export function turned<Values extends Float32Array | Uint8Array>(
  values: Values,
  rows: number,
  columns: number,
  turn: Turn,
): Values {
  if (isNone(turn)) return values;
  const out = values.slice() as Values;
  eachTurned(rows, columns, turn, (from, to) => (out[to] = values[from]!));
  return out;
}

/** The inverse of `turned`; `rows` and `columns` are again those of the frame. */
export function turnedBack(
  values: Uint8Array<ArrayBuffer>,
  rows: number,
  columns: number,
  turn: Turn,
): Uint8Array<ArrayBuffer> {
  if (isNone(turn)) return values;
  const out = new Uint8Array(values.length);
  eachTurned(rows, columns, turn, (from, to) => (out[from] = values[to]!));
  return out;
}

const isNone = ({ isTransposed, isRowReversed, isColumnReversed }: Turn): boolean =>
  !isTransposed && !isRowReversed && !isColumnReversed;

function eachTurned(
  rows: number,
  columns: number,
  { isTransposed, isRowReversed, isColumnReversed }: Turn,
  visit: (from: number, to: number) => void,
): void {
  const [turnedRows, turnedColumns] = isTransposed ? [columns, rows] : [rows, columns];
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const [y, x] = isTransposed ? [column, row] : [row, column];
      const turnedRow = isColumnReversed ? turnedRows - 1 - y : y;
      const turnedColumn = isRowReversed ? turnedColumns - 1 - x : x;
      visit(row * columns + column, turnedRow * turnedColumns + turnedColumn);
    }
  }
}
