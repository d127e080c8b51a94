// How many images the wheel goes on.

/** What Chromium gives a notch of a wheel in `wheelDeltaY`, whatever pixels the system makes of it (53 to 120, and less on a scaled screen). */
const notch = 120;
/** A touch pad has no notches: an image for so many CSS pixels. */
const pixelsPerImage = 50;
const mostAtOnce = 3;

export class WheelSteps {
  #restPx = 0;

  /** Images to go on, negative backwards: one for each notch. `wheelDeltaY` is Chromium's, no part of the standard's event. */
  take({ deltaY, wheelDeltaY = 0 }: { readonly deltaY: number; readonly wheelDeltaY?: number }): number {
    if (wheelDeltaY !== 0 && wheelDeltaY % notch === 0) {
      this.#restPx = 0;
      return limited(-wheelDeltaY / notch);
    }
    this.#restPx += deltaY;
    const steps = Math.trunc(this.#restPx / pixelsPerImage);
    this.#restPx -= steps * pixelsPerImage;
    return limited(steps);
  }
}

function limited(steps: number): number {
  return Math.max(-mostAtOnce, Math.min(mostAtOnce, steps));
}
