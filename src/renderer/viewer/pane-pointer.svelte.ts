// What the pointer does in one viewport: it measures, changes measurements, pans, zooms and windows, as the chosen tool says.
import { Drawing } from './drawing.svelte.ts';
import { measured } from './measured.ts';
import { toImage, toScreen } from './placement.ts';
import type { Reading } from './reading.svelte.ts';
import { distanceTo, type Grip, outline, type Point } from './shapes.ts';
import type { StackView } from './stack-view.svelte.ts';
import { type LookToolName, lookTools, type ToolName } from './tools.ts';
import { WheelSteps } from './wheel-steps.ts';

/** How near the pointer must come, in CSS pixels. */
const pointReachPx = 8;
const lineReachPx = 5;
const clickReachPx = 4;

export interface Pane {
  readonly reading: Reading;
  readonly view: StackView;
  /** What the picture fills; null until it is in the document. */
  readonly stage: HTMLElement | null;
}

export class PanePointer {
  readonly drawing = new Drawing();
  readonly #pane: () => Pane;
  /** In CSS pixels from the stage's corner; null outside of it. */
  #at = $state.raw<readonly [number, number] | null>(null);
  #drag: { readonly tool: LookToolName; readonly x: number; readonly y: number } | null = null;
  #pressedAt: readonly [number, number] | null = null;
  readonly #wheelSteps = new WheelSteps();

  constructor(pane: () => Pane) {
    this.#pane = pane;
  }

  /** Those on the frame that is shown. */
  readonly measurements = $derived.by(() => {
    const { reading, view } = this.#pane();
    return view.shown ? reading.measurements.on(view.shown.item.instance.sopInstanceUID, view.shown.item.frame) : [];
  });
  readonly pixel = $derived.by(() => {
    const { placement } = this.#pane().view;
    if (!this.#at || !placement) return null;
    const [x, y] = toImage(placement.matrix, this.#at);
    return { column: Math.floor(x), row: Math.floor(y) };
  });

  leave(): void {
    this.#at = null;
  }

  /** The press is taken away, by the system for example. */
  cancel(): void {
    this.#drag = null;
    this.drawing.cancel();
  }

  /** Whether a shape was being drawn, which is given up. */
  cancelDrawing(): boolean {
    const wasDrawing = this.drawing.draft !== null;
    this.drawing.cancel();
    return wasDrawing;
  }

  /** The measurement under the pointer: a point of it before the whole. */
  #gripAt(at: readonly [number, number]): Grip | null {
    const { view } = this.#pane();
    const matrix = view.placement?.matrix;
    if (!matrix) return null;
    const here: Point = [at[0], at[1]];
    const onScreen = (points: readonly Point[]): Point[] => points.map((point) => toScreen(matrix, point));
    for (const { id, points } of this.measurements) {
      const point = onScreen(points).findIndex(([x, y]) => Math.hypot(x - at[0], y - at[1]) <= pointReachPx);
      if (point >= 0) return { id, point };
    }
    const whole = this.measurements.find(
      ({ kind, points }) => distanceTo(onScreen(outline(kind, points)), here) <= lineReachPx,
    );
    return whole ? { id: whole.id, point: null } : null;
  }

  press(event: PointerEvent): void {
    const { reading, view } = this.#pane();
    reading.activate(view);
    if (event.currentTarget instanceof Element) event.currentTarget.setPointerCapture(event.pointerId);
    const at = this.#place(event);
    this.#pressedAt = at;
    if (event.button === 0 && view.frame) {
      const grip = this.drawing.draft ? null : this.#gripAt(at);
      const taken = this.measurements.find(({ id }) => id === grip?.id);
      reading.measurements.select(taken?.id ?? null);
      if (grip && taken) {
        this.drawing.take(taken, grip, this.#imagePoint(at));
        return;
      }
      if (isMeasuring(reading.tool)) {
        this.#finish(this.drawing.press(reading.tool, this.#imagePoint(at)));
        return;
      }
    }
    // Right button zooms, middle button pans, whatever the tool: as in other viewers.
    const chosen = isMeasuring(reading.tool) ? 'window' : reading.tool;
    const used: LookToolName = event.button === 2 ? 'zoom' : event.button === 1 ? 'pan' : chosen;
    this.#drag = { tool: used, x: event.clientX, y: event.clientY };
  }

  move(event: PointerEvent): void {
    this.#at = this.#place(event);
    if (this.drawing.draft) this.drawing.move(this.#imagePoint(this.#at));
    if (!this.#drag) return;
    const { view } = this.#pane();
    const [x, y] = [event.clientX - this.#drag.x, event.clientY - this.#drag.y];
    this.#drag = { ...this.#drag, x: event.clientX, y: event.clientY };
    if (this.#drag.tool === 'pan') view.panBy(x, y);
    else if (this.#drag.tool === 'zoom') view.zoomBy(Math.exp(-y / 150));
    else view.dragWindow(x, y);
  }

  release(event: PointerEvent): void {
    this.#drag = null;
    const at = this.#place(event);
    const isClick =
      this.#pressedAt !== null && Math.hypot(at[0] - this.#pressedAt[0], at[1] - this.#pressedAt[1]) < clickReachPx;
    this.#pressedAt = null;
    if (this.drawing.draft && event.button === 0) this.#finish(this.drawing.release(this.#imagePoint(at), isClick));
  }

  #finish(finished: ReturnType<Drawing['release']>): void {
    const { reading, view } = this.#pane();
    const { shown, series } = view;
    if (!finished || !shown || !series) return;
    const { kind, points, of } = finished;
    const id = of?.id ?? crypto.randomUUID();
    void reading.measurements.save({
      id,
      studyInstanceUID: reading.study.studyInstanceUID,
      seriesInstanceUID: series.seriesInstanceUID,
      sopInstanceUID: shown.item.instance.sopInstanceUID,
      frame: shown.item.frame,
      kind,
      points: [...points],
      label: of?.label ?? '',
      values: measured(kind, points, shown.frame),
      changedAt: new Date().toISOString(),
    });
    reading.measurements.select(id);
  }

  wheel(event: WheelEvent): void {
    const { reading, view } = this.#pane();
    event.preventDefault();
    reading.activate(view);
    if (event.ctrlKey) {
      const [x, y] = this.#place(event);
      const { width, height } = view.size;
      view.zoomBy(Math.exp(-event.deltaY / 400), x - width / 2, y - height / 2);
      return;
    }
    const steps = this.#wheelSteps.take(event);
    if (steps !== 0) view.step(steps);
  }

  #place(event: MouseEvent): readonly [number, number] {
    const box = this.#pane().stage?.getBoundingClientRect();
    return [event.clientX - (box?.left ?? 0), event.clientY - (box?.top ?? 0)];
  }

  #imagePoint(at: readonly [number, number]): Point {
    const { placement } = this.#pane().view;
    return placement ? toImage(placement.matrix, at) : [0, 0];
  }
}

function isMeasuring(tool: ToolName): tool is Exclude<ToolName, LookToolName> {
  return !lookTools.some(({ name }) => name === tool);
}
