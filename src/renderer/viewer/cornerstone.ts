// Cornerstone3D, started once per window: our frames as its images, one WebGL context, and word of it when that is lost.
import {
  cache,
  Enums,
  eventTarget,
  getConfiguration,
  getShouldUseCPURendering,
  imageLoader,
  init,
  metaData,
  RenderingEngine,
} from '@cornerstonejs/core';
import type { FrameStore } from './frame-store.ts';
import { imageScheme } from './image-id.ts';
import { frameLoader } from './image-loader.ts';
import { ImageModules } from './image-modules.ts';

/** Beside the frames themselves: their values in modality units, which share memory with the frame where nothing is rescaled. */
const stackCacheBytes = 256 * 1024 * 1024;

export class Cornerstone {
  /** False where the window has no WebGL. */
  readonly hasWebgl: boolean;
  readonly modules = new ImageModules();
  readonly #listeners = new Set<() => void>();
  #engine: RenderingEngine | null = null;
  #isLost = false;

  constructor(frames: FrameStore) {
    const configuration = getConfiguration();
    init({ ...configuration, rendering: { ...configuration.rendering, webGlContextCount: 1 } });
    this.hasWebgl = !getShouldUseCPURendering();
    imageLoader.registerImageLoader(imageScheme, frameLoader(frames, this.modules));
    // Above Cornerstone's own providers, which know nothing of these names.
    metaData.addProvider(this.modules.moduleOf, 10_000);
    cache.setMaxCacheSize(stackCacheBytes);
    eventTarget.addEventListener(Enums.Events.WEBGL_CONTEXT_LOST, () => {
      this.#isLost = true;
      for (const listener of this.#listeners) listener();
    });
  }

  /** Whether images can be painted by the graphics card now. */
  get isUsable(): boolean {
    return this.hasWebgl && !this.#isLost;
  }

  get engine(): RenderingEngine {
    this.#engine ??= new RenderingEngine('imagiq');
    return this.#engine;
  }

  /** Hears that the WebGL context was lost, until the returned function is called. */
  whenLost(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tries the graphics card again with a new context. */
  renew(): void {
    this.#engine?.destroy();
    this.#engine = null;
    this.#isLost = false;
  }

  /** Makes room for a volume of so many bytes beside the stacks; 0 gives it back. */
  reserve(volumeBytes: number): void {
    cache.setMaxCacheSize(stackCacheBytes + volumeBytes);
  }
}

const started = new WeakMap<FrameStore, Cornerstone>();

/** The window's one Cornerstone: it keeps its loaders and contexts in globals of its own, so a second one would be the same. */
export function cornerstoneOver(frames: FrameStore): Cornerstone {
  const known = started.get(frames);
  if (known) return known;
  const made = new Cornerstone(frames);
  started.set(frames, made);
  return made;
}
