// Labels that are being read out of segmentations, structure sets and reports, and what came of it.
import { faultValueOf } from '../../contract/fault.ts';
import type { LabelProgress, LabelReport, LabelSource } from '../../contract/label-source.ts';
import type { StationLink } from '../bridge/station-link.ts';

export interface LabelChoices {
  readonly origin: LabelSource;
  readonly level: 'instance' | 'series';
  /** A segment, ROI or concept; empty for all. */
  readonly choice: string;
  readonly query: string;
  /** What the referenced series hold besides is labelled "none". */
  readonly hasNegatives: boolean;
}

export class LabelReading {
  #progress = $state.raw<LabelProgress | null>(null);
  #report = $state.raw<LabelReport | null>(null);
  #problem = $state<string | null>(null);
  #isCancelling = $state(false);
  #running = $state.raw<AbortController | null>(null);
  readonly #station: StationLink;

  constructor(station: StationLink) {
    this.#station = station;
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  get isCancelling(): boolean {
    return this.#isCancelling;
  }

  get progress(): LabelProgress | null {
    return this.#progress;
  }

  get report(): LabelReport | null {
    return this.#report;
  }

  /** Why the last reading came to nothing. */
  get problem(): string | null {
    return this.#problem;
  }

  async read({ origin, level, choice, query, hasNegatives }: LabelChoices): Promise<void> {
    if (this.#running !== null) return;
    const running = new AbortController();
    this.#running = running;
    this.#progress = null;
    this.#report = null;
    this.#problem = null;
    const unwatch = this.#station.watch('labels-progress', (progress) => (this.#progress = progress));
    const asked = { origin, level, query, choice: choice.trim() || null, negative: hasNegatives ? 'none' : null };
    try {
      this.#report = await this.#station.ask('read-labels', asked, running.signal);
    } catch (fault) {
      this.#problem = faultValueOf(fault).message;
    } finally {
      unwatch();
      this.#running = null;
      this.#isCancelling = false;
    }
  }

  /** The station answers with what it had done; no label is changed then. */
  cancel(): void {
    this.#isCancelling = true;
    this.#running?.abort();
  }
}
