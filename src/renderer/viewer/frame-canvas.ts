import type { Frame } from '../../contract/dicom.ts';
import { paintedPixels } from './painted-pixels.ts';
import type { VoiWindow } from './window-level.ts';

/** The frame under a window (null: the file's own), at its own size, to be drawn at any other. */
export function frameCanvas(frame: Frame, window: VoiWindow | null, isInverted: boolean): OffscreenCanvas {
  const canvas = new OffscreenCanvas(frame.columns, frame.rows);
  const image = new ImageData(paintedPixels(frame, window, isInverted), frame.columns, frame.rows);
  canvas.getContext('2d')?.putImageData(image, 0, 0);
  return canvas;
}
