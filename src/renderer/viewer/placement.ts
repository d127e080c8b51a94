// Where a frame lies in its viewport: zoom, position, rotation and flips as one affine map from image coordinates to the screen.
import type { FrameGeometry } from '../../contract/dicom.ts';

export interface View {
  /** Times the size at which the whole image fits. */
  readonly zoom: number;
  /** Where the image lies until it is panned: in the middle, or with its side at the viewport's, as mammograms at the chest wall. */
  readonly justified: 'left' | 'middle' | 'right';
  /** From there, in CSS pixels. */
  readonly panX: number;
  readonly panY: number;
  /** Clockwise. */
  readonly rotationDegrees: number;
  readonly isFlippedHorizontally: boolean;
  readonly isFlippedVertically: boolean;
}

export const wholeImage: View = {
  zoom: 1,
  justified: 'middle',
  panX: 0,
  panY: 0,
  rotationDegrees: 0,
  isFlippedHorizontally: false,
  isFlippedVertically: false,
};

export interface Size {
  readonly width: number;
  readonly height: number;
}

type Point = readonly [number, number];

/** x' = a·x + c·y + e, y' = b·x + d·y + f, as SVG's matrix(a b c d e f). */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

export interface Placement {
  /** Image coordinates (column, row; 0,0 at the outer corner of the first pixel) to CSS pixels of the viewport. */
  readonly matrix: Affine;
  /** CSS pixels per millimetre, or per pixel width where the spacing is unknown. */
  readonly scale: number;
  /** CSS pixels per image pixel, along a row. */
  readonly pixelScale: number;
  /** Screen directions, right then down, in the image's own directions (along a row, along a column). */
  readonly right: Point;
  readonly down: Point;
}

/** Width of a column and height of a row, mm; of unknown spacing in the width of a column. */
export function pixelSize({ pixelSpacingMm, pixelAspectRatio = 1 }: FrameGeometry): Size {
  const [height, width] = pixelSpacingMm ?? [pixelAspectRatio, 1];
  return { width, height };
}

const sideOf = { left: -1, middle: 0, right: 1 } as const;

/** From the viewport's upper left corner to where a pan is measured from: that point of the image stays when it is zoomed. */
export function panOrigin({ justified }: View, { width, height }: Size): Point {
  return [((1 + sideOf[justified]) * width) / 2, height / 2];
}

export function placementOf(
  image: { readonly columns: number; readonly rows: number; readonly pixel: Size },
  view: View,
  viewport: Size,
): Placement {
  const width = image.columns * image.pixel.width;
  const height = image.rows * image.pixel.height;
  const angle = (view.rotationDegrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const boundWidth = Math.abs(cos) * width + Math.abs(sin) * height;
  const boundHeight = Math.abs(sin) * width + Math.abs(cos) * height;
  const fit = Math.min(viewport.width / boundWidth, viewport.height / boundHeight);
  const scale = Math.max(1e-9, fit * view.zoom);
  const [flipX, flipY] = [view.isFlippedHorizontally ? -1 : 1, view.isFlippedVertically ? -1 : 1];
  // The image turns clockwise first, then the screen is mirrored: a flip always swaps the sides that the reader sees.
  const right: Point = [flipX * cos, flipX * -sin];
  const down: Point = [flipY * sin, flipY * cos];
  const a = right[0] * scale * image.pixel.width;
  const b = down[0] * scale * image.pixel.width;
  const c = right[1] * scale * image.pixel.height;
  const d = down[1] * scale * image.pixel.height;
  const aside = (sideOf[view.justified] * (viewport.width - boundWidth * scale)) / 2;
  const e = viewport.width / 2 + aside + view.panX - (a * image.columns) / 2 - (c * image.rows) / 2;
  const f = viewport.height / 2 + view.panY - (b * image.columns) / 2 - (d * image.rows) / 2;
  return { matrix: [a, b, c, d, e, f], scale, pixelScale: scale * image.pixel.width, right, down };
}

export function toScreen([a, b, c, d, e, f]: Affine, [x, y]: Point): [number, number] {
  return [a * x + c * y + e, b * x + d * y + f];
}

export function toImage([a, b, c, d, e, f]: Affine, [x, y]: Point): [number, number] {
  const determinant = a * d - b * c || 1e-12;
  const [dx, dy] = [x - e, y - f];
  return [(d * dx - c * dy) / determinant, (a * dy - b * dx) / determinant];
}
