// Whether the series of a viewport makes a volume: as its headers say, known before anyone asks for MPR, and as a try came out.
import type { FrameStore } from './frame-store.ts';
import type { StackItem } from './stack.ts';
import { unevenSpacing, volumeProblem } from './volume-check.ts';

export class SeriesVolume {
  readonly #frames: FrameStore;
  #stack: readonly StackItem[] = [];
  #hindrance = $state<string | null>(null);
  #problem = $state<string | null>(null);

  constructor(frames: FrameStore) {
    this.#frames = frames;
  }

  /** Why there is none; null where there is, and while it is not known. */
  get hindrance(): string | null {
    return this.#hindrance;
  }

  /** As much of it as is said on the images: what a try came to, and that slices may be missing. */
  get problem(): string | null {
    return this.#problem;
  }

  setProblem(problem: string): void {
    this.#problem = problem;
    this.#hindrance = problem;
  }

  forget(): void {
    this.#stack = [];
    this.#problem = null;
    this.#hindrance = null;
  }

  /** Looks where the frames of a stack lie, once. */
  async check(seriesInstanceUID: string, stack: readonly StackItem[]): Promise<void> {
    if (this.#stack === stack || stack.length < 3) return;
    this.#stack = stack;
    await this.#frames.learnGeometry(seriesInstanceUID);
    if (this.#stack !== stack) return;
    const slices = stack.flatMap(({ instance: { sopInstanceUID, rows, columns }, frame }) => {
      const geometry = this.#frames.geometryOf(sopInstanceUID, frame);
      return geometry ? [{ rows, columns, geometry, isInColour: false }] : [];
    });
    if (slices.length < stack.length) return;
    this.#hindrance = volumeProblem(slices);
    if (this.#hindrance === unevenSpacing) this.#problem = unevenSpacing;
  }
}
