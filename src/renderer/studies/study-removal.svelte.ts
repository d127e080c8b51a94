// Studies that are to leave the library: what would go, how far it is, and why it does not go.
import { faultValueOf } from '../../contract/fault.ts';
import type { RemovalPlan, RemovalReport } from '../../contract/removal.ts';
import type { StationLink } from '../bridge/station-link.ts';

/** What a person chose to remove. */
export interface RemovalChoice {
  /** Study or Series Instance UIDs. */
  readonly uids: readonly string[];
  /** Which it is, for a person, where it is one that was under the cursor; null of a selection. */
  readonly name: string | null;
}

export class StudyRemoval {
  #plan = $state.raw<RemovalPlan | null>(null);
  #progress = $state.raw<{ readonly done: number; readonly total: number } | null>(null);
  #problem = $state<string | null>(null);
  #running = $state.raw<AbortController | null>(null);
  #isCancelling = $state(false);
  readonly #station: StationLink;
  readonly #uids: string[];

  constructor(station: StationLink, { uids }: Pick<RemovalChoice, 'uids'>) {
    this.#station = station;
    this.#uids = [...uids];
  }

  /** Null until the station has told it. */
  get plan(): RemovalPlan | null {
    return this.#plan;
  }

  get progress(): { readonly done: number; readonly total: number } | null {
    return this.#progress;
  }

  get problem(): string | null {
    return this.#problem;
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  get isCancelling(): boolean {
    return this.#isCancelling;
  }

  async look(): Promise<void> {
    try {
      this.#plan = await this.#station.ask('plan-removal', { uids: this.#uids });
    } catch (fault) {
      this.#problem = faultValueOf(fault).message;
    }
  }

  /** What went; null where it was refused, which `problem` tells. */
  async remove(): Promise<RemovalReport | null> {
    if (this.#running !== null) return null;
    const running = new AbortController();
    this.#running = running;
    this.#problem = null;
    const unwatch = this.#station.watch('removal-progress', (progress) => (this.#progress = progress));
    try {
      return await this.#station.ask('remove-studies', { uids: this.#uids }, running.signal);
    } catch (fault) {
      this.#problem = faultValueOf(fault).message;
      return null;
    } finally {
      unwatch();
      this.#running = null;
      this.#isCancelling = false;
    }
  }

  /** Ends between two studies; what is gone stays gone. */
  cancel(): void {
    this.#isCancelling = true;
    this.#running?.abort();
  }
}
