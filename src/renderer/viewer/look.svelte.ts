// How the images of one viewport are looked at: window, zoom, position, rotation, flips, inversion.
import type { Presentation } from '../../contract/presentation.ts';
import { type View, wholeImage } from './placement.ts';
import type { VoiWindow } from './window-level.ts';

const zoomLimits = { min: 0.1, max: 40 };

export class Look {
  /** Null while the window follows each file's own. */
  #window = $state.raw<VoiWindow | null>(null);
  #view = $state.raw<View>(wholeImage);
  #isInverted = $state(false);
  #isSmooth = $state(true);
  #presentation = $state.raw<Presentation | null>(null);
  /** Hears of what the reader changes. */
  onchanged: (() => void) | null = null;

  get window(): VoiWindow | null {
    return this.#window;
  }

  get view(): View {
    return this.#view;
  }

  get isInverted(): boolean {
    return this.#isInverted;
  }

  /** Whether pixels larger than the screen's run into one another; else each is seen as it is. */
  get isSmooth(): boolean {
    return this.#isSmooth;
  }

  toggleSmooth(): void {
    this.#isSmooth = !this.#isSmooth;
  }

  /** The presentation state whose windows stand for the files' own, and whose graphics are drawn. */
  get presentation(): Presentation | null {
    return this.#presentation;
  }

  /** Begins with what a state says; null: with what the files say. */
  present(presentation: Presentation | null, view: View, isInverted: boolean): void {
    this.#presentation = presentation;
    this.follow(null, view, isInverted);
    this.onchanged?.();
  }

  /** Null: the state's or the file's own window, or the file's table. */
  setWindow(window: VoiWindow | null): void {
    this.#window = window === null ? null : { ...window, width: Math.max(1e-6, window.width) };
    this.onchanged?.();
  }

  setView(view: View): void {
    this.#view = { ...view, zoom: Math.max(zoomLimits.min, Math.min(zoomLimits.max, view.zoom)) };
    this.onchanged?.();
  }

  /** Takes over what a linked viewport shows, without telling it back. */
  follow(window: VoiWindow | null, view: View, isInverted: boolean): void {
    this.#window = window;
    this.#view = view;
    this.#isInverted = isInverted;
  }

  /** Zooms by a factor, keeping the point at (x, y), measured from the origin of pans, in place. */
  zoomBy(factor: number, x = 0, y = 0): void {
    const zoom = Math.max(zoomLimits.min, Math.min(zoomLimits.max, this.#view.zoom * factor));
    const change = zoom / this.#view.zoom;
    this.setView({
      ...this.#view,
      zoom,
      panX: x - (x - this.#view.panX) * change,
      panY: y - (y - this.#view.panY) * change,
    });
  }

  panBy(x: number, y: number): void {
    this.setView({ ...this.#view, panX: this.#view.panX + x, panY: this.#view.panY + y });
  }

  /** By quarter turns or any angle, clockwise. */
  rotateBy(degrees: number): void {
    const rotationDegrees = (this.#view.rotationDegrees + degrees + 360) % 360;
    this.setView({ ...this.#view, rotationDegrees, justified: 'middle' });
  }

  flipHorizontally(): void {
    const { justified } = this.#view;
    const other = justified === 'left' ? 'right' : justified === 'right' ? 'left' : justified;
    this.setView({ ...this.#view, isFlippedHorizontally: !this.#view.isFlippedHorizontally, justified: other });
  }

  flipVertically(): void {
    this.setView({ ...this.#view, isFlippedVertically: !this.#view.isFlippedVertically });
  }

  fit(): void {
    this.setView({ ...this.#view, zoom: 1, panX: 0, panY: 0 });
  }

  invert(): void {
    this.#isInverted = !this.#isInverted;
    this.onchanged?.();
  }

  /** Back to the whole image under the file's own window. */
  reset(): void {
    this.present(null, wholeImage, false);
  }
}
