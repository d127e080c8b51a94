import type { Frame } from '../../contract/dicom.ts';
import { paintedPixels } from './painted-pixels.ts';
import type { VoiWindow } from './window-level.ts';

/** Where there is no graphics card, a canvas that lives on one is worked out by the processor and read back. */
const inMemory: CanvasRenderingContext2DSettings = { willReadFrequently: true };

/** The frame under a window (null: the file's own), at its own size, to be drawn at any other. */
export function frameCanvas(frame: Frame, window: VoiWindow | null, isInverted: boolean): OffscreenCanvas {
  const canvas = new OffscreenCanvas(frame.columns, frame.rows);
  const image = new ImageData(paintedPixels(frame, window, isInverted), frame.columns, frame.rows);
  canvas.getContext('2d', inMemory)?.putImageData(image, 0, 0);
  return canvas;
}
