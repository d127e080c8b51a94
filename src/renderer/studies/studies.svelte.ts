// The study list: a window of pages over however many studies the library holds.
import { SvelteSet } from 'svelte/reactivity';
import type { Study, StudyQuery } from '../../contract/dicom.ts';
import type { StationLink } from '../bridge/station-link.ts';
import type { Toasts } from '../ui/toasts.svelte.ts';

const pageSize = 100;
const typingPauseMs = 150;

type SortKey = StudyQuery['sortBy'];

export class StudyList {
  #total = $state<number | null>(null);
  /** Every study of the library, whatever the search: null until asked. */
  #libraryTotal = $state<number | null>(null);
  #pages = $state.raw<ReadonlyMap<number, readonly Study[]>>(new Map());
  #typed = $state('');
  #query = $state('');
  #modality = $state<string | null>(null);
  #sortBy = $state<SortKey>('studyDate');
  #descending = $state(true);
  #cursor = $state(0);
  readonly selected = new SvelteSet<string>();
  readonly #station: StationLink;
  readonly #toasts: Toasts;
  readonly #pending = new Set<number>();
  /** Answers to an older question are dropped. */
  #generation = 0;
  #typing: ReturnType<typeof setTimeout> | undefined;

  constructor(station: StationLink, toasts: Toasts) {
    this.#station = station;
    this.#toasts = toasts;
    station.watch('library-changed', () => this.reload());
    this.reload();
  }

  /** Number of matching studies; null while the first answer is awaited. */
  get total(): number | null {
    return this.#total;
  }

  get libraryTotal(): number | null {
    return this.#libraryTotal;
  }

  get typed(): string {
    return this.#typed;
  }

  get query(): string {
    return this.#query;
  }

  get modality(): string | null {
    return this.#modality;
  }

  get sortBy(): SortKey {
    return this.#sortBy;
  }

  get descending(): boolean {
    return this.#descending;
  }

  /** Row of the keyboard cursor. */
  get cursor(): number {
    return this.#cursor;
  }

  get cursorStudy(): Study | null {
    return this.at(this.#cursor);
  }

  /** The study in a row; null while its page is on the way. */
  at(row: number): Study | null {
    return this.#pages.get(Math.floor(row / pageSize))?.[row % pageSize] ?? null;
  }

  /** Makes sure that rows first … last are there or on the way. */
  need(first: number, last: number): void {
    for (let page = Math.floor(first / pageSize); page <= Math.floor(last / pageSize); page += 1) {
      if (!this.#pages.has(page) && !this.#pending.has(page)) void this.#load(page);
    }
  }

  type(text: string): void {
    this.#typed = text;
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => {
      if (this.#query === text.trim()) return;
      this.#query = text.trim();
      this.#restart();
    }, typingPauseMs);
  }

  filterModality(modality: string | null): void {
    this.#modality = modality;
    this.#restart();
  }

  sort(by: SortKey): void {
    this.#descending = this.#sortBy === by ? !this.#descending : by === 'studyDate' || by === 'instances';
    this.#sortBy = by;
    this.#restart();
  }

  moveCursor(row: number): void {
    this.#cursor = Math.max(0, Math.min((this.#total ?? 1) - 1, row));
  }

  toggle(studyInstanceUID: string): void {
    if (!this.selected.delete(studyInstanceUID)) this.selected.add(studyInstanceUID);
  }

  /** Selects the rows between cursor and `row`, as far as they are loaded. */
  selectThrough(row: number): void {
    for (let index = Math.min(row, this.#cursor); index <= Math.max(row, this.#cursor); index += 1) {
      const study = this.at(index);
      if (study) this.selected.add(study.studyInstanceUID);
    }
    this.moveCursor(row);
  }

  clearSelection(): void {
    this.selected.clear();
  }

  /** Asks again, keeping what is shown until the answer is there. */
  reload(): void {
    this.#generation += 1;
    this.#pending.clear();
    const shown = [...this.#pages.keys()];
    for (const page of shown.length > 0 ? shown : [0]) void this.#load(page);
    void this.#countLibrary();
  }

  #restart(): void {
    this.#generation += 1;
    this.#pending.clear();
    this.#pages = new Map();
    this.#cursor = 0;
    void this.#load(0);
  }

  async #countLibrary(): Promise<void> {
    try {
      const page = await this.#station.ask('studies', { limit: 1 });
      this.#libraryTotal = page.total;
    } catch {
      // The page's own question tells the same fault.
    }
  }

  async #load(page: number): Promise<void> {
    const generation = this.#generation;
    this.#pending.add(page);
    try {
      const answer = await this.#station.ask('studies', {
        query: this.#query,
        filters: this.#modality === null ? [] : [{ field: 'modality', anyOf: [this.#modality] }],
        sortBy: this.#sortBy,
        descending: this.#descending,
        limit: pageSize,
        offset: page * pageSize,
      });
      if (generation !== this.#generation) return;
      this.#total = answer.total;
      this.#pages = new Map(this.#pages).set(page, answer.studies);
    } catch (fault) {
      if (generation === this.#generation) this.#toasts.fault(fault);
    } finally {
      if (generation === this.#generation) this.#pending.delete(page);
    }
  }
}
