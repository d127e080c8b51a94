// One viewport's state: which frame of which series, under which window, at which place.
import type { Presentation } from '../../contract/presentation.ts';
import type { Frame, Instance, Series, Study } from '../../contract/dicom.ts';
import { faultValueOf } from '../../contract/fault.ts';
import type { OpenedStudy } from '../navigation.svelte.ts';
import { Cine } from './cine.svelte.ts';
import { emptySeriesReason, isReport, leftOutNote } from './empty-series.ts';
import { bytesHere } from './frame-filling.ts';
import { type FrameStore, frameStoreBytes } from './frame-store.ts';
import { imageIdOf } from './image-id.ts';
import { Look } from './look.svelte.ts';
import type { Picture } from './painter.ts';
import { pixelSize, type Placement, placementOf, type Size, wholeImage } from './placement.ts';
import { Prefetch } from './prefetch.ts';
import { isPresentedInverted, presentedView, presentedWindow } from './presented.ts';
import { SeriesVolume } from './series-volume.svelte.ts';
import { middleOf, nearby, placeIn, type StackItem, stackOf } from './stack.ts';
import { initialWindow, isColour, type VoiWindow } from './window-level.ts';

/** Frames asked for at a time while scrolling; the newest place waits when so many are on their way. */
const loadsAtOnce = 3;
/** Of the frame store, what one viewport fills ahead of the reader. */
const prefetchBytes = frameStoreBytes / 2;

interface Shown {
  readonly index: number;
  readonly item: StackItem;
  readonly frame: Frame;
}

export class StackView {
  readonly id: string;
  readonly cine: Cine;
  readonly look = new Look();
  readonly volume: SeriesVolume;
  readonly study: Study;
  readonly #frames: FrameStore;
  readonly #prefetch: Prefetch;
  #series = $state.raw<Series | null>(null);
  #stack = $state.raw<readonly StackItem[]>([]);
  /** Instances without pixels, in their order. */
  #documents = $state.raw<readonly Instance[]>([]);
  #leftOut = $state<string | null>(null);
  #documentIndex = $state(0);
  #index = $state(0);
  #shown = $state.raw<Shown | null>(null);
  #problem = $state<string | null>(null);
  #size = $state.raw<Size>({ width: 0, height: 0 });
  #direction = 1;
  #requests = 0;
  #shownRequest = 0;
  #loading = 0;
  #isBehind = false;
  /** Hears of every place that the reader goes to, for viewports that follow. */
  onmoved: (() => void) | null = null;

  constructor(id: string, study: Study, frames: FrameStore) {
    this.id = id;
    this.study = study;
    this.#frames = frames;
    this.#prefetch = new Prefetch(frames);
    this.volume = new SeriesVolume(frames);
    this.cine = new Cine(this);
  }

  /** Of the presentation state that is shown, for this image. */
  readonly presentedWindow = $derived.by<VoiWindow | null>(() => {
    const { presentation } = this.look;
    return presentation && this.#shown ? presentedWindow(presentation, this.#shown.item, this.#shown.frame) : null;
  });
  /** Whether the file's VOI LUT is applied. */
  readonly isThroughTable = $derived(
    this.look.window === null && this.presentedWindow === null && this.#shown?.frame.voiTable !== undefined,
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
    const shown = this.#shown;
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
    return this.#stack;
  }

  get length(): number {
    return this.#stack.length;
  }

  /** Where the reader went; the picture follows as soon as it is decoded. */
  get index(): number {
    return this.#index;
  }

  /** What a series without images holds: reports, plans, recordings. */
  get documents(): readonly Instance[] {
    return this.#stack.length === 0 ? this.#documents : [];
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
    return this.#stack[this.#index] ?? null;
  }

  /** The place that is on the screen. */
  get shown(): Shown | null {
    return this.#shown;
  }

  get frame(): Frame | null {
    return this.#shown?.frame ?? null;
  }

  /** Whether frames that were asked for have not come yet. */
  get isLoading(): boolean {
    return this.#loading > 0;
  }

  /** As the file says. */
  get framesPerSecond(): number | undefined {
    return this.frame?.framesPerSecond;
  }

  /** Why the current frame is not shown, for a person. */
  get problem(): string | null {
    return this.#problem;
  }

  get size(): Size {
    return this.#size;
  }

