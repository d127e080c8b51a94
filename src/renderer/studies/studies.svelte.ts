// The study list: a window of pages over however many studies the library holds.
import type { StudySearchState } from '../../contract/browse.ts';
import type { Study, StudyQuery } from '../../contract/dicom.ts';
import type { StudyFilter } from '../../contract/study-filter.ts';
import type { StationLink } from '../bridge/station-link.ts';
import type { Toasts } from '../ui/toasts.svelte.ts';
import { KeptStudy } from './kept-study.ts';
import { StudySelection } from './study-selection.svelte.ts';

const pageSize = 100;
const uidPageSize = 5_000;
/** The answer itself takes less than this. */
const typingPauseMs = 80;

type SortKey = StudyQuery['sortBy'];
const largestFirst: ReadonlySet<SortKey> = new Set([
  'studyDate',
  'instances',
  'series',
  'importedMs',
  'patientAgeYears',
]);

export class StudyList {
  #total = $state<number | null>(null);
  /** Every study of the library, whatever the search: null until asked. */
  #libraryTotal = $state<number | null>(null);
  #pages = $state.raw<ReadonlyMap<number, readonly Study[]>>(new Map());
  #typed = $state('');
  #query = $state('');
  #filters = $state.raw<readonly StudyFilter[]>([]);
  #sortBy = $state<SortKey>('studyDate');
  #descending = $state(true);
  #cursor = $state(0);
  /** What Shift selects from; over as soon as the cursor moves without it. */
  #range: { readonly anchor: number; readonly uids: Promise<readonly string[]> } | null = null;
  /** Looked for after a change of the library; null once it is found, or gone. */
  #kept = $state.raw<KeptStudy | null>(null);
  readonly #selected = new StudySelection();
  readonly #station: StationLink;
  readonly #toasts: Toasts;
  readonly #pending = new Set<number>();
  /** Pages that the table shows. */
  #needed = { first: 0, last: 0 };
  /** Answers to an older question are dropped. */
  #generation = 0;
  /** Aborted when what is asked now is of no use any more: the station does not search for it then. */
  #asking = new AbortController();
  #searched = $state(0);
  #typing: ReturnType<typeof setTimeout> | undefined;

  constructor(station: StationLink, toasts: Toasts) {
    this.#station = station;
    this.#toasts = toasts;
    station.watch('library-changed', () => this.reload());
    this.reload();
  }

