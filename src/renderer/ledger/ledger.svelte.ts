// The ledger as the station tells it: read anew each time the screen opens.
import type { CallOutput } from '../../contract/calls.ts';
import { faultValueOf } from '../../contract/fault.ts';
import type { StationLink } from '../bridge/station-link.ts';

const shownEntries = 500;

export class LedgerPage {
  #page = $state.raw<CallOutput<'ledger'> | null>(null);
  #problem = $state<string | null>(null);
  readonly #station: StationLink;

  constructor(station: StationLink) {
    this.#station = station;
    void this.reload();
  }

  get page(): CallOutput<'ledger'> | null {
    return this.#page;
  }

  get problem(): string | null {
    return this.#problem;
  }

  async reload(): Promise<void> {
    try {
      this.#page = await this.#station.ask('ledger', { limit: shownEntries });
      this.#problem = null;
    } catch (fault) {
      this.#problem = faultValueOf(fault).message;
    }
  }
}
