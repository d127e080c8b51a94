// The station's own receiver, as the station tells of it.
import { faultValueOf } from '../../contract/fault.ts';
import type { ReceiverSettings, ReceiverState } from '../../contract/pacs.ts';
import type { StationLink } from '../bridge/station-link.ts';
import type { Toasts } from '../ui/toasts.svelte.ts';

export class Receiver {
  #state = $state.raw<ReceiverState | null>(null);
  #isBusy = $state(false);
  readonly #station: StationLink;
  readonly #toasts: Toasts;

  constructor(station: StationLink, toasts: Toasts) {
    this.#station = station;
    this.#toasts = toasts;
    station.watch('receiver-changed', (state) => (this.#state = state));
  }

  /** Null until the station answered. */
  get state(): ReceiverState | null {
    return this.#state;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  async reload(): Promise<void> {
    try {
      this.#state = await this.#station.ask('receiver', {});
    } catch (fault) {
      this.#toasts.fault(fault);
    }
  }

  /** Resolves with what is wrong, for a person; null when the settings are in force. */
  async configure(settings: ReceiverSettings): Promise<string | null> {
    this.#isBusy = true;
    try {
      this.#state = await this.#station.ask('configure-receiver', { settings });
      return this.#state.problem;
    } catch (fault) {
      return faultValueOf(fault).message;
    } finally {
      this.#isBusy = false;
    }
  }
}
