// The cohorts of this site.
import type { CallInput } from '../../contract/calls.ts';
import type { Cohort } from '../../contract/cohort.ts';
import type { StationLink } from '../bridge/station-link.ts';
import type { Toasts } from '../ui/toasts.svelte.ts';

export class CohortList {
  #cohorts = $state.raw<readonly Cohort[] | null>(null);
  readonly #station: StationLink;
  readonly #toasts: Toasts;

  constructor(station: StationLink, toasts: Toasts) {
    this.#station = station;
    this.#toasts = toasts;
    station.watch('library-changed', () => void this.reload());
    void this.reload();
  }

  /** Null until the station answered for the first time. */
  get cohorts(): readonly Cohort[] | null {
    return this.#cohorts;
  }

  async reload(): Promise<void> {
    try {
      this.#cohorts = (await this.#station.ask('cohorts', {})).cohorts;
    } catch (fault) {
      this.#toasts.fault(fault);
    }
  }

  /** @throws Fault, for the dialog to show beside its fields. */
  async create(input: CallInput<'create-cohort'>, signal: AbortSignal): Promise<Cohort> {
    const cohort = await this.#station.ask('create-cohort', input, signal);
    await this.reload();
    return cohort;
  }

  async delete(name: string): Promise<void> {
    try {
      await this.#station.ask('delete-cohort', { name });
      this.#toasts.tell(`Cohort “${name}” was deleted. Its studies stay in the library.`);
    } catch (fault) {
      this.#toasts.fault(fault);
    }
    await this.reload();
  }
}
