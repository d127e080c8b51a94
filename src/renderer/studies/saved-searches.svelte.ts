// Searches kept under a name, with the number of studies that each finds now.
import type { SavedSearch } from '../../contract/browse.ts';
import type { StationLink } from '../bridge/station-link.ts';
import type { Toasts } from '../ui/toasts.svelte.ts';

const againPauseMs = 500;

export class SavedSearchList {
  #searches = $state.raw<readonly (SavedSearch & { studies: number })[]>([]);
  /** The one deleted last, until it is put back or another is. */
  #deleted = $state.raw<SavedSearch | null>(null);
  readonly #station: StationLink;
  readonly #toasts: Toasts;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(station: StationLink, toasts: Toasts) {
    this.#station = station;
    this.#toasts = toasts;
    // Counts follow an import, but not with every batch of it.
    station.watch('library-changed', () => {
      clearTimeout(this.#again);
      this.#again = setTimeout(() => void this.#read(), againPauseMs);
    });
    void this.#read();
  }

  get searches(): readonly (SavedSearch & { studies: number })[] {
    return this.#searches;
  }

  get deleted(): SavedSearch | null {
    return this.#deleted;
  }

  /** False, after telling why, where it could not be kept. */
  save(search: SavedSearch): Promise<boolean> {
    return this.#order(async () => {
      await this.#station.ask('save-search', search);
      if (this.#deleted?.name === search.name) this.#deleted = null;
    });
  }

  rename(name: string, newName: string): Promise<boolean> {
    return this.#order(async () => void (await this.#station.ask('rename-search', { name, newName })));
  }

  delete({ studies: _studies, ...search }: SavedSearch & { studies: number }): Promise<boolean> {
    return this.#order(async () => {
      await this.#station.ask('delete-search', { name: search.name });
      this.#deleted = search;
    });
  }

  async #order(act: () => Promise<void>): Promise<boolean> {
    try {
      await act();
      await this.#read();
      return true;
    } catch (fault) {
      this.#toasts.fault(fault);
      return false;
    }
  }

  async #read(): Promise<void> {
    try {
      this.#searches = (await this.#station.ask('saved-searches', {})).searches;
    } catch (fault) {
      this.#toasts.fault(fault);
    }
  }
}
