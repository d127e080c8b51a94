import type { Affine, Size } from './placement.ts';

/** From cold to hot. Where the model did not look nothing is painted, so that the image stays as it is. */
const scale: readonly (readonly [number, number, number])[] = [
  [64, 60, 190],
  [190, 50, 140],
  [240, 110, 50],
  [255, 225, 80],
];

/** The same scale for a legend. */
export const heatGradient = `linear-gradient(to right, rgb(0 0 0 / 0), ${scale.map((colour) => `rgb(${colour.join(' ')})`).join(', ')})`;

/** RGBA by pixel. @param heat 0…255 by row */
export function heatPixels(heat: Uint8Array): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(heat.length * 4);
  heat.forEach((value, index) => {
    const at = (value / 255) * (scale.length - 1);
    const low = Math.min(scale.length - 2, Math.floor(at));
    const [cold, hot] = [scale[low]!, scale[low + 1]!];
    for (let channel = 0; channel < 3; channel += 1) {
      pixels[index * 4 + channel] = cold[channel]! + (hot[channel]! - cold[channel]!) * (at - low);
    }
    // The weakest quarter fades out.
    pixels[index * 4 + 3] = Math.min(255, value * 4);
  });
  return pixels;
}

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
