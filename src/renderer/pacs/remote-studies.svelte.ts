// What a peer holds: the question, its answer, and the rows that are made of it.
import { faultValueOf } from '../../contract/fault.ts';
import type { RemoteStudy } from '../../contract/pacs.ts';
import type { StationLink } from '../bridge/station-link.ts';
import type { Toasts } from '../ui/toasts.svelte.ts';
import { RemoteRows } from './remote-rows.svelte.ts';
import { containedPattern, type DateChoice, namePattern, studyDateOf } from './study-dates.ts';

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
  description = $state('');
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
  readonly rows: RemoteRows;
  readonly #station: StationLink;
  #asking: AbortController | null = null;
  /** Answers to an older question are dropped. */
  #generation = 0;

  constructor(station: StationLink, toasts: Toasts) {
    this.#station = station;
    this.rows = new RemoteRows({
      studies: () => this.studies ?? [],
      seriesOf: async ({ studyInstanceUID }) =>
        (await station.ask('find-series', { peer: this.#peer ?? '', studyInstanceUID })).series,
      onFault: (fault) => toasts.fault(fault),
    });
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

  /** Ends the question that is being asked; what was found before stays. */
  cancel(): void {
    this.#generation += 1;
    this.#asking?.abort();
    this.#asking = null;
    this.#isAsking = false;
  }

  /** Forgets an answer that was another peer's. */
  forget(): void {
    this.cancel();
    this.#found = null;
    this.#peer = null;
    this.#problem = null;
    this.rows.restart();
  }

  /** Asks `peer`; the choice is cleared unless the question is the one asked before. */
  async find(peer: string, { keepSelection = false } = {}): Promise<void> {
    this.cancel();
    const generation = this.#generation;
    const asking = new AbortController();
    this.#asking = asking;
    this.#isAsking = true;
    this.#problem = null;
    if (!keepSelection) this.rows.restart();
    try {
      const { studies, isCut } = await this.#station.ask(
        'find-studies',
        {
          peer,
          query: {
            patientName: namePattern(this.patientName),
            patientID: this.patientID.trim(),
            accessionNumber: this.accessionNumber.trim(),
            modality: this.modality.trim().toUpperCase(),
            description: containedPattern(this.description),
            studyDate: studyDateOf(this.dateChoice, { from: this.dateFrom, to: this.dateTo, now: new Date() }),
          },
        },
        asking.signal,
      );
      if (generation !== this.#generation) return;
      this.#found = studies;
      this.#peer = peer;
      this.#isCut = isCut;
      await this.rows.reload();
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
}

function compared(a: RemoteStudy, b: RemoteStudy, key: SortKey): number {
  if (key === 'instances' || key === 'instancesHere') return (a[key] ?? -1) - (b[key] ?? -1);
  const [one, other] = key === 'modalities' ? [a.modalities.join(), b.modalities.join()] : [a[key], b[key]];
  return one.localeCompare(other, undefined, { sensitivity: 'base', numeric: true });
}
