// What is measured and changed on the image of one viewport, whatever moves the point: the mouse, or the cross of the keys.
import type { Measurement } from '../../contract/annotation.ts';
import { Drawing } from './drawing.svelte.ts';
import { measured } from './measured.ts';
import type { Measurements } from './measurements.svelte.ts';
import { type Affine, toImage, toScreen } from './placement.ts';
import { distanceTo, type Grip, outline, type Point } from './shapes.ts';
import type { StackView } from './stack-view.svelte.ts';
import { isMeasuring, type ToolName } from './tools.ts';

/** How near a place must come, in CSS pixels. */
const pointReachPx = 8;
const lineReachPx = 5;

/** In CSS pixels from the viewport's upper left corner. */
export type Place = readonly [number, number];

export interface MeasuringParts {
  readonly view: StackView;
  readonly measurements: Measurements;
  readonly tool: () => ToolName;
}

export class Measuring {
  readonly drawing = new Drawing();
  readonly view: StackView;
  readonly #measurements: Measurements;
  readonly #tool: () => ToolName;

  constructor({ view, measurements, tool }: MeasuringParts) {
    this.view = view;
    this.#measurements = measurements;
    this.#tool = tool;
  }

  /** Those on the frame that is shown. */
  readonly shown = $derived.by<readonly Measurement[]>(() => {
    const item = this.view.shown?.item;
    return item ? this.#measurements.on(item.instance.sopInstanceUID, item.frame) : [];
  });

  /** The chosen one, where it is among those. */
  get selected(): Measurement | null {
    return this.shown.find((one) => one === this.#measurements.selected) ?? null;
  }

  /** Whether there is something to do at a place: a shape to begin, or one to take. */
  get isOfUse(): boolean {
    return this.view.frame !== null && (isMeasuring(this.#tool()) || this.shown.length > 0);
  }

  /** Where the points of shapes lie. */
  placesOf(shapes: readonly Measurement[]): Place[] {
    const matrix = this.view.placement?.matrix;
    return matrix ? shapes.flatMap(({ points }) => onScreen(matrix, points)) : [];
  }

  /** Takes the shape at a place, or draws with the tool. False: there is none of both. */
  press(at: Place): boolean {
    if (!this.view.frame) return false;
    const grip = this.drawing.draft ? null : this.#gripAt(at);
    const taken = this.shown.find(({ id }) => id === grip?.id);
    this.#measurements.select(taken?.id ?? null);
    const tool = this.#tool();
    if (grip && taken) this.drawing.take(taken, grip, this.#imagePoint(at));
    else if (isMeasuring(tool)) this.#finish(this.drawing.press(tool, this.#imagePoint(at)));
    else return false;
    return true;
  }

  move(at: Place): void {
    if (this.drawing.draft) this.drawing.move(this.#imagePoint(at));
  }

  /** `isClick`: released where it was pressed. */
  release(at: Place, isClick: boolean): void {
    if (this.drawing.draft) this.#finish(this.drawing.release(this.#imagePoint(at), isClick));
  }

  /** Whether a shape was being drawn, which is given up. */
  cancel(): boolean {
    const wasDrawing = this.drawing.draft !== null;
    this.drawing.cancel();
    return wasDrawing;
  }

  /** The measurement at a place: a point of it before the whole. */
  #gripAt(at: Place): Grip | null {
    const matrix = this.view.placement?.matrix;
    if (!matrix) return null;
    for (const { id, points } of this.shown) {
      const point = onScreen(matrix, points).findIndex(([x, y]) => Math.hypot(x - at[0], y - at[1]) <= pointReachPx);
      if (point >= 0) return { id, point };
    }
    const whole = this.shown.find(
      ({ kind, points }) => distanceTo(onScreen(matrix, outline(kind, points)), [...at]) <= lineReachPx,
    );
    return whole ? { id: whole.id, point: null } : null;
  }

  #finish(finished: ReturnType<Drawing['release']>): void {
    const { shown, series, study } = this.view;
    if (!finished || !shown || !series) return;
    const { kind, points, of } = finished;
    const id = of?.id ?? crypto.randomUUID();
    void this.#measurements.save({
      id,
      studyInstanceUID: study.studyInstanceUID,
      seriesInstanceUID: series.seriesInstanceUID,
      sopInstanceUID: shown.item.instance.sopInstanceUID,
      frame: shown.item.frame,
      kind,
      points: [...points],
      label: of?.label ?? '',
      values: measured(kind, points, shown.frame),
      changedAt: new Date().toISOString(),
    });
    this.#measurements.select(id);
  }

  #imagePoint(at: Place): Point {
    const { placement } = this.view;
    return placement ? toImage(placement.matrix, at) : [0, 0];
  }
}

function onScreen(matrix: Affine, points: readonly Point[]): Point[] {
  return points.map((point) => toScreen(matrix, point));
}
