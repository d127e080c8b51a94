// Patients, their studies and those studies' series as rows of one list, folded and unfolded. Patients come in pages;
// a patient's studies when it is unfolded.
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
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
  /** The search that it shows, by its number. */
  #followed = 0;
  #generation = 0;
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

  /** Asks anew after another search, all folded; as it was left where the search is the same. */
  follow(): void {
    if (this.#followed === this.#list.searched) return;
    this.#followed = this.#list.searched;
    this.#generation += 1;
    this.#asking.abort();
    this.#asking = new AbortController();
    this.#pending.clear();
    this.#pages.clear();
    this.#unfolded.clear();
    this.#chosen.clear();
    this.#cursor = 0;
    void this.#load(0);
  }

  /** Makes sure that the patients among rows first … last are there or on the way. */
  need(first: number, last: number): void {
    for (const row of [first, last]) {
      const page = Math.floor(this.at(row).index / pageSize);
      if (!this.#pages.has(page) && !this.#pending.has(page)) void this.#load(page);
    }
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

  async #load(page: number): Promise<void> {
    const generation = this.#generation;
    this.#pending.add(page);
    try {
      const asked = { ...this.#list.search, limit: pageSize, offset: page * pageSize };
      const answer = await this.#station.ask('patients', asked, this.#asking.signal);
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
    const { query, filters } = this.#list.search;
    try {
      const { studies } = await this.#station.ask('studies', {
        query,
        filters: [...filters, { field: 'patient', patients: [patient] }],
        sortBy: 'studyDate',
        descending: true,
        limit: mostStudies,
      });
      if (generation === this.#generation && this.#unfolded.has(index)) this.#unfolded.set(index, studies);
    } catch (fault) {
      if (generation !== this.#generation) return;
      this.#unfolded.delete(index);
      this.#toasts.fault(fault);
    }
  }
}

const rowsBetween = (one: number, other: number): number[] =>
  Array.from({ length: Math.abs(one - other) + 1 }, (_, index) => Math.min(one, other) + index);
