// One viewport's state: which frame of which series, under which window, at which place.
import type { Presentation } from '../../contract/presentation.ts';
import type { Frame, Instance, Series, Study } from '../../contract/dicom.ts';
import { faultValueOf } from '../../contract/fault.ts';
import type { OpenedStudy } from '../navigation.svelte.ts';
import { Cine } from './cine.svelte.ts';
import { emptySeriesReason, isReport, leftOutNote } from './empty-series.ts';
import type { FrameStore } from './frame-store.ts';
import { imageIdOf } from './image-id.ts';
import { Look } from './look.svelte.ts';
import type { Picture } from './painter.ts';
import { pixelSize, type Placement, placementOf, type Size, wholeImage } from './placement.ts';
import { isPresentedInverted, presentedView, presentedWindow } from './presented.ts';
import { SeriesVolume } from './series-volume.svelte.ts';
import { type Shown, StackLoading } from './stack-loading.svelte.ts';
import { middleOf, placeIn, type StackItem, stackOf } from './stack.ts';
import { initialWindow, isColour, type VoiWindow } from './window-level.ts';

export class StackView {
  readonly id: string;
  readonly cine: Cine;
  readonly look = new Look();
  readonly volume: SeriesVolume;
  readonly study: Study;
  readonly #frames: FrameStore;
  readonly #loading: StackLoading;
  #series = $state.raw<Series | null>(null);
  /** Instances without pixels, in their order. */
  #documents = $state.raw<readonly Instance[]>([]);
  #leftOut = $state<string | null>(null);
  #documentIndex = $state(0);
  #size = $state.raw<Size>({ width: 0, height: 0 });
  /** Hears of every place that the reader goes to, for viewports that follow. */
  onmoved: (() => void) | null = null;

