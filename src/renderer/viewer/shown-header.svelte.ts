// The header of the instance that is shown, as the station reads it.
import type { CallOutput } from '../../contract/calls.ts';
import { faultValueOf } from '../../contract/fault.ts';
import type { StationLink } from '../bridge/station-link.ts';

export type HeaderElements = CallOutput<'header'>['elements'];

export class ShownHeader {
  readonly #station: StationLink;
  #wanted = '';
  #elements = $state.raw<HeaderElements | null>(null);
  #problem = $state<string | null>(null);

  constructor(station: StationLink) {
    this.#station = station;
  }

  get elements(): HeaderElements | null {
    return this.#elements;
  }

  /** Why it could not be read, for a person. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Reads the header of an instance; a later call wins. */
  async load(sopInstanceUID: string): Promise<void> {
    this.#wanted = sopInstanceUID;
    try {
      const { elements } = await this.#station.ask('header', { sopInstanceUID });
      if (this.#wanted !== sopInstanceUID) return;
      this.#elements = elements;
      this.#problem = null;
    } catch (fault) {
      if (this.#wanted !== sopInstanceUID) return;
      this.#elements = null;
      this.#problem = faultValueOf(fault).message;
    }
  }
}
