// A series as a volume in three planes with common cross-hairs.
import { cache, imageLoader, setVolumesForViewports, type Types, volumeLoader } from '@cornerstonejs/core';
import { Enums } from '@cornerstonejs/core';
import { Fault, faultValueOf } from '../../contract/fault.ts';
import type { Cornerstone } from './cornerstone.ts';
import type { FrameStore } from './frame-store.ts';
import { imageIdOf } from './image-id.ts';
import { fitPlane, keptPlane, normalOfPlane, zoomPlane } from './plane-camera.ts';
import type { StackView } from './stack-view.svelte.ts';
import type { LookToolName } from './tools.ts';
import { plus, type Vector } from './vectors.ts';
import { sliceOf, type Slice, volumeBytes, volumeProblem } from './volume-check.ts';
import {
  middleOf,
  middleOfSlice,
  nearestToSlice,
  planeNumber,
  stepMm,
  voxelAt,
  type VoxelGrid,
  within,
} from './voxel-grid.ts';

export const mprPlanes = [
  { name: 'Axial', viewportId: 'mpr-axial', orientation: Enums.OrientationAxis.AXIAL, color: '#ff6b6b' },
  { name: 'Coronal', viewportId: 'mpr-coronal', orientation: Enums.OrientationAxis.CORONAL, color: '#6bd06b' },
  { name: 'Sagittal', viewportId: 'mpr-sagittal', orientation: Enums.OrientationAxis.SAGITTAL, color: '#6fa8ff' },
] as const;
export type MprPlane = (typeof mprPlanes)[number];

/** What a drag on a plane does. */
export type PlaneTool = LookToolName | 'cross';

/** What a slab shows of the values behind one another. */
export const slabKinds = [
  { name: 'maximum', label: 'Maximum', blend: Enums.BlendModes.MAXIMUM_INTENSITY_BLEND },
  { name: 'minimum', label: 'Minimum', blend: Enums.BlendModes.MINIMUM_INTENSITY_BLEND },
  { name: 'mean', label: 'Mean', blend: Enums.BlendModes.AVERAGE_INTENSITY_BLEND },
] as const;
export type SlabKind = (typeof slabKinds)[number];

const loadsAtOnce = 4;

