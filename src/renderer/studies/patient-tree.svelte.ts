// Patients, their studies and those studies' series as rows of one list, folded and unfolded. Patients come in pages;
// a patient's studies when it is unfolded.
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import type { CallOutput } from '../../contract/calls.ts';
import type { PatientRow } from '../../contract/browse.ts';
import type { Series, Study } from '../../contract/dicom.ts';
import type { StationLink } from '../bridge/station-link.ts';
import type { Toasts } from '../ui/toasts.svelte.ts';
import { studiesOfPatients } from './studies-of-patients.ts';
import type { StudyList } from './studies.svelte.ts';

const pageSize = 100;
/** Patients that are asked for at once where a range is selected. */
const rangePageSize = 5_000;
/** Of one patient; a phantom may have more, which the flat list shows. */
const mostStudies = 500;

export type TreeRow =
  | { readonly kind: 'patient'; readonly index: number; readonly patient: PatientRow | null }
  | { readonly kind: 'study'; readonly index: number; readonly study: Study }
  | { readonly kind: 'series'; readonly index: number; readonly study: Study; readonly series: Series };

/** What a row is of, wherever it stands. */
interface RowIdentity {
  readonly patient: number | null;
  readonly study: string | null;
  readonly series: string | null;
}

export class PatientTree {
  #total = $state<number | null>(null);
  #cursor = $state(0);
  /** Rows that Shift has selected; over as soon as the cursor moves without it. */
  #range: { readonly anchor: number; readonly end: number } | null = null;
  readonly #pages = new SvelteMap<number, readonly PatientRow[]>();
  /** Unfolded patients by their place in the list; null while their studies are on the way. */
  readonly #unfolded = new SvelteMap<number, readonly Study[] | null>();
  readonly #openStudies = new SvelteSet<string>();
  /** Whether all studies of a folded patient are selected, by the patient's number; where it is not said, as the list begins. */
  readonly #chosen = new SvelteMap<number, boolean>();
  readonly #pending = new Set<number>();
  readonly #station: StationLink;
  readonly #toasts: Toasts;
  readonly #list: StudyList;
  /** The search that it shows, as JSON; by its number, which also grows with each change of the library. */
  #search = '';
  #followed = 0;
  #generation = 0;
  /** Pages that are in view. */
  #needed = { first: 0, last: 0 };
  #isRefreshing = false;
  /** The library changed since the last refresh began. */
  #isStale = false;
  #asking = new AbortController();

  constructor(station: StationLink, toasts: Toasts, list: StudyList) {
    this.#station = station;
    this.#toasts = toasts;
    this.#list = list;
  }

  /** Number of patients; null while the first answer is awaited. */
  get patients(): number | null {
    return this.#total;
  }

  get cursor(): number {
    return this.#cursor;
  }

