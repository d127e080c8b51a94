// The graphics card as the viewer knows it: looked for after the first image, which the processor paints sooner than WebGL starts.
import type { Cornerstone } from './cornerstone.ts';
import type { FrameStore } from './frame-store.ts';

export type Accelerated = typeof import('./accelerated.ts');

interface Ready {
  readonly accelerated: Accelerated;
  readonly cornerstone: Cornerstone;
}

export class Graphics {
  readonly #frames: FrameStore;
  #ready = $state.raw<Ready | null>(null);
  #isUsable = $state(false);
  #starting: Promise<Ready> | null = null;

  constructor(frames: FrameStore) {
    this.#frames = frames;
  }

  /** Null until it was prepared. */
  get ready(): Ready | null {
    return this.#ready;
  }

  /** Whether WebGL is known to be missing, or was lost. */
  get isMissing(): boolean {
    return this.#ready !== null && !this.#isUsable;
  }

  /** Whether WebGL was there and stopped working. */
  get isLost(): boolean {
    return this.isMissing && this.#ready?.cornerstone.hasWebgl === true;
  }

  /** Whether the graphics card paints stacks faster than the processor. */
  get paintsStacks(): boolean {
    return this.#isUsable && this.#ready?.cornerstone.isSoftware === false;
  }

  /** Reads Cornerstone and starts WebGL, once. */
  prepare(): Promise<Ready> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Tries the graphics card again with a new context. */
  renew(): void {
    this.#ready?.cornerstone.renew();
    this.#isUsable = this.#ready?.cornerstone.isUsable ?? false;
  }

  async #start(): Promise<Ready> {
    const accelerated = await import('./accelerated.ts');
    const cornerstone = new accelerated.Cornerstone(this.#frames);
    cornerstone.whenLost(() => (this.#isUsable = false));
    this.#isUsable = cornerstone.isUsable;
    this.#ready = { accelerated, cornerstone };
    return this.#ready;
  }
}

const known = new WeakMap<FrameStore, Graphics>();

/** The window's one: Cornerstone keeps its loaders and contexts in globals of its own, so a second one would be the same. */
export function graphicsOver(frames: FrameStore): Graphics {
  const made = known.get(frames) ?? new Graphics(frames);
  known.set(frames, made);
  return made;
}
