// The viewports of a reading: which there are, how they lie beside one another, and which of them is active.
import type { Study } from '../../contract/dicom.ts';

export const layouts = [
  { name: '1 × 1', columns: 1, views: 1 },
  { name: '1 × 2', columns: 2, views: 2 },
  { name: '2 × 2', columns: 2, views: 4 },
] as const;
export type Layout = (typeof layouts)[number];

interface Viewport {
  readonly id: string;
  close(): void;
}

export class Viewports<View extends Viewport> {
  readonly #study: Study;
  readonly #newView: (id: string, study: Study) => View;
  #all = $state.raw<readonly View[]>([]);
  #activeIndex = $state(0);
  #layout = $state.raw<Layout>(layouts[0]);

  /** Begins with one viewport of the study. @param newView makes an empty one; here it is closed */
  constructor(study: Study, newView: (id: string, study: Study) => View) {
    this.#study = study;
    this.#newView = newView;
    this.#all = [this.#opened(study)];
  }

  get all(): readonly View[] {
    return this.#all;
  }

  get active(): View {
    const view = this.#all[this.#activeIndex] ?? this.#all[0];
    if (!view) throw new Error('a reading has at least one viewport');
    return view;
  }

  get layout(): Layout {
    return this.#layout;
  }

  activate(view: View): void {
    this.#activeIndex = Math.max(0, this.#all.indexOf(view));
  }

  activateNext(): void {
    this.#activeIndex = (this.#activeIndex + 1) % this.#all.length;
  }

  /** A new viewport of the study in the place of another. */
  replace(view: View): View {
    const fresh = this.#opened(this.#study);
    view.close();
    this.#all = this.#all.map((one) => (one === view ? fresh : one));
    return fresh;
  }

  /** Keeps the first viewports, and adds empty ones of the study where there are too few. @returns the added ones */
  arrange(layout: Layout): readonly View[] {
    const { active } = this;
    for (const gone of this.#all.slice(layout.views)) gone.close();
    this.#all = this.#all.slice(0, layout.views);
    const kept = this.#all.length;
    while (this.#all.length < layout.views) this.#all = [...this.#all, this.#opened(this.#study)];
    this.#layout = layout;
    this.activate(active);
    return this.#all.slice(kept);
  }

  /** The active viewport, and beside it a new one of another study; the others are closed. @returns the new one */
  compare(study: Study): View {
    const { active } = this;
    for (const view of this.#all) if (view !== active) view.close();
    const beside = this.#opened(study);
    this.#all = [active, beside];
    this.#layout = layouts[1];
    this.activate(active);
    return beside;
  }

  close(): void {
    for (const view of this.#all) view.close();
  }

  /** Under a name that no other has: a viewport keeps its own when it comes to lie elsewhere, and of another study it has another. */
  #opened(study: Study): View {
    const kind = study === this.#study ? 'viewport' : 'prior';
    const taken = new Set(this.#all.map(({ id }) => id));
    let number = 0;
    while (taken.has(`${kind}-${number}`)) number += 1;
    return this.#newView(`${kind}-${number}`, study);
  }
}