export class Mpr {
  readonly view: StackView;
  readonly cornerstone: Cornerstone;
  readonly #frames: FrameStore;
  readonly #volumeId: string;
  readonly #viewports = new Map<MprPlane, Types.IVolumeViewport>();
  #volume: Types.IImageVolume | null = null;
  #grid = $state.raw<VoxelGrid | null>(null);
  #loaded = $state(0);
  #problem = $state<string | null>(null);
  #center = $state.raw<Types.Point3>([0, 0, 0]);
  /** Where the planes began. */
  #start: Types.Point3 = [0, 0, 0];
  /** Of the stack's images, in its order, mm. */
  #places: readonly (Vector | null)[] = [];
  #slabMm = $state(0);
  #slabKind = $state.raw<SlabKind>(slabKinds[0]);
  #tool = $state<PlaneTool>('cross');
  #active = $state.raw<MprPlane>(mprPlanes[0]);
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
    return this.#grid !== null;
  }

  /** Where the cross-hairs meet, in the patient's coordinates, mm: always inside of the volume. */
  /** The image of the stack that lies nearest to the cross; null before there is a volume. */
  get imageAtCross(): number | null {
    return this.#grid ? nearestToSlice(this.#grid, this.#center, this.#places) : null;
  }

  get center(): Types.Point3 {
    return this.#center;
  }

  get slabKind(): SlabKind {
    return this.#slabKind;
  }

  setSlabKind(kind: SlabKind): void {
    this.#slabKind = kind;
  }

  get slabMm(): number {
    return this.#slabMm;
  }

  /** Distance of the slices that were read. */
  get sliceSpacingMm(): number {
    return this.#grid?.spacing[2] ?? 1;
  }

  get tool(): PlaneTool {
    return this.#tool;
  }

  /** The plane that the keys move: the one that was used last. */
  get active(): MprPlane {
    return this.#active;
  }

  choose(tool: PlaneTool): void {
    this.#tool = tool;
  }

  activate(plane: MprPlane): void {
    this.#active = plane;
  }

  activateNext(): void {
    this.#active = mprPlanes[(mprPlanes.indexOf(this.#active) + 1) % mprPlanes.length] ?? mprPlanes[0];
  }

  moveTo(point: Vector): void {
    if (this.#grid) this.#center = within(this.#grid, point);
  }

  /** Moves the active plane by slices: away from the reader is on. */
  step(by: number): void {
    const normal = this.#normal();
    if (normal && this.#grid) this.moveTo(plus(this.#center, normal, -by * stepMm(this.#grid, normal)));
  }

  /** The first or the last slice of the active plane. */
  stepToEnd(sign: 1 | -1): void {
    this.step(sign * Math.max(...(this.#grid?.dimensions ?? [0])));
  }

  /** The modality's value in the voxel under the cross-hairs; null before there is a volume. */
  get value(): number | null {
    if (!this.#grid || !this.#volume) return null;
    const [column, row, slice] = voxelAt(this.#grid, this.#center).map(Math.round);
    const value: unknown = this.#volume.voxelManager?.getAtIJK(column ?? 0, row ?? 0, slice ?? 0);
    return typeof value === 'number' ? value : null;
  }

  /** Which of the volume's own slices a plane shows; null where it lies askew to them. */
  numberOf(normal: Vector): { number: number; of: number } | null {
    return this.#grid ? planeNumber(this.#grid, normal, this.#center) : null;
  }

  zoomBy(factor: number): void {
    const viewport = this.#viewports.get(this.#active);
    if (viewport) zoomPlane(viewport, factor);
  }

  /** The whole of every plane. */
  fit(): void {
    for (const viewport of this.#viewports.values()) fitPlane(viewport);
  }

  /** Panes changed size: their planes change with them. Cornerstone resizes all at once, and forgets how large each was seen. */
  resized(): void {
    const seen = [...this.#viewports.values()].map(keptPlane);
    this.cornerstone.engine.resize(true, true);
    for (const show of seen) show();
  }

  /** Where they began, single slices, whole planes, the file's own window. */
  reset(): void {
    if (this.#grid) this.#center = this.#start;
    this.#slabMm = 0;
    this.#slabKind = slabKinds[0];
    this.view.look.reset();
    this.fit();
  }

  /** Thickness of the slab; 0: a single slice. */
  setSlabMm(slabMm: number): void {
    this.#slabMm = slabMm;
  }

  /** Shows the volume in the viewport of a plane, which was enabled as an orthographic one. */
  async show(plane: MprPlane): Promise<Types.IVolumeViewport> {
    const { engine } = this.cornerstone;
    await setVolumesForViewports(engine, [{ volumeId: this.#volumeId }], [plane.viewportId]);
    const viewport = engine.getViewport<Types.IVolumeViewport>(plane.viewportId);
    this.#viewports.set(plane, viewport);
    return viewport;
  }

  /** Its viewport is no more. */
  forget(plane: MprPlane): void {
    this.#viewports.delete(plane);
  }

  close(): void {
    this.#isClosed = true;
    if (this.isReady) cache.removeVolumeLoadObject(this.#volumeId);
    this.cornerstone.reserve(0);
  }

  #normal(): Vector | null {
    const viewport = this.#viewports.get(this.#active);
    return viewport ? normalOfPlane(viewport) : null;
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
      const [ax, ay, az, bx, by, bz, cx, cy, cz] = [...volume.direction] as [
        ...Types.Point3,
        ...Types.Point3,
        ...Types.Point3,
      ];
      const { dimensions, spacing, origin } = volume;
      const axes = [[ax, ay, az] as const, [bx, by, bz] as const, [cx, cy, cz] as const] as const;
      const grid = { dimensions, spacing, origin, axes };
      this.#volume = volume;
      this.#places = slices.map(({ geometry }) => geometry.position);
      const shown = this.#places[this.view.index] ?? null;
      this.#start = shown === null ? middleOf(grid) : middleOfSlice(grid, shown);
      this.#center = this.#start;
      this.#grid = grid;
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
        try {
          slices[index] = sliceOf(await this.#frames.frame(instance.sopInstanceUID, frame));
        } catch (fault) {
          const { message, ...value } = faultValueOf(fault);
          throw new Fault({ ...value, message: `Image ${index + 1} of ${this.view.length}: ${message}` });
        }
        this.#loaded += 1;
      }
    };
    await Promise.all(Array.from({ length: loadsAtOnce }, work));
    return slices;
  }
}
