// What the pointer does in one viewport: it measures, changes measurements, pans, zooms and windows, as the chosen tool says.
import type { KeyCross } from './key-cross.svelte.ts';
import type { Place } from './measuring.svelte.ts';
import { panOrigin, toImage } from './placement.ts';
import type { Reading } from './reading.svelte.ts';
import type { StackView } from './stack-view.svelte.ts';
import { isMeasuring, type LookToolName } from './tools.ts';
import { WheelSteps } from './wheel-steps.ts';

/** How far a click may move, in CSS pixels. */
const clickReachPx = 4;

export interface Pane {
  readonly reading: Reading;
  readonly view: StackView;
  readonly cross: KeyCross;
  /** What the picture fills; null until it is in the document. */
  readonly stage: HTMLElement | null;
}

export class PanePointer {
  readonly #pane: () => Pane;
  /** In CSS pixels from the stage's corner; null outside of it. */
  #at = $state.raw<Place | null>(null);
  #drag: { readonly tool: LookToolName; readonly x: number; readonly y: number } | null = null;
  #pressedAt: Place | null = null;
  readonly #wheelSteps = new WheelSteps();

  constructor(pane: () => Pane) {
    this.#pane = pane;
  }

  /** Under the cross of the keys, else under the pointer. */
  readonly pixel = $derived.by(() => {
    const { view, cross } = this.#pane();
    const at = cross.at ?? this.#at;
    if (!at || !view.placement) return null;
    const [x, y] = toImage(view.placement.matrix, at);
    return { column: Math.floor(x), row: Math.floor(y) };
  });

  leave(): void {
    this.#at = null;
  }

  /** The press is taken away, by the system for example. */
  cancel(): void {
    this.#drag = null;
    this.#pane().cross.measuring.cancel();
  }

  press(event: PointerEvent): void {
    const { reading, view, cross } = this.#pane();
    reading.activate(view);
    cross.giveWay();
    if (event.currentTarget instanceof Element) event.currentTarget.setPointerCapture(event.pointerId);
    const at = this.#place(event);
    this.#pressedAt = at;
    if (event.button === 0 && cross.measuring.press(at)) return;
    // Right button zooms, middle button pans, whatever the tool: as in other viewers.
    const chosen = isMeasuring(reading.tool) ? 'window' : reading.tool;
    const used: LookToolName = event.button === 2 ? 'zoom' : event.button === 1 ? 'pan' : chosen;
    this.#drag = { tool: used, x: event.clientX, y: event.clientY };
  }

  move(event: PointerEvent): void {
    this.#at = this.#place(event);
    const { view, cross } = this.#pane();
    // A mouse that is nudged does not take away what the keys are drawing.
    if (cross.at === null) {
      // The browser holds back what comes between two frames.
      const between = cross.measuring.drawing.isTracing ? event.getCoalescedEvents() : [];
      for (const one of between.length > 0 ? between : [event]) cross.measuring.move(this.#place(one));
    }
    if (!this.#drag) return;
    const [x, y] = [event.clientX - this.#drag.x, event.clientY - this.#drag.y];
    this.#drag = { ...this.#drag, x: event.clientX, y: event.clientY };
    if (this.#drag.tool === 'pan') view.look.panBy(x, y);
    else if (this.#drag.tool === 'zoom') view.look.zoomBy(Math.exp(-y / 150));
    else view.dragWindow(x, y);
  }

  release(event: PointerEvent): void {
    this.#drag = null;
    const at = this.#place(event);
    const isClick =
      this.#pressedAt !== null && Math.hypot(at[0] - this.#pressedAt[0], at[1] - this.#pressedAt[1]) < clickReachPx;
    this.#pressedAt = null;
    if (event.button === 0) this.#pane().cross.measuring.release(at, isClick);
  }

  wheel(event: WheelEvent): void {
    const { reading, view } = this.#pane();
    event.preventDefault();
    reading.activate(view);
    if (event.ctrlKey) {
      const [x, y] = this.#place(event);
      const [originX, originY] = panOrigin(view.look.view, view.size);
      view.look.zoomBy(Math.exp(-event.deltaY / 400), x - originX, y - originY);
      return;
    }
    const steps = this.#wheelSteps.take(event);
    if (steps !== 0) view.step(steps);
  }

  #place(event: MouseEvent): Place {
    const box = this.#pane().stage?.getBoundingClientRect();
    return [event.clientX - (box?.left ?? 0), event.clientY - (box?.top ?? 0)];
  }
}
