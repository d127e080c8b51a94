import type { OverlayShape } from '../../contract/annotation.ts';
import type { Affine, Size } from './placement.ts';

export interface PaintedRegion {
  readonly shape: OverlayShape;
  readonly color: readonly [number, number, number];
  readonly rows: number;
  readonly columns: number;
}

/** Draws regions over an image: masks as tinted pixels, polygons as outlines with a fainter inside. */
export function paintRegions(
  canvas: HTMLCanvasElement,
  regions: readonly PaintedRegion[],
  { matrix, viewport, opacity, isFilled }: { matrix: Affine; viewport: Size; opacity: number; isFilled: boolean },
): void {
  const density = globalThis.devicePixelRatio;
  canvas.width = Math.max(1, Math.round(viewport.width * density));
  canvas.height = Math.max(1, Math.round(viewport.height * density));
  const context = canvas.getContext('2d');
  if (!context) return;
  context.setTransform(density, 0, 0, density, 0, 0);
  context.transform(...matrix);
  context.imageSmoothingEnabled = false;
  for (const region of regions) {
    const mask = maskCanvas(region, isFilled);
    context.globalAlpha = opacity;
    if (mask) context.drawImage(mask, 0, 0);
    const path = polygonPath(region.shape.polygons);
    if (!path) continue;
    const color = `rgb(${region.color.join(' ')})`;
    context.fillStyle = color;
    context.globalAlpha = opacity * 0.4;
    if (isFilled) context.fill(path, 'evenodd');
    context.globalAlpha = Math.min(1, opacity + 0.4);
    context.strokeStyle = color;
    context.lineWidth = 1.6 / Math.hypot(matrix[0], matrix[1]);
    context.stroke(path);
  }
}

/** Not filled: the pixels of the mask that have a neighbour outside it. */
function maskCanvas({ shape, color, rows, columns }: PaintedRegion, isFilled: boolean): OffscreenCanvas | null {
  const { mask } = shape;
  if (!mask || rows === 0 || columns === 0) return null;
  const image = new ImageData(columns, rows);
  const [red, green, blue] = color;
  for (let index = 0; index < rows * columns; index += 1) {
    const inside = mask[index] ?? 0;
    if (inside > 0 && (isFilled || isEdge(mask, index, rows, columns)))
      image.data.set([red, green, blue, inside], index * 4);
  }
  const canvas = new OffscreenCanvas(columns, rows);
  canvas.getContext('2d')?.putImageData(image, 0, 0);
  return canvas;
}

function isEdge(mask: Uint8Array, index: number, rows: number, columns: number): boolean {
  const [row, column] = [Math.floor(index / columns), index % columns];
  if (row === 0 || column === 0 || row === rows - 1 || column === columns - 1) return true;
  return [index - 1, index + 1, index - columns, index + columns].some((near) => mask[near] === 0);
}

function polygonPath(polygons: readonly Float32Array[]): Path2D | null {
  if (polygons.length === 0) return null;
  const path = new Path2D();
  for (const points of polygons) {
    for (let at = 0; at + 1 < points.length; at += 2) {
      const [x, y] = [points[at] ?? 0, points[at + 1] ?? 0];
      if (at === 0) path.moveTo(x, y);
      else path.lineTo(x, y);
    }
    path.closePath();
  }
  return path;
}
