// The cross that stands for the pointer where a shape is measured by keys alone.
import type { Measuring, Place } from './measuring.svelte.ts';

export class KeyCross {
  readonly measuring: Measuring;
  #at = $state.raw<Place | null>(null);

  constructor(measuring: Measuring) {
    this.measuring = measuring;
  }

  /** Null while it is not there. */
  get at(): Place | null {
    return this.#at;
  }

  /**
   * Brings the cross: to the chosen shape, else to the middle. Where it is there already, puts a point, takes the one under it, or
   * lets go of it.
   */
  press(): void {
    const { measuring } = this;
    const at = this.#at;
    if (!measuring.isOfUse) return;
    if (at === null) {
      const { width, height } = measuring.view.size;
      const { selected } = measuring;
      this.#at = measuring.placesOf(selected ? [selected] : [])[0] ?? [width / 2, height / 2];
    } else if (measuring.drawing.draft?.of) measuring.release(at, false);
    // What is new ends with a press, and what is taken is let go of with the next one.
    else if (measuring.press(at) && !measuring.drawing.draft?.of) measuring.release(at, true);
  }

  /** By CSS pixels; it stays in the viewport. */
  moveBy(right: number, down: number): void {
    const { width, height } = this.measuring.view.size;
    if (!this.#at) return;
    const [x, y] = [this.#at[0] + right, this.#at[1] + down];
    this.#goTo([Math.max(0, Math.min(width - 1, x)), Math.max(0, Math.min(height - 1, y))]);
  }

  /** To the point of a shape that follows the one under it. */
  toNextPoint(): void {
    const places = this.measuring.placesOf(this.measuring.shown);
    const at = this.#at;
    if (!at || this.measuring.drawing.draft) return;
    const here = places.findIndex(([x, y]) => Math.hypot(x - at[0], y - at[1]) < 1);
    const next = places[(here + 1) % places.length];
    if (next) this.#goTo(next);
  }

  /** Gives up what is drawn, else goes. False: there was neither. */
  leave(): boolean {
    if (this.measuring.cancel()) return true;
    const wasThere = this.#at !== null;
    this.#at = null;
    return wasThere;
  }

  /** The mouse goes on with what was begun. */
  giveWay(): void {
    this.#at = null;
  }

  #goTo(at: Place): void {
    this.#at = at;
    this.measuring.move(at);
  }
}
