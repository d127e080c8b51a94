// The study under the cursor, looked for after studies came or went: who reads a patient's name must not act on another's.
import type { Study } from '../../contract/dicom.ts';

export class KeptStudy {
  readonly study: Study;
  /** Pages that are still looked through: its own, and then the two beside it. */
  readonly #left: Set<number>;
  #isWider = false;

  constructor(study: Study, page: number) {
    this.study = study;
    this.#left = new Set([page]);
  }

  /** @returns where on this page it is; else which further pages may have it, none where it is nowhere near any more. */
  lookAt(
    page: number,
    studies: readonly Study[],
  ): { readonly at: number } | { readonly further: readonly number[] } | null {
    const at = studies.findIndex(({ studyInstanceUID }) => studyInstanceUID === this.study.studyInstanceUID);
    if (at >= 0) return { at };
    if (!this.#left.delete(page)) return null;
    if (!this.#isWider) {
      this.#isWider = true;
      for (const beside of [page - 1, page + 1]) if (beside >= 0) this.#left.add(beside);
      return { further: [...this.#left] };
    }
    return this.#left.size === 0 ? { further: [] } : null;
  }
}
