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
  /**
   * True where WebGL is worked out by the processor. It then costs several times what painting the image directly does, because
   * each picture is read back, so only volumes are cut by it.
   */
  readonly isSoftware: boolean;
  readonly modules = new ImageModules();
  readonly #listeners = new Set<() => void>();
  #engine: RenderingEngine | null = null;
  #isLost = false;

  constructor(frames: FrameStore) {
    const configuration = getConfiguration();
    init({ ...configuration, rendering: { ...configuration.rendering, webGlContextCount: 1 } });
    this.hasWebgl = !getShouldUseCPURendering();
    this.isSoftware = this.hasWebgl && !hasGraphicsCard();
    imageLoader.registerImageLoader(imageScheme, frameLoader(frames, this.modules));
    // Above Cornerstone's own providers, which know nothing of these names.
    metaData.addProvider(this.modules.moduleOf, 10_000);
    cache.setMaxCacheSize(stackCacheBytes);
    eventTarget.addEventListener(Enums.Events.WEBGL_CONTEXT_LOST, () => {
      this.#isLost = true;
      for (const listener of this.#listeners) listener();
    });
  }

  /** Whether WebGL can be used now. */
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

/** A browser that would work WebGL out by the processor refuses it where that is asked to count (WebGL 1.0, 5.2). */
function hasGraphicsCard(): boolean {
  const context = new OffscreenCanvas(1, 1).getContext('webgl2', { failIfMajorPerformanceCaveat: true });
  context?.getExtension('WEBGL_lose_context')?.loseContext();
  return context !== null;
}
