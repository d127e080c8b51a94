// What is measured and changed on the image of one viewport, whatever moves the point: the mouse, or the cross of the keys.
import type { Measurement } from '../../contract/annotation.ts';
import { Drawing } from './drawing.svelte.ts';
import { measured, readsValues, type Values } from './measured.ts';
import type { Measurements } from './measurements.svelte.ts';
import { valueUnit } from './pixel-units.ts';
import { type Affine, toImage, toScreen } from './placement.ts';
import { distanceTo, type Grip, handles, type MeasurementKind, outline, type Point } from './shapes.ts';
import type { StackView } from './stack-view.svelte.ts';
import { isMeasuring, type ToolName } from './tools.ts';
import { hasValues } from './window-level.ts';

/** How near a place must come, in CSS pixels. */
const pointReachPx = 8;
const lineReachPx = 5;

/** From one point of a traced outline to the next, in CSS pixels. */
const tracedStepPx = 2;

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

  readonly #here = $derived.by<readonly Measurement[]>(() => {
    const item = this.view.shown?.item;
    return item ? this.#measurements.on(item.instance.sopInstanceUID, item.frame) : [];
  });
  /** The shapes on the frame that is shown. */
  readonly shown = $derived(this.#here.filter(({ kind }) => kind !== 'key-image'));
  /** The mark that makes the frame that is shown a key image; null where it is none. */
  readonly keyImage = $derived(this.#here.find(({ kind }) => kind === 'key-image') ?? null);

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
    return matrix ? shapes.flatMap(({ kind, points }) => onScreen(matrix, handles(kind, points))) : [];
  }

  /** Takes the shape at a place, or draws with the tool. False: there is none of both. */
  press(at: Place): boolean {
    if (!this.view.frame) return false;
    const grip = this.drawing.draft ? null : this.#gripAt(at);
    const taken = this.shown.find(({ id }) => id === grip?.id);
    this.#measurements.select(taken?.id ?? null);
    const tool = this.#tool();
    // Nothing is measured on pixels that are not here.
    if (!hasValues(this.view.frame) && readsValues(taken?.kind ?? tool)) return grip !== null || isMeasuring(tool);
    if (grip && taken) this.drawing.take(taken, grip, this.#imagePoint(at));
    else if (isMeasuring(tool)) this.#finish(this.drawing.press(tool, this.#imagePoint(at), this.#closes(at)));
    else return false;
    return true;
  }

  move(at: Place): void {
    const last = this.drawing.draft?.points.at(-1);
    if (!last) return;
    if (this.drawing.isTracing && this.#isNear(last, at, tracedStepPx)) return;
    this.drawing.move(this.#imagePoint(at));
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

  /** Marks the frame that is shown as a key image, or takes the mark away. */
  toggleKeyImage(): void {
    if (this.keyImage) void this.#measurements.remove(this.keyImage.id);
    else this.#keep('key-image', [], null);
  }

  /** The measurement at a place: a point of it before the whole. */
  #gripAt(at: Place): Grip | null {
    const matrix = this.view.placement?.matrix;
    if (!matrix) return null;
    for (const { id, kind, points } of this.shown) {
      const point = onScreen(matrix, handles(kind, points)).findIndex(
        ([x, y]) => Math.hypot(x - at[0], y - at[1]) <= pointReachPx,
      );
      if (point >= 0) return { id, point };
    }
    const whole = this.shown.find(
      ({ kind, points }) => distanceTo(onScreen(matrix, outline(kind, points)), [...at]) <= lineReachPx,
    );
    return whole ? { id: whole.id, point: null } : null;
  }

  /** Whether a click ends an outline: on its first corner, or once more on its last. */
  #closes(at: Place): boolean {
    const { corners } = this.drawing;
    return [corners[0], corners.at(-1)].some(
      (corner) => corner !== undefined && this.#isNear(corner, at, pointReachPx),
    );
  }

  #isNear(point: Point, [x, y]: Place, reachPx: number): boolean {
    const { placement } = this.view;
    if (!placement) return false;
    const [px, py] = toScreen(placement.matrix, point);
    return Math.hypot(px - x, py - y) <= reachPx;
  }

  #finish(finished: ReturnType<Drawing['release']>): void {
    const { frame } = this.view;
    if (!finished || !frame) return;
    const { kind, points, of } = finished;
    const id = this.#keep(kind, points, of);
    this.#measurements.select(id);
    if (kind === 'arrow' && !of) this.#measurements.nameNext(id);
  }

  /** @returns its id; '' where no image is shown. */
  #keep(kind: MeasurementKind, points: readonly Point[], of: Measurement | null): string {
    const { shown, series, study } = this.view;
    if (!shown || !series) return '';
    const id = of?.id ?? crypto.randomUUID();
    const values = measured(kind, points, shown.frame);
    void this.#measurements.save({
      id,
      studyInstanceUID: study.studyInstanceUID,
      seriesInstanceUID: series.seriesInstanceUID,
      sopInstanceUID: shown.item.instance.sopInstanceUID,
      frame: shown.item.frame,
      kind,
      points: [...points],
      label: of?.label ?? '',
      values,
      spacingKind: isInMillimetres(values) ? shown.frame.geometry.spacingKind : '',
      unit: 'mean' in values || 'value' in values ? valueUnit(shown.frame) : '',
      changedAt: new Date().toISOString(),
    });
    return id;
  }

  #imagePoint(at: Place): Point {
    const { placement } = this.view;
    return placement ? toImage(placement.matrix, at) : [0, 0];
  }
}

function isInMillimetres(values: Values): boolean {
  return 'lengthMm' in values || 'areaMm2' in values;
}

function onScreen(matrix: Affine, points: readonly Point[]): Point[] {
  return points.map((point) => toScreen(matrix, point));
}
