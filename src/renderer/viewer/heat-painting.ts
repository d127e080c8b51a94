import { heatPixels, heatScale } from '../../contract/heat-scale.ts';
import type { Affine, Size } from './placement.ts';

/** The scale of heat maps for a legend. */
export const heatGradient = `linear-gradient(to right, rgb(0 0 0 / 0), ${heatScale.map((colour) => `rgb(${colour.join(' ')})`).join(', ')})`;

/** Draws a heat map over its image. @param map rows × columns of the image itself */
export function paintHeat(
  canvas: HTMLCanvasElement,
  { heat, rows, columns }: { readonly heat: Uint8Array; readonly rows: number; readonly columns: number },
  { matrix, viewport, opacity }: { readonly matrix: Affine; readonly viewport: Size; readonly opacity: number },
): void {
  const density = globalThis.devicePixelRatio;
  canvas.width = Math.max(1, Math.round(viewport.width * density));
  canvas.height = Math.max(1, Math.round(viewport.height * density));
  const context = canvas.getContext('2d');
  if (!context || heat.length !== rows * columns || heat.length === 0) return;
  const picture = new OffscreenCanvas(columns, rows);
  picture.getContext('2d')?.putImageData(new ImageData(heatPixels(heat), columns, rows), 0, 0);
  context.setTransform(density, 0, 0, density, 0, 0);
  context.transform(...matrix);
  context.globalAlpha = opacity;
  context.drawImage(picture, 0, 0);
}