  /** Rows below each unfolded patient, in the order of the list. */
  readonly #below = $derived.by(() =>
    [...this.#unfolded]
      .sort(([a], [b]) => a - b)
      .map(([index, studies]) => ({ index, rows: this.#rowsOf(index, studies ?? []) })),
  );

  readonly length = $derived((this.#total ?? 0) + this.#below.reduce((sum, { rows }) => sum + rows.length, 0));

  at(row: number): TreeRow {
    let before = 0;
    for (const { index, rows } of this.#below) {
      const first = index + before + 1;
      if (row < first) break;
      const inside = rows[row - first];
      if (inside) return inside;
      before += rows.length;
    }
    return this.#patientAt(row - before);
  }

  isUnfolded(row: TreeRow): boolean {
    if (row.kind === 'patient') return this.#unfolded.has(row.index);
    return row.kind === 'study' && this.#openStudies.has(row.study.studyInstanceUID);
  }

  /** Asks anew after another search, all folded; where only the library changed, what is open stays open and the cursor on its row. */
  follow(): void {
    if (this.#followed === this.#list.searched) return;
    this.#followed = this.#list.searched;
    const search = JSON.stringify(this.#list.search);
    if (search === this.#search && this.#total !== null) return void this.#refresh();
    this.#search = search;
    this.#forgetAsked();
    this.#pages.clear();
    this.#unfolded.clear();
    this.#chosen.clear();
    this.#needed = { first: 0, last: 0 };
    this.#range = null;
    this.#cursor = 0;
    void this.#load(0);
  }

  /** Makes sure that the patients among rows first … last are there or on the way. */
  need(first: number, last: number): void {
    const pageOf = (row: number): number => Math.floor(this.at(row).index / pageSize);
    this.#needed = { first: pageOf(first), last: pageOf(last) };
    for (const page of [this.#needed.first, this.#needed.last])
      if (!this.#pages.has(page) && !this.#pending.has(page)) void this.#load(page);
  }

  moveCursor(row: number): void {
    this.#range = null;
    this.#cursor = Math.max(0, Math.min(this.length - 1, row));
  }

  toggle(row: TreeRow): void {
    if (this.isUnfolded(row)) this.fold(row);
    else this.unfold(row);
  }

  unfold(row: TreeRow): void {
    this.#range = null;
    if (row.kind === 'study') this.#openStudies.add(row.study.studyInstanceUID);
    else if (row.kind === 'patient' && row.patient && !this.#unfolded.has(row.index)) {
      this.#unfolded.set(row.index, null);
      void this.#loadStudies(row.index, row.patient.patient);
    }
  }

  fold(row: TreeRow): void {
    this.#range = null;
    if (row.kind === 'study') this.#openStudies.delete(row.study.studyInstanceUID);
    else if (row.kind === 'patient') {
      if (row.patient) this.#chosen.set(row.patient.patient, this.isSelected(row));
      this.#unfolded.delete(row.index);
    }
  }

  /** Whether the study of a row is selected, or every study of its patient. */
  isSelected(row: TreeRow): boolean {
    if (row.kind !== 'patient') return this.#list.isSelected(row.study.studyInstanceUID);
    if (row.patient === null) return false;
    const studies = this.#unfolded.get(row.index);
    if (studies) return studies.every(({ studyInstanceUID }) => this.#list.isSelected(studyInstanceUID));
    return this.#chosen.get(row.patient.patient) ?? this.#list.selectsAll;
  }

  /** After the selection began anew: with nothing, or with all. */
  forgetSelected(): void {
    this.#range = null;
    this.#chosen.clear();
  }

  /** A study, that of a series, or all of a patient. */
  async toggleSelected(row: TreeRow): Promise<void> {
    if (row.kind !== 'patient') return this.#list.toggle(row.study.studyInstanceUID);
    await this.#choose([row.index], !this.isSelected(row));
  }

  /**
   * Selects the rows between `row` and where the range began, the cursor of before the first step of it; of a folded patient, all its
   * studies. What an earlier step had selected beyond is selected no more.
   */
  async selectThrough(row: number): Promise<void> {
    const range = this.#range;
    const anchor = range?.anchor ?? this.#cursor;
    this.moveCursor(row);
    this.#range = { anchor, end: row };
    const isWithin = (at: number): boolean => at >= Math.min(anchor, row) && at <= Math.max(anchor, row);
    if (range !== null)
      await this.#mark(
        rowsBetween(range.anchor, range.end).filter((at) => !isWithin(at)),
        false,
      );
    await this.#mark(rowsBetween(anchor, row), true);
  }

  async #mark(places: readonly number[], isSelected: boolean): Promise<void> {
    const rows = places.map((at) => this.at(at));
    this.#list.select(
      rows.flatMap((one) => (one.kind === 'patient' ? [] : [one.study.studyInstanceUID])),
      isSelected,
    );
    const folded = rows.filter((one) => one.kind === 'patient' && !this.isUnfolded(one)).map(({ index }) => index);
    if (folded.length > 0) await this.#choose(folded, isSelected);
  }

  /** Takes all studies of the patients at these places of the list, which ascend, into the selection or out of it. */
  async #choose(places: readonly number[], isSelected: boolean): Promise<void> {
    const generation = this.#generation;
    const { search } = this.#list;
    const wanted = new Set(places);
    const patients: number[] = [];
    try {
      for (let offset = places[0] ?? 0; offset <= (places.at(-1) ?? -1); offset += rangePageSize) {
        const answer = await this.#station.ask('patients', { ...search, limit: rangePageSize, offset });
        patients.push(...answer.patients.filter((_, at) => wanted.has(offset + at)).map(({ patient }) => patient));
      }
      const uids = await studiesOfPatients(this.#station, search, patients);
      if (generation !== this.#generation) return;
      this.#list.select(uids, isSelected);
      for (const patient of patients) this.#chosen.set(patient, isSelected);
    } catch (fault) {
      this.#toasts.fault(fault);
    }
  }

  /** The row of what a row belongs to. */
  parentOf(at: number): number {
    const { kind } = this.at(at);
    const parent = kind === 'series' ? 'study' : 'patient';
    for (let row = at - 1; row >= 0; row -= 1) if (this.at(row).kind === parent) return row;
    return at;
  }

  #patientAt(index: number): TreeRow {
    return {
      kind: 'patient',
      index,
      patient: this.#pages.get(Math.floor(index / pageSize))?.[index % pageSize] ?? null,
    };
  }

  #rowsOf(index: number, studies: readonly Study[]): TreeRow[] {
    return studies.flatMap((study): TreeRow[] => [
      { kind: 'study', index, study },
      ...(this.#openStudies.has(study.studyInstanceUID)
        ? study.series.map((series): TreeRow => ({ kind: 'series', index, study, series }))
        : []),
    ]);
  }

  /** Answers to what was asked before are dropped. */
  #forgetAsked(): void {
    this.#generation += 1;
    this.#asking.abort();
    this.#asking = new AbortController();
    this.#pending.clear();
  }

  /** What is in view once more, with the studies of those who are unfolded; shown when all of it is there. One at a time. */
  async #refresh(): Promise<void> {
    this.#isStale = true;
    if (this.#isRefreshing) return;
    this.#isRefreshing = true;
    const generation = this.#generation;
    const isOver = (): boolean => generation !== this.#generation;
    try {
      while (this.#isStale && !isOver()) {
        this.#isStale = false;
        const pages = new Set([
          this.#needed.first,
          this.#needed.last,
          Math.floor(this.at(this.#cursor).index / pageSize),
        ]);
        const answers = await Promise.all([...pages].map(async (page) => ({ page, ...(await this.#askPage(page)) })));
        const open = new Set(this.#unfoldedPatients().map(({ patient }) => patient));
        const found = answers.flatMap(({ patients }) => patients).filter(({ patient }) => open.has(patient));
        const studies = new Map(
          await Promise.all(found.map(async ({ patient }) => [patient, await this.#studiesOf(patient)] as const)),
        );
        if (!isOver()) this.#show(answers, studies);
      }
    } catch (fault) {
      if (!isOver()) this.#toasts.fault(fault);
    } finally {
      this.#isRefreshing = false;
    }
    if (this.#isStale) void this.#refresh();
  }

  #show(
    answers: readonly { readonly page: number; readonly total: number; readonly patients: readonly PatientRow[] }[],
    studies: ReadonlyMap<number, readonly Study[]>,
  ): void {
    const under = this.#identityOf(this.at(this.#cursor));
    const unfolded = this.#unfoldedPatients();
    const places = new Map(
      answers.flatMap(({ page, patients }) =>
        patients.map(({ patient }, at) => [patient, page * pageSize + at] as const),
      ),
    );
    this.#pages.clear();
    this.#unfolded.clear();
    for (const { page, patients, total } of answers) {
      this.#pages.set(page, patients);
      this.#total = total;
    }
    for (const { patient, known } of unfolded) {
      const place = places.get(patient);
      if (place === undefined) continue;
      this.#unfolded.set(place, studies.get(patient) ?? known);
      // It was unfolded meanwhile, and its studies are asked for by its old place.
      if (!studies.has(patient) && known === null) void this.#loadStudies(place, patient);
    }
    this.#range = null;
    const first = under.patient === null ? undefined : places.get(under.patient);
    let row = Math.min(this.#cursor, this.length - 1);
    if (first !== undefined) {
      const head = first + this.#below.reduce((sum, { index, rows }) => sum + (index < first ? rows.length : 0), 0);
      const inside = this.#below.find(({ index }) => index === first)?.rows ?? [];
      const at = inside.findIndex((one) => isSame(this.#identityOf(one), under));
      row = head + at + 1;
    }
    this.#cursor = Math.max(0, row);
  }

  #unfoldedPatients(): { readonly patient: number; readonly known: readonly Study[] | null }[] {
    return [...this.#unfolded].flatMap(([index, known]) => {
      const row = this.#patientAt(index);
      return row.kind === 'patient' && row.patient ? [{ patient: row.patient.patient, known }] : [];
    });
  }

  #identityOf(row: TreeRow): RowIdentity {
    const head = row.kind === 'patient' ? row : this.#patientAt(row.index);
    return {
      patient: head.kind === 'patient' ? (head.patient?.patient ?? null) : null,
      study: row.kind === 'patient' ? null : row.study.studyInstanceUID,
      series: row.kind === 'series' ? row.series.seriesInstanceUID : null,
    };
  }

  #askPage(page: number): Promise<CallOutput<'patients'>> {
    const asked = { ...this.#list.search, limit: pageSize, offset: page * pageSize };
    return this.#station.ask('patients', asked, this.#asking.signal);
  }

  async #studiesOf(patient: number): Promise<readonly Study[]> {
    const { query, filters } = this.#list.search;
    const { studies } = await this.#station.ask('studies', {
      query,
      filters: [...filters, { field: 'patient', patients: [patient] }],
      sortBy: 'studyDate',
      descending: true,
      limit: mostStudies,
    });
    return studies;
  }

  async #load(page: number): Promise<void> {
    const generation = this.#generation;
    this.#pending.add(page);
    try {
      const answer = await this.#askPage(page);
      if (generation !== this.#generation) return;
      this.#total = answer.total;
      this.#pages.set(page, answer.patients);
    } catch (fault) {
      if (generation === this.#generation) this.#toasts.fault(fault);
    } finally {
      if (generation === this.#generation) this.#pending.delete(page);
    }
  }

  async #loadStudies(index: number, patient: number): Promise<void> {
    const generation = this.#generation;
    /** Others may stand there by now. */
    const isThere = (): boolean =>
      this.#unfolded.has(index) && this.#identityOf(this.#patientAt(index)).patient === patient;
    try {
      const studies = await this.#studiesOf(patient);
      if (generation === this.#generation && isThere()) this.#unfolded.set(index, studies);
    } catch (fault) {
      if (generation !== this.#generation || !isThere()) return;
      this.#unfolded.delete(index);
      this.#toasts.fault(fault);
    }
  }
}

const rowsBetween = (one: number, other: number): number[] =>
  Array.from({ length: Math.abs(one - other) + 1 }, (_, index) => Math.min(one, other) + index);

const isSame = (one: RowIdentity, other: RowIdentity): boolean =>
  one.patient === other.patient && one.study === other.study && one.series === other.series;
