// The reading of one study: its viewports, which of them is active, and what they have in common.
import type { Measurement } from '../../contract/annotation.ts';
import type { CallOutput } from '../../contract/calls.ts';
import type { Series, Study } from '../../contract/dicom.ts';
import { faultValueOf } from '../../contract/fault.ts';
import type { StationLink } from '../bridge/station-link.ts';
import type { OpenedStudy } from '../navigation.svelte.ts';
import type { FrameStore } from './frame-store.ts';
import { Measurements } from './measurements.svelte.ts';
import { StackView } from './stack-view.svelte.ts';
import type { ToolName } from './tools.ts';

export type HeaderElements = CallOutput<'header'>['elements'];

export class Reading {
  readonly study: Study;
  readonly measurements: Measurements;
  readonly #station: StationLink;
  readonly #frames: FrameStore;
  #views = $state.raw<readonly StackView[]>([]);
  #activeIndex = $state(0);
  #tool = $state<ToolName>('window');
  #isTextShown = $state(true);
  #header = $state.raw<HeaderElements | null>(null);
  #headerProblem = $state<string | null>(null);
  #isHeaderOpen = $state(false);
  #isMeasurementListOpen = $state(false);
  /** What Escape ends in a viewport before it leaves the screen. */
  readonly #escapes = new Map<StackView, () => boolean>();

  constructor(
    opened: OpenedStudy,
    { frames, station, onfault }: { frames: FrameStore; station: StationLink; onfault: (thrown: unknown) => void },
  ) {
    this.study = opened.study;
    this.measurements = new Measurements(opened.study.studyInstanceUID, station, onfault);
    this.#frames = frames;
    this.#station = station;
    const first = opened.study.series.find((series) => series.seriesInstanceUID === opened.seriesInstanceUID);
    const shown = first ?? opened.study.series[0];
    this.#views = [this.#newView(0)];
    if (shown) void this.active.openSeries(shown);
  }

  get views(): readonly StackView[] {
    return this.#views;
  }

  get active(): StackView {
    const view = this.#views[this.#activeIndex] ?? this.#views[0];
    if (!view) throw new Error('a reading has at least one viewport');
    return view;
  }

  get tool(): ToolName {
    return this.#tool;
  }

  get isTextShown(): boolean {
    return this.#isTextShown;
  }

  get isHeaderOpen(): boolean {
    return this.#isHeaderOpen;
  }

  get header(): HeaderElements | null {
    return this.#header;
  }

  get headerProblem(): string | null {
    return this.#headerProblem;
  }

  activate(view: StackView): void {
    this.#activeIndex = Math.max(0, this.#views.indexOf(view));
  }

  choose(tool: ToolName): void {
    this.#tool = tool;
  }

  open(series: Series, view = this.active): void {
    this.activate(view);
    void view.openSeries(series);
  }

  /** The series after (or before) the active viewport's. */
  openNeighbour(by: number): void {
    const { series } = this.study;
    const at = series.findIndex(({ seriesInstanceUID }) => seriesInstanceUID === this.active.series?.seriesInstanceUID);
    const next = series[at + by];
    if (next) this.open(next);
  }

  /** Shows the frame that a measurement lies on, in the active viewport. */
  jumpTo(measurement: Measurement): void {
    const { seriesInstanceUID, sopInstanceUID, frame, id } = measurement;
    this.measurements.select(id);
    const series = this.study.series.find((one) => one.seriesInstanceUID === seriesInstanceUID);
    if (series) void this.active.showFrame(series, sopInstanceUID, frame);
  }

  removeSelected(): void {
    const { selected } = this.measurements;
    if (selected) void this.measurements.remove(selected.id);
  }

  get isMeasurementListOpen(): boolean {
    return this.#isMeasurementListOpen;
  }

  toggleMeasurementList(): void {
    this.#isMeasurementListOpen = !this.#isMeasurementListOpen;
  }

  /** Lets a viewport end what it is doing when Escape is pressed, until the returned function is called. */
  watchEscape(view: StackView, end: () => boolean): () => void {
    this.#escapes.set(view, end);
    return () => this.#escapes.delete(view);
  }

  /** Ends what is being drawn, or clears the selection. False: there was nothing to end. */
  escape(): boolean {
    for (const end of this.#escapes.values()) if (end()) return true;
    const hadSelection = this.measurements.selected !== null;
    this.measurements.select(null);
    return hadSelection;
  }

  toggleText(): void {
    this.#isTextShown = !this.#isTextShown;
  }

  toggleHeader(): void {
    this.#isHeaderOpen = !this.#isHeaderOpen;
  }

  /** Reads the header of an instance; a later call wins. */
  async loadHeader(sopInstanceUID: string): Promise<void> {
    try {
      const { elements } = await this.#station.ask('header', { sopInstanceUID });
      if (this.active.item?.instance.sopInstanceUID !== sopInstanceUID) return;
      this.#header = elements;
      this.#headerProblem = null;
    } catch (fault) {
      this.#header = null;
      this.#headerProblem = faultValueOf(fault).message;
    }
  }

  close(): void {
    for (const view of this.#views) view.close();
  }

  #newView(place: number): StackView {
    return new StackView(`viewport-${place}`, this.#frames);
  }
}
