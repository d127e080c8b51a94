// The reading of one study: what its viewports show, and what they have in common.
import type { Measurement } from '../../contract/annotation.ts';
import type { Series, Study } from '../../contract/dicom.ts';
import type { StationLink } from '../bridge/station-link.ts';
import type { OpenedStudy } from '../navigation.svelte.ts';
import type { FrameStore } from './frame-store.ts';
import { Links } from './links.svelte.ts';
import { KeyCross } from './key-cross.svelte.ts';
import { nextKeyImage } from './key-images.ts';
import { Measuring } from './measuring.svelte.ts';
import { Measurements } from './measurements.svelte.ts';
import type { Graphics } from './graphics.svelte.ts';
import type { Mpr } from './mpr.svelte.ts';
import { HeatMaps } from './heat-maps.svelte.ts';
import { firstSeries } from './hanging.ts';
import { Priors } from './priors.svelte.ts';
import { Presentations } from './presentations.svelte.ts';
import { Regions } from './regions.svelte.ts';
import { isDerived } from './empty-series.ts';
import { ShownHeader } from './shown-header.svelte.ts';
import { StackView } from './stack-view.svelte.ts';
import type { ToolName } from './tools.ts';
import { type Layout, layouts, Viewports } from './viewports.svelte.ts';
import { isColour } from './window-level.ts';

/** What lies to the right of the images. */
export type Panel = 'header' | 'heat' | 'measurements' | 'regions';

export interface ReadingParts {
  readonly frames: FrameStore;
  readonly station: StationLink;
  readonly graphics: Graphics;
  readonly onfault: (thrown: unknown) => void;
}

export class Reading {
  readonly study: Study;
  readonly links: Links;
  readonly measurements: Measurements;
  readonly regions: Regions;
  readonly presentations: Presentations;
  readonly priors: Priors;
  readonly heat: HeatMaps;
  readonly header: ShownHeader;
  readonly #graphics: Graphics;
  readonly #frames: FrameStore;
  readonly #viewports: Viewports<StackView>;
  #tool = $state<ToolName>('window');
  #isTextShown = $state(true);
  #panel = $state<Panel | null>(null);
  #mpr = $state.raw<Mpr | null>(null);
  #areLinesShown = $state(true);
  #isClosed = false;
  readonly #crosses = new WeakMap<StackView, KeyCross>();

  constructor(opened: OpenedStudy, { frames, station, graphics, onfault }: ReadingParts) {
    this.study = opened.study;
    this.regions = new Regions(station);
    this.priors = new Priors(opened.study, station);
    this.presentations = new Presentations(opened.study, station);
    this.heat = new HeatMaps(station);
    this.measurements = new Measurements(opened.study.studyInstanceUID, station, onfault);
    this.#frames = frames;
    this.links = new Links(() => this.views, frames);
    this.#graphics = graphics;
    this.header = new ShownHeader(station);
    const first = opened.study.series.find((series) => series.seriesInstanceUID === opened.seriesInstanceUID);
    const shown = first ?? firstSeries(opened.study);
    this.#viewports = new Viewports(opened.study, (id, study) => this.#newView(id, study));
    if (shown) this.open(shown, this.active, opened.image);
  }

  get views(): readonly StackView[] {
    return this.#viewports.all;
  }

  get active(): StackView {
    return this.#viewports.active;
  }

  /** Of the active viewport. */
  get cross(): KeyCross {
    return this.crossOf(this.active);
  }