  constructor(id: string, study: Study, frames: FrameStore) {
    this.id = id;
    this.study = study;
    this.#frames = frames;
    this.volume = new SeriesVolume(frames);
    // Behind the first image: nobody waits for it.
    this.#loading = new StackLoading(frames, ({ instance }, stack) => {
      void this.volume.check(instance.seriesInstanceUID, stack);
    });
    this.cine = new Cine(this);
  }

  /** Of the presentation state that is shown, for this image. */
  readonly presentedWindow = $derived.by<VoiWindow | null>(() => {
    const { presentation } = this.look;
    return presentation && this.shown ? presentedWindow(presentation, this.shown.item, this.shown.frame) : null;
  });
  /** Whether the file's VOI LUT is applied. */
  readonly isThroughTable = $derived(
    this.look.window === null && this.presentedWindow === null && this.shown?.frame.voiTable !== undefined,
  );
  readonly imageIds = $derived.by(() => this.#imageIds(this.isThroughTable));
  readonly placement = $derived.by<Placement | null>(() => {
    const { frame } = this;
    if (!frame || this.#size.width === 0) return null;
    const pixel = pixelSize(frame.geometry);
    return placementOf({ columns: frame.columns, rows: frame.rows, pixel }, this.look.view, this.#size);
  });
  readonly window = $derived.by<VoiWindow>(() => {
    const { frame } = this;
    return this.look.window ?? this.presentedWindow ?? (frame ? initialWindow(frame) : { center: 128, width: 256 });
  });
  readonly picture = $derived.by<Picture | null>(() => {
    const shown = this.shown;
    if (!shown || !this.placement) return null;
    return {
      frame: shown.frame,
      imageIds: this.imageIds,
      index: shown.index,
      window: this.isThroughTable ? null : this.window,
      isInverted: this.look.isInverted,
      isSmooth: this.look.isSmooth,
      placement: this.placement,
      viewport: this.#size,
    };
  });

  get series(): Series | null {
    return this.#series;
  }

  get stack(): readonly StackItem[] {
    return this.#loading.stack;
  }

  get length(): number {
    return this.stack.length;
  }

  /** Where the reader went; the picture follows as soon as it is decoded. */
  get index(): number {
    return this.#loading.index;
  }

  /** What a series without images holds: reports, plans, recordings. */
  get documents(): readonly Instance[] {
    return this.stack.length === 0 ? this.#documents : [];
  }

  /** How many files of a series with images hold none; null where all do. */
  get leftOut(): string | null {
    return this.#leftOut;
  }

  /** The one that is shown; null of a series with images. */
  get document(): Instance | null {
    return this.documents[this.#documentIndex] ?? null;
  }

  chooseDocument(index: number): void {
    this.#documentIndex = Math.max(0, Math.min(this.#documents.length - 1, index));
  }

  /** What lies under the reader's eyes: the image, or what a series without images holds. */
  get instance(): Instance | null {
    return this.item?.instance ?? this.document;
  }

  get item(): StackItem | null {
    return this.#loading.item;
  }

  /** The place that is on the screen. */
  get shown(): Shown | null {
    return this.#loading.shown;
  }

  get frame(): Frame | null {
    return this.shown?.frame ?? null;
  }

  /** Whether frames that were asked for have not come yet. */
  get isLoading(): boolean {
    return this.#loading.isLoading;
  }

  /** As the file says. */
  get framesPerSecond(): number | undefined {
    return this.frame?.framesPerSecond;
  }

  /** Why the current frame is not shown, for a person. */
  get problem(): string | null {
    return this.#loading.problem;
  }

  get size(): Size {
    return this.#size;
  }

  /** Goes to a frame, opening its series when another is shown. */
  async showFrame(series: Series, sopInstanceUID: string, frame: number): Promise<void> {
    if (this.#series?.seriesInstanceUID !== series.seriesInstanceUID)
      await this.openSeries(series, { sopInstanceUID, frame });
    const at = placeIn(this.stack, sopInstanceUID, frame);
    if (at >= 0) this.go(at);
  }

  /** @param image to begin with; the middle one where it is not given, or not of the series */
  async openSeries(series: Series, image?: OpenedStudy['image']): Promise<void> {
    this.cine.reset();
    this.#series = series;
    this.#loading.open([]);
    this.#documents = [];
    this.#leftOut = null;
    this.#documentIndex = 0;
    this.volume.forget();
    this.look.reset();
    try {
      const { instances } = await this.#frames.instances(series.seriesInstanceUID);
      if (this.#series !== series) return;
      this.#loading.open(stackOf(instances));
      this.#documents = instances.filter(({ rows }) => rows === 0);
      this.#leftOut = leftOutNote(instances);
      if (this.stack.length === 0 && !isReport(series.modality))
        this.#loading.problem = emptySeriesReason(series, this.study);
      const named = image ? placeIn(this.stack, image.sopInstanceUID, image.frame) : -1;
      if (this.stack.length > 0) this.show(named < 0 ? middleOf(this.stack.length) : named);
    } catch (fault) {
      // Of a series that was left meanwhile, nobody needs to know.
      if (this.#series === series) this.#loading.problem = faultValueOf(fault).message;
    }
  }

  /** Shows the frame at a place of the stack, clamped to its ends. */
  show(index: number): void {
    this.#loading.show(index);
  }

  /** As `show`, by the reader's own hand: linked viewports follow. */
  go(index: number): void {
    this.show(index);
    this.onmoved?.();
  }

  step(by: number): void {
    this.go(this.index + by);
  }

  setSize(size: Size): void {
    if (size.width !== this.#size.width || size.height !== this.#size.height) this.#size = size;
  }

  /** A drag by CSS pixels: to the right is wider, down is higher. Images in colour have no window. */
  dragWindow(right: number, down: number): void {
    if (!this.frame || isColour(this.frame)) return;
    const { center, width } = this.window;
    // The wider the window, the coarser the drag: the same gesture suits 8-bit images and CT.
    const step = Math.max(width / 300, 1e-4);
    this.look.setWindow({ ...this.window, center: center + down * step, width: width + right * step });
  }

  /** Shows images as a presentation state says; null: as their files say. */
  present(state: Presentation | null): void {
    const shown = this.shown;
    if (!state || !shown) this.look.present(null, wholeImage, false);
    else {
      const view = presentedView(state, shown.item, shown.frame, this.#size, globalThis.devicePixelRatio);
      this.look.present(state, view, isPresentedInverted(state, shown.frame));
    }
  }

  /** One pixel of the image to one pixel of the screen. */
  showPixels(): void {
    if (!this.placement) return;
    const factor = 1 / (this.placement.pixelScale * globalThis.devicePixelRatio);
    const { view } = this.look;
    this.look.setView({ ...view, zoom: view.zoom * factor, panX: 0, panY: 0 });
  }

  close(): void {
    this.cine.pause();
    this.#loading.close();
    this.#series = null;
  }

  #imageIds(isThroughTable: boolean): readonly string[] {
    return this.stack.map(({ instance, frame }) =>
      imageIdOf({ sopInstanceUID: instance.sopInstanceUID, frame, isThroughTable }),
    );
  }
}
