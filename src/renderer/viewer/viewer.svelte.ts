// The viewer's state: which frame of which series, under which window, zoom and position.
import type { CallOutput } from '../../contract/calls.ts';
import type { Frame, Instance, Series, Study } from '../../contract/dicom.ts';
import { faultValueOf } from '../../contract/fault.ts';
import type { StationLink } from '../bridge/station-link.ts';
import type { OpenedStudy } from '../navigation.svelte.ts';
import type { FrameStore } from './frame-store.ts';
import { initialWindow, type VoiWindow } from './window-level.ts';

export type HeaderElements = CallOutput<'header'>['elements'];

/** One place in the stack: a frame of an instance. */
interface StackItem {
  readonly instance: Instance;
  /** Counts from 1. */
  readonly frame: number;
}

const neighboursAhead = 6;
const cinePeriodMs = 80;
const zoomLimits = { min: 0.2, max: 20 };

export class Viewer {
  readonly study: Study;
  readonly #frames: FrameStore;
  readonly #station: StationLink;
  #series = $state.raw<Series | null>(null);
  #stack = $state.raw<readonly StackItem[]>([]);
  #index = $state(0);
  #frame = $state.raw<Frame | null>(null);
  #problem = $state<string | null>(null);
  #window = $state.raw<VoiWindow>({ center: 128, width: 256 });
  /** False while the window follows each file's own. */
  #isWindowChosen = false;
  #zoom = $state(1);
  #pan = $state.raw({ x: 0, y: 0 });
  #isInverted = $state(false);
  #isPlaying = $state(false);
  #header = $state.raw<HeaderElements | null>(null);
  #isHeaderOpen = $state(false);
  #cine: ReturnType<typeof setInterval> | undefined;
  /** The last asked-for frame wins, in whatever order the answers come. */
  #request = 0;

  constructor(opened: OpenedStudy, frames: FrameStore, station: StationLink) {
    this.study = opened.study;
    this.#frames = frames;
    this.#station = station;
    const first = opened.study.series.find((series) => series.seriesInstanceUID === opened.seriesInstanceUID);
    const shown = first ?? opened.study.series[0];
    if (shown) void this.openSeries(shown);
  }

  get series(): Series | null {
    return this.#series;
  }

  get length(): number {
    return this.#stack.length;
  }

  get index(): number {
    return this.#index;
  }

  get item(): StackItem | null {
    return this.#stack[this.#index] ?? null;
  }

  get frame(): Frame | null {
    return this.#frame;
  }

  /** Why the current frame is not shown, for a person. */
  get problem(): string | null {
    return this.#problem;
  }

  get window(): VoiWindow {
    return this.#window;
  }

  get zoom(): number {
    return this.#zoom;
  }

  get pan(): { readonly x: number; readonly y: number } {
    return this.#pan;
  }

  get isInverted(): boolean {
    return this.#isInverted;
  }

  get isPlaying(): boolean {
    return this.#isPlaying;
  }

  get isHeaderOpen(): boolean {
    return this.#isHeaderOpen;
  }

  get header(): HeaderElements | null {
    return this.#header;
  }

  async openSeries(series: Series): Promise<void> {
    this.pause();
    this.#series = series;
    this.#stack = [];
    this.#frame = null;
    this.#problem = null;
    this.#index = 0;
    this.#isWindowChosen = false;
    this.reset();
    try {
      const { instances } = await this.#frames.instances(series.seriesInstanceUID);
      if (this.#series !== series) return;
      this.#stack = instances
        .filter((instance) => instance.rows > 0)
        .flatMap((instance) =>
          Array.from({ length: Math.max(1, instance.frames) }, (_, frame) => ({ instance, frame: frame + 1 })),
        );
      if (this.#stack.length === 0) this.#problem = 'This series holds no images (for example a report or a plan).';
      else this.show(Math.floor((this.#stack.length - 1) / 2));
    } catch (fault) {
      this.#problem = faultValueOf(fault).message;
    }
  }

  /** Shows the frame at a place of the stack, clamped to its ends. */
  show(index: number): void {
    if (this.#stack.length === 0) return;
    this.#index = Math.max(0, Math.min(this.#stack.length - 1, index));
    void this.#load();
    if (this.#isHeaderOpen) void this.#loadHeader();
  }

  step(by: number): void {
    this.show(this.#index + by);
  }

  setWindow(window: VoiWindow): void {
    this.#isWindowChosen = true;
    this.#window = { center: window.center, width: Math.max(1, window.width) };
  }

  /** Zooms by a factor, keeping the point at (x, y), measured from the middle of the view, in place. */
  zoomBy(factor: number, x = 0, y = 0): void {
    const zoom = Math.max(zoomLimits.min, Math.min(zoomLimits.max, this.#zoom * factor));
    const change = zoom / this.#zoom;
    this.#pan = { x: x - (x - this.#pan.x) * change, y: y - (y - this.#pan.y) * change };
    this.#zoom = zoom;
  }

  panBy(x: number, y: number): void {
    this.#pan = { x: this.#pan.x + x, y: this.#pan.y + y };
  }

  invert(): void {
    this.#isInverted = !this.#isInverted;
  }

  /** Back to the whole image under the file's own window. */
  reset(): void {
    this.#zoom = 1;
    this.#pan = { x: 0, y: 0 };
    this.#isInverted = false;
    this.#isWindowChosen = false;
    if (this.#frame) this.#window = initialWindow(this.#frame);
  }

  play(): void {
    if (this.#stack.length < 2) return;
    this.#isPlaying = true;
    this.#cine = setInterval(() => this.show((this.#index + 1) % this.#stack.length), cinePeriodMs);
  }

  pause(): void {
    this.#isPlaying = false;
    clearInterval(this.#cine);
  }

  togglePlaying(): void {
    if (this.#isPlaying) this.pause();
    else this.play();
  }

  toggleHeader(): void {
    this.#isHeaderOpen = !this.#isHeaderOpen;
    if (this.#isHeaderOpen) void this.#loadHeader();
  }

  close(): void {
    this.pause();
    this.#request += 1;
  }

  async #load(): Promise<void> {
    const { item } = this;
    if (!item) return;
    this.#request += 1;
    const request = this.#request;
    try {
      const frame = await this.#frames.frame(item.instance.sopInstanceUID, item.frame);
      if (request !== this.#request) return;
      this.#frame = frame;
      this.#problem = null;
      if (!this.#isWindowChosen) this.#window = initialWindow(frame);
      this.#prefetch();
    } catch (fault) {
      if (request !== this.#request) return;
      this.#frame = null;
      this.#problem = faultValueOf(fault).message;
    }
  }

  #prefetch(): void {
    for (let distance = 1; distance <= neighboursAhead; distance += 1) {
      for (const index of [this.#index + distance, this.#index - distance]) {
        const item = this.#stack[index];
        // A neighbour that cannot be decoded says so when it is shown.
        if (item) this.#frames.frame(item.instance.sopInstanceUID, item.frame).catch(() => {});
      }
    }
  }

  async #loadHeader(): Promise<void> {
    const { item } = this;
    if (!item) return;
    try {
      const { elements } = await this.#station.ask('header', { sopInstanceUID: item.instance.sopInstanceUID });
      if (this.item?.instance === item.instance) this.#header = elements;
    } catch (fault) {
      this.#header = null;
      this.#problem = faultValueOf(fault).message;
    }
  }
}