  /** Grows with every new search: what hangs on one asks again. */
  get searched(): number {
    return this.#searched;
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

  get filters(): readonly StudyFilter[] {
    return this.#filters;
  }

  /** What is asked now, without its page. */
  get search(): StudySearchState {
    return { query: this.#query, filters: [...this.#filters], sortBy: this.#sortBy, descending: this.#descending };
  }

  get isFiltered(): boolean {
    return this.#query !== '' || this.#filters.length > 0;
  }

  get selectedCount(): number {
    return this.#selected.count(this.#total ?? 0);
  }

  /** Whether all that the search finds are selected, but for those that were taken out again. */
  get selectsAll(): boolean {
    return this.#selected.uids === null;
  }

  isSelected(studyInstanceUID: string): boolean {
    return this.#selected.has(studyInstanceUID);
  }

  /** The selection one by one, for what cannot work with a search. */
  async selectedUIDs(): Promise<string[]> {
    const chosen = this.#selected.uids;
    if (chosen !== null) return chosen;
    const uids: string[] = [];
    const all = { ...this.selection, limit: uidPageSize };
    for (let offset = 0; offset < this.selectedCount; offset += uidPageSize) {
      const { studies } = await this.#station.ask('studies', { ...all, offset });
      uids.push(...studies.map(({ studyInstanceUID }) => studyInstanceUID));
    }
    return uids;
  }

  /** The selection as a search; all that is found where nothing is selected. */
  get selection(): { query: string; filters: StudyFilter[] } {
    return this.#selected.within(this.search);
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
    return this.#kept?.study ?? this.at(this.#cursor);
  }

  /** The study in a row; null while its page is on the way. */
  at(row: number): Study | null {
    return this.#pages.get(Math.floor(row / pageSize))?.[row % pageSize] ?? null;
  }

  /** Makes sure that rows first … last are there or on the way. */
  need(first: number, last: number): void {
    this.#needed = { first: Math.floor(first / pageSize), last: Math.floor(last / pageSize) };
    for (let page = this.#needed.first; page <= this.#needed.last; page += 1) {
      if (!this.#pages.has(page) && !this.#pending.has(page)) void this.#load(page);
    }
  }

  type(text: string): void {
    this.#typed = text;
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => {
      if (this.#query === text.trim()) return;
      this.#query = text.trim();
      this.clearSelection();
      this.#restart();
    }, typingPauseMs);
  }

  /** Adds a filter; one of the same field is replaced, or takes the further values where it lists some. */
  addFilter(filter: StudyFilter): void {
    const held = this.#filters.find(({ field }) => field === filter.field);
    let added = filter;
    if (held && 'anyOf' in held && 'anyOf' in filter && held.field === filter.field)
      added = { ...filter, anyOf: [...new Set([...held.anyOf, ...filter.anyOf])] };
    this.#setFilters(held ? this.#filters.map((one) => (one === held ? added : one)) : [...this.#filters, added]);
  }

  /** Puts a filter in the place of the one of its field. */
  replaceFilter(filter: StudyFilter): void {
    this.#setFilters([...this.#filters.filter(({ field }) => field !== filter.field), filter]);
  }

  removeFilter(field: StudyFilter['field']): void {
    this.#setFilters(this.#filters.filter((filter) => filter.field !== field));
  }

  /** Shows what a search finds: a saved one, a cohort's studies, or everything. */
  show({ query, filters, sortBy, descending }: StudySearchState): void {
    clearTimeout(this.#typing);
    this.#typed = query;
    this.#query = query;
    this.#sortBy = sortBy;
    this.#descending = descending;
    this.#setFilters(filters);
  }

  #setFilters(filters: readonly StudyFilter[]): void {
    this.#filters = filters;
    this.clearSelection();
    this.#restart();
  }

  sort(by: SortKey): void {
    this.#descending = this.#sortBy === by ? !this.#descending : largestFirst.has(by);
    this.#sortBy = by;
    this.#restart();
  }

  moveCursor(row: number): void {
    this.#range = null;
    this.#kept = null;
    this.#cursor = Math.max(0, Math.min((this.#total ?? 1) - 1, row));
  }

  toggle(studyInstanceUID: string): void {
    this.#selected.toggle(studyInstanceUID);
  }

  /** Takes studies into the selection, or out of it. */
  select(studyInstanceUIDs: readonly string[], isSelected = true): void {
    for (const uid of studyInstanceUIDs) if (this.isSelected(uid) !== isSelected) this.toggle(uid);
  }

  /** Of the study in a row, which may not have been read yet. */
  async toggleRow(row: number): Promise<void> {
    const [uid] = await this.#uidsOf(row, row);
    if (uid !== undefined) this.toggle(uid);
  }

  /**
   * Selects the rows between `row` and where the range began, the cursor of before the first step of it; those that are not read yet
   * as soon as they are. What an earlier step had selected beyond is selected no more.
   */
  async selectThrough(row: number): Promise<void> {
    const range = this.#range;
    const anchor = range?.anchor ?? this.#cursor;
    this.moveCursor(row);
    const uids = this.#uidsOf(Math.min(row, anchor), Math.max(row, anchor));
    this.#range = { anchor, uids };
    const [before, now] = await Promise.all([range?.uids ?? [], uids]);
    const kept = new Set(now);
    this.select(
      before.filter((uid) => !kept.has(uid)),
      false,
    );
    this.select(now);
  }

  /** Studies of rows first … last; none where another search came between. */
  async #uidsOf(first: number, last: number): Promise<string[]> {
    const studies = Array.from({ length: last - first + 1 }, (_, index) => this.at(first + index));
    const uids = studies.flatMap((study) => (study === null ? [] : [study.studyInstanceUID]));
    if (uids.length === studies.length) return uids;
    const { search } = this;
    const isSame = (): boolean => JSON.stringify(search) === JSON.stringify(this.search);
    uids.length = 0;
    try {
      for (let offset = first; offset <= last && isSame(); offset += uidPageSize) {
        const limit = Math.min(uidPageSize, last - offset + 1);
        const answer = await this.#station.ask('studies', { ...search, limit, offset });
        uids.push(...answer.studies.map(({ studyInstanceUID }) => studyInstanceUID));
      }
    } catch (fault) {
      this.#toasts.fault(fault);
      return [];
    }
    return isSame() ? uids : [];
  }

  /** Every study that the search finds, however many: as the search itself, not as their UIDs. */
  selectAll(): void {
    this.#selected.addAll();
  }

  clearSelection(): void {
    this.#range = null;
    this.#selected.clear();
  }

  /** Asks again for what is in view, keeping it until the answer is there; pages scrolled past are asked for when they are needed. */
  reload(): void {
    this.#abandon();
    this.#searched += 1;
    this.#pending.clear();
    const { first, last } = this.#needed;
    const { cursorStudy } = this;
    const cursorPage = Math.floor(this.#cursor / pageSize);
    this.#kept = cursorStudy === null ? null : new KeptStudy(cursorStudy, cursorPage);
    this.#pages = new Map([...this.#pages].filter(([page]) => page >= first && page <= last));
    for (let page = first; page <= last; page += 1) void this.#load(page);
    if (this.#kept !== null && !this.#pending.has(cursorPage)) void this.#load(cursorPage);
    void this.#countLibrary();
  }

  #abandon(): void {
    this.#generation += 1;
    this.#asking.abort();
    this.#asking = new AbortController();
  }

  #restart(): void {
    this.#abandon();
    this.#searched += 1;
    this.#pending.clear();
    this.#pages = new Map();
    this.#needed = { first: 0, last: 0 };
    this.#range = null;
    this.#kept = null;
    this.#cursor = 0;
    void this.#load(0);
  }

  /** The cursor goes with the study that it was on, as far as a page away. */
  #followKept(page: number, studies: readonly Study[]): void {
    const found = this.#kept?.lookAt(page, studies) ?? null;
    if (found === null) return;
    if ('at' in found) {
      const row = page * pageSize + found.at;
      if (this.#range !== null) this.#range = { ...this.#range, anchor: this.#range.anchor + row - this.#cursor };
      this.#cursor = row;
      this.#kept = null;
    } else if (found.further.length === 0) {
      this.#kept = null;
      this.#cursor = Math.max(0, Math.min((this.#total ?? 1) - 1, this.#cursor));
    } else for (const further of found.further) if (!this.#pending.has(further)) void this.#load(further);
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
      const asked = { ...this.search, limit: pageSize, offset: page * pageSize };
      const answer = await this.#station.ask('studies', asked, this.#asking.signal);
      if (generation !== this.#generation) return;
      this.#total = answer.total;
      this.#pages = new Map(this.#pages).set(page, answer.studies);
      this.#followKept(page, answer.studies);
    } catch (fault) {
      if (generation === this.#generation) {
        this.#kept = null;
        this.#toasts.fault(fault);
      }
    } finally {
      if (generation === this.#generation) this.#pending.delete(page);
    }
  }
}
