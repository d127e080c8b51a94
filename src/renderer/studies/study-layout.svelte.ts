// How the study list is laid out: kept by the station in the home folder, so that it is the same after a restart.
import type { StudyColumn, StudyLayout } from '../../contract/browse.ts';
import type { StationLink } from '../bridge/station-link.ts';
import type { Toasts } from '../ui/toasts.svelte.ts';
import { columnKinds, firstLayout } from './study-columns.ts';

const keepPauseMs = 400;
const narrowestPx = 48;
const widestPx = 900;

export class Layout {
  #layout = $state.raw<StudyLayout>(firstLayout);
  readonly #station: StationLink;
  readonly #toasts: Toasts;
  #keeping: ReturnType<typeof setTimeout> | undefined;
  #isChanged = false;

  constructor(station: StationLink, toasts: Toasts) {
    this.#station = station;
    this.#toasts = toasts;
    window.addEventListener('pagehide', () => {
      if (this.#keeping !== undefined) this.#keep();
    });
    void this.#read();
  }

  get current(): StudyLayout {
    return this.#layout;
  }

  has(column: StudyColumn): boolean {
    return this.#layout.columns.some((shown) => shown.column === column);
  }

  change(changes: Partial<StudyLayout>): void {
    this.#layout = { ...this.#layout, ...changes };
    this.#keep();
  }

  /** Shows a column at the end, or hides it; the last one stays. */
  toggle(column: StudyColumn): void {
    const { columns } = this.#layout;
    if (!this.has(column)) this.change({ columns: [...columns, { column, widthPx: columnKinds[column].widthPx }] });
    else if (columns.length > 1) this.change({ columns: columns.filter((shown) => shown.column !== column) });
  }

  resize(column: StudyColumn, widthPx: number): void {
    const width = Math.round(Math.max(narrowestPx, Math.min(widestPx, widthPx)));
    const columns = this.#layout.columns.map((shown) => (shown.column === column ? { column, widthPx: width } : shown));
    this.#layout = { ...this.#layout, columns };
    // A drag changes the width with every pixel; it is kept once it rests, or when the window closes.
    clearTimeout(this.#keeping);
    this.#keeping = setTimeout(() => this.#keep(), keepPauseMs);
  }

  /** Moves a column to another one's place. */
  move(column: StudyColumn, to: number): void {
    const moved = this.#layout.columns.find((shown) => shown.column === column);
    if (!moved) return;
    const others = this.#layout.columns.filter((shown) => shown.column !== column);
    const at = Math.max(0, Math.min(others.length, to));
    this.change({ columns: [...others.slice(0, at), moved, ...others.slice(at)] });
  }

  reset(): void {
    this.change({ columns: firstLayout.columns, density: firstLayout.density });
  }

  #keep(): void {
    clearTimeout(this.#keeping);
    this.#keeping = undefined;
    this.#isChanged = true;
    this.#station.ask('keep-study-layout', this.#layout).catch((fault: unknown) => this.#toasts.fault(fault));
  }

  async #read(): Promise<void> {
    try {
      const { layout } = await this.#station.ask('study-layout', {});
      if (layout && !this.#isChanged && this.#keeping === undefined) this.#layout = layout;
    } catch {
      // The first layout serves; the list's own question tells what is wrong with the station.
    }
  }
}
