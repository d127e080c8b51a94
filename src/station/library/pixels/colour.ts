// Colour frames as 8-bit red, green, blue, from whatever their PhotometricInterpretation says (PS3.3 C.7.6.3.1.2).
import type { Frame } from '../../../contract/dicom.ts';
import { storedValuesOf } from './frame-values.ts';

/** Whether the frame shows colours rather than grey. */
export const isColour = (frame: Frame): boolean =>
  frame.samples === 3 || (frame.photometric === 'PALETTE COLOR' && frame.palette !== undefined);

/** As a screen takes it: luminance and chrominance become red, green and blue; everything else stays as it was decoded. */
export function withoutChrominance(frame: Frame): Frame {
  if (frame.samples !== 3 || !/^YBR_(FULL|PARTIAL)$/.test(frame.photometric)) return frame;
  const { colourBits: _, ...described } = frame;
  return { ...described, bits: 8, photometric: 'RGB', pixels: rgbOf(frame) };
}

/** R, G, B of every pixel, 8 bits each. Only for colour frames. */
export function rgbOf(frame: Frame): Uint8Array<ArrayBuffer> {
  if (frame.samples === 1) return throughPalette(frame);
  const values = storedValuesOf(frame);
  const shift = Math.max(0, (frame.colourBits ?? frame.bits) - 8);
  const rgb = new Uint8Array(values.length);
  if (frame.bits === 8) rgb.set(values);
  else for (let index = 0; index < values.length; index += 1) rgb[index] = values[index]! >>> shift;
  if (frame.photometric === 'YBR_FULL') fromYbr(rgb, 0, 1, 1);
  // Studio range: luminance 16…235, chrominance 16…240.
  if (frame.photometric === 'YBR_PARTIAL') fromYbr(rgb, 16, 255 / 219, 255 / 224);
  return rgb;
}

/** Values below the first entry take its colour, values beyond the last take the last one's. */
function throughPalette(frame: Frame): Uint8Array<ArrayBuffer> {
  const { firstValue, colors } = frame.palette!;
  const values = storedValuesOf(frame);
  const last = colors.length / 3 - 1;
  const rgb = new Uint8Array(values.length * 3);
  for (let index = 0; index < values.length; index += 1) {
    const entry = Math.max(0, Math.min(last, values[index]! - firstValue)) * 3;
    rgb[index * 3] = colors[entry]!;
    rgb[index * 3 + 1] = colors[entry + 1]!;
    rgb[index * 3 + 2] = colors[entry + 2]!;
  }
  return rgb;
}

function fromYbr(pixels: Uint8Array, black: number, scale: number, chromaScale: number): void {
  // A clamped array rounds and saturates, as the conversion asks for.
  const clamped = new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, pixels.length);
  for (let at = 0; at < pixels.length; at += 3) {
    const y = (pixels[at]! - black) * scale;
    const cb = (pixels[at + 1]! - 128) * chromaScale;
    const cr = (pixels[at + 2]! - 128) * chromaScale;
    clamped[at] = y + 1.402 * cr;
    clamped[at + 1] = y - 0.344136 * cb - 0.714136 * cr;
    clamped[at + 2] = y + 1.772 * cb;
  }
}
