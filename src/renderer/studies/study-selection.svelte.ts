// Which studies of a search are selected: some by their UIDs, or all that the search finds but for some.
import { SvelteSet } from 'svelte/reactivity';
import type { StudyFilter } from '../../contract/study-filter.ts';

export class StudySelection {
  /** Every study that the search finds, but for `#excluded`. */
  #isAll = $state(false);
  readonly #chosen = new SvelteSet<string>();
  readonly #excluded = new SvelteSet<string>();

  /** Of a search that finds `total`. */
  count(total: number): number {
    return this.#isAll ? Math.max(0, total - this.#excluded.size) : this.#chosen.size;
  }

  has(studyInstanceUID: string): boolean {
    return this.#isAll ? !this.#excluded.has(studyInstanceUID) : this.#chosen.has(studyInstanceUID);
  }

  /** One by one; null where all that the search finds are selected, however many. */
  get uids(): string[] | null {
    return this.#isAll ? null : [...this.#chosen];
  }

  /** As a search within `search`; all that it finds where nothing is selected. */
  within({ query, filters }: { query: string; filters: StudyFilter[] }): { query: string; filters: StudyFilter[] } {
    if (this.#isAll) {
      const excluded = [...this.#excluded];
      const but: StudyFilter[] =
        excluded.length === 0 ? [] : [{ field: 'studyInstanceUID', anyOf: excluded, isExcluded: true }];
      return { query, filters: [...filters, ...but] };
    }
    if (this.#chosen.size === 0) return { query, filters };
    return { query: '', filters: [{ field: 'studyInstanceUID', anyOf: [...this.#chosen], isExcluded: false }] };
  }

  toggle(studyInstanceUID: string): void {
    const set = this.#isAll ? this.#excluded : this.#chosen;
    if (!set.delete(studyInstanceUID)) set.add(studyInstanceUID);
  }

  addAll(): void {
    this.clear();
    this.#isAll = true;
  }

  clear(): void {
    this.#isAll = false;
    this.#chosen.clear();
    this.#excluded.clear();
  }
}
