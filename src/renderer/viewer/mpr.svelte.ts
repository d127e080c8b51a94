// A series as a volume in three planes with common cross-hairs.
import { cache, imageLoader, setVolumesForViewports, type Types, volumeLoader } from '@cornerstonejs/core';
import { Enums } from '@cornerstonejs/core';
import { faultValueOf } from '../../contract/fault.ts';
import type { Cornerstone } from './cornerstone.ts';
import type { FrameStore } from './frame-store.ts';
import { imageIdOf } from './image-id.ts';
import type { StackView } from './stack-view.svelte.ts';
import { sliceOf, type Slice, volumeBytes, volumeProblem } from './volume-check.ts';

export const mprPlanes = [
  { name: 'Axial', viewportId: 'mpr-axial', orientation: Enums.OrientationAxis.AXIAL, color: '#ff6b6b' },
  { name: 'Coronal', viewportId: 'mpr-coronal', orientation: Enums.OrientationAxis.CORONAL, color: '#6bd06b' },
  { name: 'Sagittal', viewportId: 'mpr-sagittal', orientation: Enums.OrientationAxis.SAGITTAL, color: '#6fa8ff' },
] as const;
export type MprPlane = (typeof mprPlanes)[number];

const loadsAtOnce = 4;

export class Mpr {
  readonly view: StackView;
  readonly cornerstone: Cornerstone;
  readonly #frames: FrameStore;
  readonly #volumeId: string;
  #loaded = $state(0);
  #problem = $state<string | null>(null);
  #isReady = $state(false);
  #center = $state.raw<Types.Point3>([0, 0, 0]);
  #slabMm = $state(0);
  #stepMm = 1;
  #sliceSpacingMm = 1;
  #isClosed = false;

  constructor(view: StackView, frames: FrameStore, cornerstone: Cornerstone) {
    this.view = view;
    this.#frames = frames;
    this.cornerstone = cornerstone;
    this.#volumeId = `imagiq-volume:${view.series?.seriesInstanceUID ?? ''}`;
    void this.#load();
  }

  get loaded(): number {
    return this.#loaded;
  }

  get length(): number {
    return this.view.length;
  }

  /** Why there is no volume, for a person. */
  get problem(): string | null {
    return this.#problem;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Where the cross-hairs meet, in the patient's coordinates, mm. */
  get center(): Types.Point3 {
    return this.#center;
  }

  get slabMm(): number {
    return this.#slabMm;
  }

  /** Distance of the slices that were read. */
  get sliceSpacingMm(): number {
    return this.#sliceSpacingMm;
  }

  get stepMm(): number {
    return this.#stepMm;
  }

  moveTo(point: Types.Point3): void {
    this.#center = point;
  }

  /** Of the maximum intensity projection; 0: a single slice. */
  setSlabMm(slabMm: number): void {
    this.#slabMm = slabMm;
  }

  /** Shows the volume in a viewport that was enabled as an orthographic one. */
  async show(viewportId: string): Promise<void> {
    await setVolumesForViewports(this.cornerstone.engine, [{ volumeId: this.#volumeId }], [viewportId]);
  }

  close(): void {
    this.#isClosed = true;
    if (this.#isReady) cache.removeVolumeLoadObject(this.#volumeId);
    this.cornerstone.reserve(0);
  }

  async #load(): Promise<void> {
    try {
      const slices = await this.#slices();
      if (this.#isClosed) return;
      this.#problem = volumeProblem(slices);
      if (this.#problem !== null) return;
      this.cornerstone.reserve(volumeBytes(slices));
      const imageIds = this.view.stack.map(({ instance, frame }) =>
        imageIdOf({ sopInstanceUID: instance.sopInstanceUID, frame, isThroughTable: false, isInVolume: true }),
      );
      await Promise.all(imageLoader.loadAndCacheImages(imageIds));
      if (this.#isClosed) return;
      const volume = volumeLoader.createAndCacheVolumeFromImagesSync(this.#volumeId, imageIds);
      const { dimensions, spacing, imageData } = volume;
      this.#stepMm = Math.min(...spacing);
      this.#sliceSpacingMm = spacing[2] ?? 1;
      const middle: Types.Point3 = [dimensions[0] / 2, dimensions[1] / 2, dimensions[2] / 2];
      const [x = 0, y = 0, z = 0] = imageData?.indexToWorld(middle) ?? [];
      this.#center = [x, y, z];
      this.#isReady = true;
    } catch (fault) {
      this.#problem = `${faultValueOf(fault).message} So there is no MPR.`;
    }
  }

  /** Decodes every frame, a few at a time: the geometry of a slice is known when its frame is. */
  async #slices(): Promise<Slice[]> {
    const slices: Slice[] = [];
    const rest = [...this.view.stack.entries()];
    const work = async (): Promise<void> => {
      for (let next = rest.shift(); next && !this.#isClosed; next = rest.shift()) {
        const [index, { instance, frame }] = next;
        slices[index] = sliceOf(await this.#frames.frame(instance.sopInstanceUID, frame));
        this.#loaded += 1;
      }
    };
    await Promise.all(Array.from({ length: loadsAtOnce }, work));
    return slices;
  }
}
