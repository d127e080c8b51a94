// The rows of what a peer holds: studies, and the series of those that are unfolded; the cursor among them, and what is chosen.
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import type { RemoteSeries, RemoteStudy } from '../../contract/pacs.ts';

export type RemoteRow =
  | { readonly kind: 'study'; readonly study: RemoteStudy }
  | { readonly kind: 'series'; readonly study: RemoteStudy; readonly series: RemoteSeries };
export type RemoteSeriesRow = RemoteRow & { readonly kind: 'series' };

/** What is to be retrieved. */
export interface ChosenRows {
  readonly studies: readonly RemoteStudy[];
  /** Of studies that are not chosen whole. */
  readonly series: readonly RemoteSeriesRow[];
}

export interface RemoteRowsSource {
  /** In the order shown. */
  readonly studies: () => readonly RemoteStudy[];
  readonly seriesOf: (study: RemoteStudy) => Promise<readonly RemoteSeries[]>;
  readonly onFault: (fault: unknown) => void;
}

export class RemoteRows {
  /** UIDs of studies and of series; those of a chosen study are chosen with it. */
  readonly #selected = new SvelteSet<string>();
  /** UIDs of studies. */
  readonly #unfolded = new SvelteSet<string>();
  /** By study, unfolded or folded again; null while they are on the way for the first time. */
  readonly #series = new SvelteMap<string, readonly RemoteSeries[] | null>();
  /** Answers to what was asked before the last new start are dropped: they may be another peer's. */
  #generation = 0;
  #cursor = $state(0);
  #anchor = 0;
  readonly #source: RemoteRowsSource;

  constructor(source: RemoteRowsSource) {
    this.#source = source;
  }

  readonly all = $derived.by((): readonly RemoteRow[] =>
    this.#source
      .studies()
      .flatMap((study): RemoteRow[] => [
        { kind: 'study', study },
        ...(this.#unfolded.has(study.studyInstanceUID) ? this.#seriesRows(study) : []),
      ]),
  );

  get cursor(): number {
    return Math.max(0, Math.min(this.all.length - 1, this.#cursor));
  }

  get hasSelection(): boolean {
    return this.chosen.studies.length + this.chosen.series.length > 0;
  }

  readonly chosen = $derived.by((): ChosenRows => {
    const isSelected = ({ studyInstanceUID }: RemoteStudy): boolean => this.#selected.has(studyInstanceUID);
    const studies = this.#source.studies();
    const series = studies
      .filter((study) => !isSelected(study))
      .flatMap((study) => this.#seriesRows(study))
      .filter((row) => this.#selected.has(uidOf(row)));
    return { studies: studies.filter(isSelected), series };
  });

  isSelected(row: RemoteRow): boolean {
    return this.#selected.has(uidOf(row)) || this.#selected.has(row.study.studyInstanceUID);
  }

  isUnfolded({ study }: RemoteRow): boolean {
    return this.#unfolded.has(study.studyInstanceUID);
  }

  /** Its series are on the way. */
  isUnfolding({ study }: RemoteRow): boolean {
    return this.isUnfolded({ kind: 'study', study }) && this.#series.get(study.studyInstanceUID) === null;
  }

  /** Nothing is chosen or unfolded, the cursor is in the first row. */
  restart(): void {
    this.#selected.clear();
    this.#unfolded.clear();
    this.#series.clear();
    this.#generation += 1;
    this.#cursor = 0;
    this.#anchor = 0;
  }

  /** Asks anew for the series that are shown, or were. */
  async reload(): Promise<void> {
    for (const { studyInstanceUID } of this.#source.studies())
      if (this.#series.has(studyInstanceUID)) await this.#load(studyInstanceUID);
  }

  async unfold({ study }: RemoteRow): Promise<void> {
    const { studyInstanceUID } = study;
    if (this.#unfolded.has(studyInstanceUID)) return;
    this.#unfolded.add(studyInstanceUID);
    if (!this.#series.has(studyInstanceUID)) this.#series.set(studyInstanceUID, null);
    await this.#load(studyInstanceUID);
  }

  /** The cursor goes to the study. */
  fold({ study }: RemoteRow): void {
    this.#unfolded.delete(study.studyInstanceUID);
    this.moveCursor(this.all.findIndex((row) => row.study.studyInstanceUID === study.studyInstanceUID));
  }

  toggleFold(row: RemoteRow): void {
    if (this.isUnfolded(row)) this.fold(row);
    else void this.unfold(row);
  }

  async #load(studyInstanceUID: string): Promise<void> {
    const study = this.#source.studies().find((one) => one.studyInstanceUID === studyInstanceUID);
    if (study === undefined) return;
    const generation = this.#generation;
    try {
      const series = await this.#source.seriesOf(study);
      if (generation === this.#generation) this.#series.set(studyInstanceUID, series);
    } catch (fault) {
      if (generation !== this.#generation) return;
      // What was shown before stays.
      if (this.#series.get(studyInstanceUID) === null) {
        this.#series.delete(studyInstanceUID);
        this.#unfolded.delete(studyInstanceUID);
      }
      this.#source.onFault(fault);
    }
  }

  #seriesRows(study: RemoteStudy): RemoteSeriesRow[] {
    return (this.#series.get(study.studyInstanceUID) ?? []).map((series) => ({ kind: 'series', study, series }));
  }

  moveCursor(at: number): void {
    this.#cursor = Math.max(0, Math.min(this.all.length - 1, at));
    this.#anchor = this.#cursor;
  }

  toggle(at: number): void {
    const row = this.all[at];
    if (row === undefined) return;
    if (row.kind === 'series' && this.#selected.delete(row.study.studyInstanceUID)) {
      // The study was chosen whole: its other series stay chosen.
      const others = this.#series.get(row.study.studyInstanceUID) ?? [];
      for (const { seriesInstanceUID } of others) this.#selected.add(seriesInstanceUID);
    }
    const uid = uidOf(row);
    if (!this.#selected.delete(uid)) this.#selected.add(uid);
    this.moveCursor(at);
  }

  selectOnly(at: number): void {
    this.#selected.clear();
    this.toggle(at);
  }

  /** Selects from where the cursor was set last to `at`. */
  selectThrough(at: number): void {
    const to = Math.max(0, Math.min(this.all.length - 1, at));
    const [first, last] = [Math.min(this.#anchor, to), Math.max(this.#anchor, to)];
    this.#selected.clear();
    for (const row of this.all.slice(first, last + 1)) this.#selected.add(uidOf(row));
    this.#cursor = to;
  }

  selectAll(): void {
    for (const { studyInstanceUID } of this.#source.studies()) this.#selected.add(studyInstanceUID);
  }

  clearSelection(): void {
    this.#selected.clear();
  }
}

function uidOf(row: RemoteRow): string {
  return row.kind === 'study' ? row.study.studyInstanceUID : row.series.seriesInstanceUID;
}

/** Whether all of a study or series is here; null where the peer does not tell how much there is. */
export function isWhollyHere({ instances, instancesHere }: RemoteStudy | RemoteSeries): boolean | null {
  if (instances === null) return instancesHere === 0 ? false : null;
  return instancesHere >= instances && instances > 0;
}

/** Images that are chosen and not here; null where the peer does not tell of all. */
export function missingInstances({ studies, series }: ChosenRows): number | null {
  let sum = 0;
  for (const { instances, instancesHere } of [...studies, ...series.map((row) => row.series)]) {
    if (instances === null) return null;
    sum += Math.max(0, instances - instancesHere);
  }
  return sum;
}
