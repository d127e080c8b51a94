import type { Frame } from '../../contract/dicom.ts';
import type { Placement, Size } from './placement.ts';
import type { VoiWindow } from './window-level.ts';

/** What a viewport shows: a frame of a stack, under a window, at a place. */
export interface Picture {
  readonly frame: Frame;
  /** Names of the stack's frames, of which `index` is shown. */
  readonly imageIds: readonly string[];
  readonly index: number;
  /** Null: through the file's VOI LUT. */
  readonly window: VoiWindow | null;
  readonly isInverted: boolean;
  /** Between the pixels of an image that is larger than itself. */
  readonly isSmooth: boolean;
  readonly placement: Placement;
  readonly viewport: Size;
}

/** Paints pictures into an element that it was made for. The last picture wins; none is painted after a newer one. */
export interface Painter {
  paint(picture: Picture): void;
  close(): void;
}
