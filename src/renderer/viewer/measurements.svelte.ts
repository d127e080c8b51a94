// The measurements of a study: loaded when it is opened, saved as they are finished, changed and removed.
import type { Measurement } from '../../contract/annotation.ts';
import type { StationLink } from '../bridge/station-link.ts';

export class Measurements {
  readonly #station: StationLink;
  readonly #onfault: (thrown: unknown) => void;
  #all = $state.raw<readonly Measurement[]>([]);
  #selected = $state<string | null>(null);
  #removed = $state.raw<readonly Measurement[]>([]);

  constructor(studyInstanceUID: string, station: StationLink, onfault: (thrown: unknown) => void) {
    this.#station = station;
    this.#onfault = onfault;
    station
      .ask('measurements', { studyInstanceUID })
      .then(({ measurements }) => (this.#all = measurements))
      .catch(onfault);
  }

  get all(): readonly Measurement[] {
    return this.#all;
  }

  get selected(): Measurement | null {
    return this.#all.find(({ id }) => id === this.#selected) ?? null;
  }

  /** The one that `undo` would bring back. */
  get lastRemoved(): Measurement | null {
    return this.#removed.at(-1) ?? null;
  }

  on(sopInstanceUID: string, frame: number): readonly Measurement[] {
    return this.#all.filter((one) => one.sopInstanceUID === sopInstanceUID && one.frame === frame);
  }

  select(id: string | null): void {
    this.#selected = id;
  }

  /** Shows it at once; one that cannot be saved stays on the screen and the reader is told. */
  async save(measurement: Measurement): Promise<void> {
    const others = this.#all.filter(({ id }) => id !== measurement.id);
    const isKnown = others.length < this.#all.length;
    this.#all = isKnown
      ? this.#all.map((one) => (one.id === measurement.id ? measurement : one))
      : [...others, measurement];
    try {
      await this.#station.ask('save-measurement', { measurement });
    } catch (fault) {
      this.#onfault(fault);
    }
  }

  async remove(id: string): Promise<void> {
    const found = this.#all.find((one) => one.id === id);
    if (!found) return;
    this.#all = this.#all.filter((one) => one !== found);
    if (this.#selected === id) this.#selected = null;
    try {
      await this.#station.ask('delete-measurement', { id });
      this.#removed = [...this.#removed, found];
    } catch (fault) {
      this.#all = [...this.#all, found];
      this.#onfault(fault);
    }
  }

  undo(): void {
    const found = this.lastRemoved;
    if (!found) return;
    this.#removed = this.#removed.slice(0, -1);
    void this.save(found);
  }
}
