// The measurements of a study: loaded when it is opened, saved as they are finished, changed and removed.
import type { Measurement } from '../../contract/annotation.ts';
import type { StationLink } from '../bridge/station-link.ts';

interface Change {
  readonly id: string;
  readonly before: Measurement | null;
}

export class Measurements {
  readonly #study: string;
  readonly #station: StationLink;
  readonly #onfault: (thrown: unknown) => void;
  #all = $state.raw<readonly Measurement[]>([]);
  #selected = $state<string | null>(null);
  #naming = $state<string | null>(null);
  /** What each change replaced, oldest first; `before` is null where a measurement was made. */
  #changes = $state.raw<readonly Change[]>([]);

  constructor(studyInstanceUID: string, station: StationLink, onfault: (thrown: unknown) => void) {
    this.#study = studyInstanceUID;
    this.#station = station;
    this.#onfault = onfault;
    station
      .ask('measurements', { studyInstanceUID })
      .then(({ measurements }) => (this.#all = measurements))
      .catch(onfault);
  }

  /** Those of another study that is shown beside this one, too. */
  async include(studyInstanceUID: string): Promise<void> {
    try {
      const { measurements } = await this.#station.ask('measurements', { studyInstanceUID });
      const known = new Set(this.#all.map(({ id }) => id));
      this.#all = [...this.#all, ...measurements.filter(({ id }) => !known.has(id))];
    } catch (fault) {
      this.#onfault(fault);
    }
  }

  get all(): readonly Measurement[] {
    return this.#all;
  }

  get selected(): Measurement | null {
    return this.#all.find(({ id }) => id === this.#selected) ?? null;
  }

  /** The one that `undo` would bring back; null where the last change was no deletion. */
  get lastRemoved(): Measurement | null {
    const last = this.#changes.at(-1);
    return last?.before && !this.#all.some(({ id }) => id === last.id) ? last.before : null;
  }

  on(sopInstanceUID: string, frame: number): readonly Measurement[] {
    return this.#all.filter((one) => one.sopInstanceUID === sopInstanceUID && one.frame === frame);
  }

  select(id: string | null): void {
    this.#selected = id;
  }

  /** The one whose words are asked for on the image. */
  get naming(): Measurement | null {
    return this.#all.find(({ id }) => id === this.#naming) ?? null;
  }

  nameNext(id: string): void {
    this.#naming = id;
  }

  /** Ends the asking; null: without an answer. */
  name(label: string | null): void {
    const { naming } = this;
    this.#naming = null;
    if (naming && label !== null && label !== naming.label) void this.save({ ...naming, label });
  }

  /** Shows it at once; one that cannot be saved stays on the screen and the reader is told. */
  save(measurement: Measurement): Promise<void> {
    const before = this.#all.find(({ id }) => id === measurement.id) ?? null;
    this.#changes = [...this.#changes, { id: measurement.id, before }];
    return this.#keep(measurement);
  }

  /** Writes all of them as a table. @returns how many; null where they could not be written, which is told. */
  async export(file: string): Promise<number | null> {
    try {
      return (await this.#station.ask('save-measurements', { studyInstanceUID: this.#study, file })).measurements;
    } catch (fault) {
      this.#onfault(fault);
      return null;
    }
  }

  /** Takes the last change back: what was made goes, what was moved or named is as it was, what was deleted returns. */
  async undo(): Promise<void> {
    const last = this.#changes.at(-1);
    if (!last) return;
    this.#changes = this.#changes.slice(0, -1);
    if (last.before) await this.#keep(last.before);
    else await this.#drop(last.id);
  }

  async remove(id: string): Promise<void> {
    const before = this.#all.find((one) => one.id === id);
    if (!before) return;
    // Known at once, so that an undo that comes before the station's answer takes this back and nothing older.
    const change: Change = { id, before };
    this.#changes = [...this.#changes, change];
    if (!(await this.#drop(id))) this.#changes = this.#changes.filter((one) => one !== change);
  }

  async #keep(measurement: Measurement): Promise<void> {
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

  /** False where the station could not delete it: it is still there. */
  async #drop(id: string): Promise<boolean> {
    const found = this.#all.find((one) => one.id === id);
    if (!found) return false;
    this.#all = this.#all.filter((one) => one !== found);
    if (this.#selected === id) this.#selected = null;
    try {
      await this.#station.ask('delete-measurement', { id });
      return true;
    } catch (fault) {
      // An undo may have brought it back meanwhile.
      if (!this.#all.some((one) => one.id === id)) this.#all = [...this.#all, found];
      this.#onfault(fault);
      return false;
    }
  }
}
