// What a peer holds: the question, its answer, and which studies of it are chosen.
import { SvelteSet } from 'svelte/reactivity';
import { faultValueOf } from '../../contract/fault.ts';
import type { RemoteStudy } from '../../contract/pacs.ts';
import type { StationLink } from '../bridge/station-link.ts';
import { type DateChoice, namePattern, studyDateOf } from './study-dates.ts';

export const sortKeys = [
  'patientName',
  'patientID',
  'studyDate',
  'description',
  'modalities',
  'instances',
  'instancesHere',
] as const;
export type SortKey = (typeof sortKeys)[number];

export class RemoteStudies {
  patientName = $state('');
  patientID = $state('');
  accessionNumber = $state('');
  modality = $state('');
  dateChoice = $state<DateChoice>('any');
  dateFrom = $state('');
  dateTo = $state('');

  #found = $state.raw<readonly RemoteStudy[] | null>(null);
  #peer = $state<string | null>(null);
  #isCut = $state(false);
  #isAsking = $state(false);
  #problem = $state<string | null>(null);
  #sortBy = $state<SortKey>('studyDate');
  #descending = $state(true);
  #cursor = $state(0);
  readonly selected = new SvelteSet<string>();
  readonly #station: StationLink;
  /** Answers to an older question are dropped. */
  #generation = 0;
  #anchor = 0;

  constructor(station: StationLink) {
    this.#station = station;
  }

  /** Sorted; null before the first question. */
  readonly studies = $derived.by(() => {
    if (this.#found === null) return null;
    const sign = this.#descending ? -1 : 1;
    return this.#found.toSorted((a, b) => sign * compared(a, b, this.#sortBy));
  });

  /** Whom the shown answer is from. */
  get peer(): string | null {
    return this.#peer;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  get isAsking(): boolean {
    return this.#isAsking;
  }

  /** Why there is no answer, for a person. */
  get problem(): string | null {
    return this.#problem;
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

  /** The chosen ones, in the order shown. */
  get chosen(): readonly RemoteStudy[] {
    return this.studies?.filter(({ studyInstanceUID }) => this.selected.has(studyInstanceUID)) ?? [];
  }

  /** Forgets an answer that was another peer's. */
  forget(): void {
    this.#generation += 1;
    this.#found = null;
    this.#peer = null;
    this.#problem = null;
    this.#isAsking = false;
    this.selected.clear();
  }

  /** Asks `peer`; the choice is cleared unless the question is the one asked before. */
  async find(peer: string, { keepSelection = false } = {}): Promise<void> {
    this.#generation += 1;
    const generation = this.#generation;
    this.#isAsking = true;
    this.#problem = null;
    if (!keepSelection) {
      this.selected.clear();
      this.#cursor = 0;
      this.#anchor = 0;
    }
    try {
      const { studies, isCut } = await this.#station.ask('find-studies', {
        peer,
        query: {
          patientName: namePattern(this.patientName),
          patientID: this.patientID.trim(),
          accessionNumber: this.accessionNumber.trim(),
          modality: this.modality,
          studyDate: studyDateOf(this.dateChoice, { from: this.dateFrom, to: this.dateTo, now: new Date() }),
        },
      });
      if (generation !== this.#generation) return;
      this.#found = studies;
      this.#peer = peer;
      this.#isCut = isCut;
    } catch (fault) {
      if (generation !== this.#generation) return;
      this.#found = null;
      this.#problem = faultValueOf(fault).message;
    } finally {
      if (generation === this.#generation) this.#isAsking = false;
    }
  }

  sort(key: SortKey): void {
    if (this.#sortBy === key) this.#descending = !this.#descending;
    else {
      this.#sortBy = key;
      this.#descending = key === 'studyDate' || key === 'instances';
    }
  }

  moveCursor(row: number): void {
    this.#cursor = Math.max(0, Math.min((this.studies?.length ?? 1) - 1, row));
    this.#anchor = this.#cursor;
  }

  toggle(row: number): void {
    const uid = this.studies?.[row]?.studyInstanceUID;
    if (uid === undefined) return;
    if (!this.selected.delete(uid)) this.selected.add(uid);
    this.#cursor = row;
    this.#anchor = row;
  }

  /** Selects from where the cursor was set last to `row`. */
  selectThrough(row: number): void {
    const studies = this.studies ?? [];
    const to = Math.max(0, Math.min(studies.length - 1, row));
    const [first, last] = [Math.min(this.#anchor, to), Math.max(this.#anchor, to)];
    this.selected.clear();
    for (const { studyInstanceUID } of studies.slice(first, last + 1)) this.selected.add(studyInstanceUID);
    this.#cursor = to;
  }

  selectAll(): void {
    for (const { studyInstanceUID } of this.studies ?? []) this.selected.add(studyInstanceUID);
  }
}

function compared(a: RemoteStudy, b: RemoteStudy, key: SortKey): number {
  if (key === 'instances' || key === 'instancesHere') return (a[key] ?? -1) - (b[key] ?? -1);
  const [one, other] = key === 'modalities' ? [a.modalities.join(), b.modalities.join()] : [a[key], b[key]];
  return one.localeCompare(other, undefined, { sensitivity: 'base', numeric: true });
}

/** Whether all of a study is here; null where the peer does not tell how much there is. */
export function isWhollyHere(study: RemoteStudy): boolean | null {
  if (study.instances === null) return study.instancesHere === 0 ? false : null;
  return study.instancesHere >= study.instances && study.instances > 0;
}
