// Counts what became of an import's files and tells it on, at most ten times a second.
import type { ImportProgress, ImportReport, Refusal } from '../../contract/dicom.ts';

const progressEveryMs = 100;
/** The list is for people; counts stay exact beyond it. */
const refusalsListed = 100_000;

export class ImportTally {
  found = 0;
  imported = 0;
  duplicates = 0;
  walking = true;
  #refused = 0;
  readonly #refusals: Refusal[] = [];
  readonly #studies = new Set<string>();
  readonly #series = new Set<string>();
  readonly #startedMs = performance.now();
  readonly #onProgress: (progress: ImportProgress) => void;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(onProgress: (progress: ImportProgress) => void) {
    this.#onProgress = onProgress;
  }

  refuse(path: string, reason: string): void {
    this.#refused += 1;
    if (this.#refusals.length < refusalsListed) this.#refusals.push({ path, reason });
  }

  place(studyInstanceUID: string, seriesInstanceUID: string): void {
    this.#studies.add(studyInstanceUID);
    this.#series.add(`${studyInstanceUID} ${seriesInstanceUID}`);
  }

  tell(isLast = false): void {
    const nowMs = performance.now();
    if (!isLast && nowMs - this.#toldMs < progressEveryMs) return;
    this.#toldMs = nowMs;
    const { found, imported, duplicates, walking } = this;
    const refused = this.#refused;
    this.#onProgress({ found, done: imported + duplicates + refused, imported, duplicates, refused, walking });
  }

  report(cancelled: boolean): ImportReport {
    return {
      files: this.found,
      imported: this.imported,
      duplicates: this.duplicates,
      refused: this.#refused,
      studies: this.#studies.size,
      series: this.#series.size,
      seconds: (performance.now() - this.#startedMs) / 1000,
      cancelled,
      refusals: this.#refusals,
    };
  }
}
