import type { Frame } from '../../contract/dicom.ts';
import { type FrameLook, GreyTable, paintPixels } from './painted-pixels.ts';
import type { VoiWindow } from './window-level.ts';

/**
 * Where there is no graphics card, a canvas that lives on one is worked out by the processor and read back. Opaque, so that pixels
 * are taken over as they are.
 */
const inMemory: CanvasRenderingContext2DSettings = { willReadFrequently: true, alpha: false };

/** One frame after the other at its own size, on one canvas: a new one for each costs more than the painting. */
export class FrameCanvas {
  readonly #table = new GreyTable();
  readonly #canvas = new OffscreenCanvas(1, 1);
  readonly #context = this.#canvas.getContext('2d', inMemory);
  #image: ImageData | null = null;
  #drawn: FrameLook | null = null;

  /** The frame under a window (null: the file's own), to be drawn at any size before the next is asked for. */
  draw(frame: Frame, window: VoiWindow | null, isInverted: boolean): OffscreenCanvas {
    const drawn = this.#drawn;
    if (drawn?.frame === frame && drawn.window === window && drawn.isInverted === isInverted) return this.#canvas;
    const { columns, rows } = frame;
    let image = this.#image;
    if (image?.width !== columns || image.height !== rows) {
      image = new ImageData(columns, rows);
      this.#image = image;
      this.#canvas.width = columns;
      this.#canvas.height = rows;
    }
    const look = { frame, window, isInverted };
    paintPixels(new Uint32Array(image.data.buffer), this.#table, look);
    this.#context?.putImageData(image, 0, 0);
    this.#drawn = look;
    return this.#canvas;
  }
}
