// Slices of a volume turned the way in which readers look at them. NIfTI files mostly run to the front and up: shown as they are
// stored, the patient lies on the face or stands on the head.

export type Vector = readonly [number, number, number];

export interface Grid {
  /** Direction cosines in DICOM's patient coordinates (to the left, to the back, up). */
  readonly alongRow: Vector;
  readonly alongColumn: Vector;
  /** Between rows, then between columns, mm. */
  readonly pixelSpacingMm: readonly [number, number];
  readonly sliceSpacingMm: number;
  /** Centre of the first pixel. */
  readonly origin: Vector;
  readonly sliceStep: Vector;
}

export interface Slices {
  /** Slice after slice, row after row, samples interleaved. */
  readonly pixels: Uint8Array | Uint16Array;
  readonly samples: number;
  readonly rows: number;
  readonly columns: number;
  /** Null where the file does not say where it lies. */
  readonly grid: Grid | null;
}

/** Where rows and columns of a slice run, by the axis that it is cut across: sagittal, coronal, axial. */
const usual = [
  { row: 1, column: 2, downwards: -1 },
  { row: 0, column: 2, downwards: -1 },
  { row: 0, column: 1, downwards: 1 },
] as const;

/**
 * The same voxels in the same places, with the patient's left (or back) to the right of the image and the back (or feet) below.
 * As they are where no place is known, or rows and columns run along the same axis of the patient.
 */
export function readingWay(slices: Slices): Slices {
  const { grid } = slices;
  if (grid === null) return slices;
  const [i, j] = [mainAxis(grid.alongRow), mainAxis(grid.alongColumn)];
  const wanted = usual[3 - i - j];
  if (i === j || wanted === undefined) return slices;
  const isTransposed = i !== wanted.row;
  const upright = isTransposed ? transposed(slices, grid) : { ...slices, grid };
  const isMirrored = upright.grid.alongRow[wanted.row] < 0;
  const isUpsideDown = upright.grid.alongColumn[wanted.column] * wanted.downwards < 0;
  return reversed(upright, { isMirrored, isUpsideDown });
}

type PlacedSlices = Slices & { readonly grid: Grid };

function mainAxis(direction: Vector): 0 | 1 | 2 {
  const [x, y, z] = direction.map(Math.abs) as [number, number, number];
  if (x >= y && x >= z) return 0;
  return y >= z ? 1 : 2;
}

function transposed(slices: Slices, grid: Grid): PlacedSlices {
  const { rows, columns } = slices;
  const [rowMm, columnMm] = grid.pixelSpacingMm;
  return {
    ...slices,
    pixels: moved(slices, (row, column) => column * rows + row),
    rows: columns,
    columns: rows,
    grid: {
      ...grid,
      alongRow: grid.alongColumn,
      alongColumn: grid.alongRow,
      pixelSpacingMm: [columnMm, rowMm],
    },
  };
}

function reversed(
  slices: PlacedSlices,
  { isMirrored, isUpsideDown }: { isMirrored: boolean; isUpsideDown: boolean },
): PlacedSlices {
  if (!isMirrored && !isUpsideDown) return slices;
  const { rows, columns, grid } = slices;
  const [rowMm, columnMm] = grid.pixelSpacingMm;
  const across = isMirrored ? (columns - 1) * columnMm : 0;
  const along = isUpsideDown ? (rows - 1) * rowMm : 0;
  const { alongRow, alongColumn, origin } = grid;
  const [x, y, z] = [0, 1, 2].map((axis) => origin[axis]! + alongRow[axis]! * across + alongColumn[axis]! * along);
  return {
    ...slices,
    pixels: moved(
      slices,
      (row, column) => (isUpsideDown ? rows - 1 - row : row) * columns + (isMirrored ? columns - 1 - column : column),
    ),
    grid: {
      ...grid,
      alongRow: isMirrored ? opposite(alongRow) : alongRow,
      alongColumn: isUpsideDown ? opposite(alongColumn) : alongColumn,
      origin: [x!, y!, z!],
    },
  };
}

/** Every slice with its pixels at new places, told as an index within the slice. */
function moved(
  { pixels, samples, rows, columns }: Slices,
  placeOf: (row: number, column: number) => number,
): Uint8Array | Uint16Array {
  const places = new Int32Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) places[row * columns + column] = placeOf(row, column);
  }
  const turned = pixels instanceof Uint16Array ? new Uint16Array(pixels.length) : new Uint8Array(pixels.length);
  const size = rows * columns;
  for (let start = 0; start < pixels.length; start += size * samples) {
    for (let index = 0; index < size; index += 1) {
      const [from, to] = [start + index * samples, start + places[index]! * samples];
      for (let sample = 0; sample < samples; sample += 1) turned[to + sample] = pixels[from + sample]!;
    }
  }
  return turned;
}

const opposite = ([x, y, z]: Vector): Vector => [-x, -y, -z];