  /** What measures in a viewport. */
  crossOf(view: StackView): KeyCross {
    const known = this.#crosses.get(view);
    if (known) return known;
    const { measurements } = this;
    const cross = new KeyCross(new Measuring({ view, measurements, tool: () => this.#tool }));
    this.#crosses.set(view, cross);
    return cross;
  }

  get tool(): ToolName {
    return this.#tool;
  }

  get isTextShown(): boolean {
    return this.#isTextShown;
  }

  get panel(): Panel | null {
    return this.#panel;
  }

  get layout(): Layout {
    return this.#viewports.layout;
  }

  /** Whether viewports that cut the active one's plane show where. */
  get areLinesShown(): boolean {
    return this.#areLinesShown;
  }

  activate(view: StackView): void {
    this.#viewports.activate(view);
  }

  /** The volume of the active viewport's series in three planes, while it is shown instead of the viewports. */
  get mpr(): Mpr | null {
    return this.#mpr;
  }

  /** Why MPR cannot even be tried, for a person; null where it can. */
  get mprHindrance(): string | null {
    if (this.#graphics.isMissing) return 'MPR needs the graphics card, which is not there';
    const { length, frame, volume } = this.active;
    if (length < 3) return 'MPR needs a series of at least three slices';
    if (frame && isColour(frame)) return 'MPR needs images in grey';
    if (frame?.geometry.isMosaic) return 'MPR needs images of one slice each, not mosaics';
    if (frame?.geometry.orientation === null) return 'MPR needs images that tell their orientation';
    return volume.hindrance;
  }

  async toggleMpr(): Promise<void> {
    if (this.#mpr) {
      this.closeMpr();
      return;
    }
    const { active } = this;
    if (this.mprHindrance !== null) return;
    active.cine.pause();
    const { accelerated, cornerstone } = await this.#graphics.prepare();
    // WebGL may turn out to be missing, and the reader may have gone elsewhere meanwhile.
    if (this.#mpr || this.active !== active || this.#isClosed || this.mprHindrance !== null) return;
    // Neither is drawn on the planes.
    if (this.#panel === 'regions' || this.#panel === 'heat') this.#panel = null;
    this.#mpr = new accelerated.Mpr(active, this.#frames, cornerstone);
  }

  closeMpr(): void {
    const { mpr } = this;
    if (!mpr) return;
    if (mpr.problem !== null) mpr.view.volume.setProblem(mpr.problem);
    const { imageAtCross } = mpr;
    this.#mpr = null;
    mpr.close();
    // The images stand where the planes were left.
    if (imageAtCross !== null) mpr.view.show(imageAtCross);
  }

  activateNext(): void {
    this.#viewports.activateNext();
  }

  choose(tool: ToolName): void {
    this.#tool = tool;
  }

  open(series: Series, view = this.active, image?: OpenedStudy['image']): void {
    this.closeMpr();
    // What shows a prior does not show a series of this study as if it were of that one.
    const shown = view.study === this.study || hasSeries(view.study, series) ? view : this.#viewports.replace(view);
    this.activate(shown);
    this.regions.open(series.seriesInstanceUID);
    void shown.openSeries(series, image);
  }

  /** Whether the study before is seen beside this one. */
  get isCompared(): boolean {
    return this.views.some(({ study }) => study !== this.study);
  }

  /** The newest earlier study of the patient with the active viewport's modality beside it, or away again. */
  togglePrior(): void {
    if (this.isCompared) {
      for (const view of this.views) if (view.study !== this.study) this.#viewports.replace(view);
      this.arrange(layouts[0]);
      return;
    }
    const prior = this.priors.for(this.active.series);
    if (!prior) return;
    this.closeMpr();
    const { active } = this;
    const beside = this.#viewports.compare(prior.study);
    this.links.forget();
    void this.measurements.include(prior.study.studyInstanceUID);
    this.open(prior.series, beside);
    this.activate(active);
  }

  /** The series of this study, or of a prior that is shown. */
  seriesOf(seriesInstanceUID: string): Series | undefined {
    const studies = [this.study, ...this.views.map(({ study }) => study)];
    return studies.flatMap(({ series }) => series).find((one) => one.seriesInstanceUID === seriesInstanceUID);
  }

  /** More viewports show the series that are not shown yet, in their order, unless they are wanted empty; fewer keep the first. */
  arrange(layout: Layout, added: 'filled' | 'empty' = 'filled'): void {
    this.closeMpr();
    const more = this.#viewports.arrange(layout);
    this.links.forget();
    const { active } = this;
    for (const view of added === 'filled' ? more : []) {
      const open = new Set(this.views.map(({ series }) => series?.seriesInstanceUID));
      const next = this.study.series.find(
        ({ seriesInstanceUID, modality }) => !open.has(seriesInstanceUID) && !isDerived(modality),
      );
      if (next) this.open(next, view);
    }
    this.activate(active);
    if (this.views.length > 1)
      for (const { series } of this.views) if (series) void this.#frames.learnGeometry(series.seriesInstanceUID);
  }

  nextLayout(): void {
    const at = layouts.indexOf(this.layout);
    this.arrange(layouts[(at + 1) % layouts.length] ?? layouts[0]);
  }

  toggleLines(): void {
    this.#areLinesShown = !this.#areLinesShown;
  }

  /** The series after (or before) the active viewport's. */
  openNeighbour(by: number): void {
    const { series } = this.active.study;
    const at = series.findIndex(({ seriesInstanceUID }) => seriesInstanceUID === this.active.series?.seriesInstanceUID);
    const next = series[at + by];
    if (next) this.open(next);
  }

  /** Shows the frame that a measurement lies on, in the active viewport. */
  jumpTo(measurement: Measurement): void {
    const { seriesInstanceUID, sopInstanceUID, frame, id } = measurement;
    this.closeMpr();
    this.measurements.select(id);
    const series = this.seriesOf(seriesInstanceUID);
    if (!series) return;
    const view = this.#viewFor(series);
    this.activate(view);
    void view.showFrame(series, sopInstanceUID, frame);
  }

  /** Shows the key image that follows the one that is shown. */
  async nextKeyImage(): Promise<void> {
    const next = await nextKeyImage(this.active, this.measurements.all, this.#frames);
    if (next) this.jumpTo(next);
  }

  /** The UIDs of all instances of the study that are images. */
  async imagesOfStudy(): Promise<ReadonlySet<string>> {
    const found = await Promise.all(
      this.study.series.map(({ seriesInstanceUID }) => this.#frames.instances(seriesInstanceUID)),
    );
    const images = found.flatMap(({ instances }) => instances).filter(({ rows }) => rows > 0);
    return new Set(images.map(({ sopInstanceUID }) => sopInstanceUID));
  }

  /** Shows a frame of the study in the active viewport. False: no image of the study has this UID. */
  async showInstance(sopInstanceUID: string, frame: number): Promise<boolean> {
    for (const series of this.study.series) {
      const { instances } = await this.#frames.instances(series.seriesInstanceUID);
      if (!instances.some((one) => one.sopInstanceUID === sopInstanceUID && one.rows > 0)) continue;
      this.regions.open(series.seriesInstanceUID);
      const view = this.#viewFor(series);
      this.activate(view);
      await view.showFrame(series, sopInstanceUID, frame);
      return true;
    }
    return false;
  }

  removeSelected(): void {
    const { selected } = this.measurements;
    if (selected) void this.measurements.remove(selected.id);
  }

  /** Opens a panel, or closes it where it is the one that is open. */
  togglePanel(panel: Panel): void {
    this.#panel = this.#panel === panel ? null : panel;
    if (this.#panel === 'heat') void this.heat.loadModels();
    if (this.#panel === 'regions' && !this.regions.areShown) this.regions.toggleAll();
  }

  /** Ends what is being drawn, or clears the selection. False: there was nothing to end. */
  escape(): boolean {
    if (this.#mpr) {
      this.closeMpr();
      return true;
    }
    if (this.views.some((view) => this.crossOf(view).leave())) return true;
    const hadSelection = this.measurements.selected !== null;
    this.measurements.select(null);
    return hadSelection;
  }

  toggleText(): void {
    this.#isTextShown = !this.#isTextShown;
  }

  close(): void {
    this.#isClosed = true;
    this.closeMpr();
    this.#viewports.close();
  }

  /** The active viewport, or another one where that shows another study than the series is of. */
  #viewFor(series: Series): StackView {
    const { active } = this;
    if (hasSeries(active.study, series)) return active;
    return this.views.find(({ study }) => hasSeries(study, series)) ?? this.#viewports.replace(active);
  }

  #newView(id: string, study: Study): StackView {
    const view = new StackView(id, study, this.#frames);
    // Made here, and not while something is drawn, which would not hear of its changes (Svelte: own sources are not tracked).
    this.crossOf(view);
    view.onmoved = () => this.links.moved(view);
    view.look.onchanged = () => this.links.looked(view);
    return view;
  }
}

function hasSeries(study: Study, { seriesInstanceUID }: Series): boolean {
  return study.series.some((one) => one.seriesInstanceUID === seriesInstanceUID);
}