  /** Goes to a frame, opening its series when another is shown. */
  async showFrame(series: Series, sopInstanceUID: string, frame: number): Promise<void> {
    if (this.#series?.seriesInstanceUID !== series.seriesInstanceUID)
      await this.openSeries(series, { sopInstanceUID, frame });
    const at = placeIn(this.#stack, sopInstanceUID, frame);
    if (at >= 0) this.go(at);
  }

  /** @param image to begin with; the middle one where it is not given, or not of the series */
  async openSeries(series: Series, image?: OpenedStudy['image']): Promise<void> {
    this.cine.reset();
    this.#series = series;
    this.#stack = [];
    this.#documents = [];
    this.#leftOut = null;
    this.#documentIndex = 0;
    this.#shown = null;
    this.#problem = null;
    this.#index = 0;
    this.volume.forget();
    this.look.reset();
    try {
      const { instances } = await this.#frames.instances(series.seriesInstanceUID);
      if (this.#series !== series) return;
      this.#stack = stackOf(instances);
      this.#documents = instances.filter(({ rows }) => rows === 0);
      this.#leftOut = leftOutNote(instances);
      if (this.#stack.length === 0 && !isReport(series.modality)) this.#problem = emptySeriesReason(series, this.study);
      const named = image ? placeIn(this.#stack, image.sopInstanceUID, image.frame) : -1;
      if (this.#stack.length > 0) this.show(named < 0 ? middleOf(this.#stack.length) : named);
    } catch (fault) {
      // Of a series that was left meanwhile, nobody needs to know.
      if (this.#series === series) this.#problem = faultValueOf(fault).message;
    }
  }

  /** Shows the frame at a place of the stack, clamped to its ends. */
  show(index: number): void {
    if (this.#stack.length === 0) return;
    const next = Math.max(0, Math.min(this.#stack.length - 1, index));
    if (next !== this.#index) this.#direction = Math.sign(next - this.#index);
    this.#index = next;
    void this.#load();
  }

  /** As `show`, by the reader's own hand: linked viewports follow. */
  go(index: number): void {
    this.show(index);
    this.onmoved?.();
  }

  step(by: number): void {
    this.go(this.#index + by);
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
    const shown = this.#shown;
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
    this.#prefetch.want([]);
    this.#series = null;
    this.#stack = [];
    this.#shown = null;
  }

  async #load(): Promise<void> {
    const { item } = this;
    if (!item) return;
    if (this.#loading >= loadsAtOnce) {
      this.#isBehind = true;
      return;
    }
    const [stack, index] = [this.#stack, this.#index];
    this.#requests += 1;
    const request = this.#requests;
    this.#loading += 1;
    // An older place never replaces a newer one, in whatever order the answers come.
    const isOutdated = (): boolean => stack !== this.#stack || request < this.#shownRequest;
    try {
      const frame = await this.#frames.frame(item.instance.sopInstanceUID, item.frame);
      if (isOutdated()) return;
      this.#shownRequest = request;
      this.#shown = { index, item, frame };
      this.#problem = null;
      this.#fetchAhead(frame);
      void this.#fill(stack, item, frame);
      // Behind the first image: nobody waits for it.
      void this.volume.check(item.instance.seriesInstanceUID, stack);
    } catch (fault) {
      if (isOutdated()) return;
      this.#shownRequest = request;
      this.#shown = null;
      this.#problem = faultValueOf(fault).message;
    } finally {
      this.#loading -= 1;
      if (this.#isBehind) {
        this.#isBehind = false;
        void this.#load();
      }
    }
  }

  /** Fetches the rest of a large frame as long as it is shown. */
  async #fill(stack: readonly StackItem[], item: StackItem, head: Frame): Promise<void> {
    const isShown = (): boolean => this.#stack === stack && this.#shown?.item === item;
    try {
      for await (const frame of this.#frames.fill(item.instance.sopInstanceUID, item.frame, head, isShown)) {
        if (!isShown()) return;
        this.#shown = { index: this.#index, item, frame };
      }
    } catch (fault) {
      if (isShown()) this.#problem = faultValueOf(fault).message;
    }
  }

  #fetchAhead(frame: Frame): void {
    const limit = Math.max(4, Math.floor(prefetchBytes / Math.max(1, bytesHere(frame))));
    const places = nearby(this.#stack.length, this.#index, this.#direction, limit);
    this.#prefetch.want(places.flatMap((place) => this.#stack[place] ?? []));
  }

  #imageIds(isThroughTable: boolean): readonly string[] {
    return this.#stack.map(({ instance, frame }) =>
      imageIdOf({ sopInstanceUID: instance.sopInstanceUID, frame, isThroughTable }),
    );
  }
}
