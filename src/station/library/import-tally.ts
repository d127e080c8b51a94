// Counts what became of an import's files and tells it on, at most ten times a second.
import path from 'node:path';
import type { ImportProgress, ImportReport, Refusal } from '../../contract/dicom.ts';
import type { Finding, FindingKind } from '../../contract/import-report.ts';
import type { ImportCounts } from './faults.ts';
import type { SeriesPlace } from './index-writer.ts';

const progressEveryMs = 100;
/** Of one kind. The lists are for people; counts stay exact beyond them. */
const listedOfAKind = 20_000;

/** A refused file, and as what it is found in the report. */
export interface ListedRefusal extends Refusal {
  readonly kind: FindingKind;
}

/** What an import did, before its findings are looked for. */
export type Tallied = Omit<ImportReport, 'id' | 'findings'>;

export class ImportTally {
  found = 0;
  imported = 0;
  duplicates = 0;
  walking = true;
  /** Instances that have a label of this import. */
  labelled = 0;
  /** Wrapped files whose patient is an earlier import's, though this one names patients. */
  keptPatients = 0;
  /** What a person should know besides: labels that fit nothing, for example. */
  notes: readonly string[] = [];
  #refused = 0;
  #masks = 0;
  #misfits = 0;
  #firstMisfit: { readonly source: string; readonly whyNot: string } | null = null;
  readonly #refusals: ListedRefusal[] = [];
  readonly #remarks: Finding[] = [];
  readonly #ofKinds = new Map<FindingKind, number>();
  readonly #series = new Map<string, Set<string>>();
  /** Milliseconds since 1970. */
  readonly startedAtMs = Date.now();
  readonly #startedMs = performance.now();
  readonly #onProgress: (progress: ImportProgress) => void;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(onProgress: (progress: ImportProgress) => void) {
    this.#onProgress = onProgress;
  }

  refuse(path: string, reason: string, kind: FindingKind = kindOf(reason)): void {
    this.#refused += 1;
    if (this.#isListed(kind)) this.#refusals.push({ path, reason, kind });
  }

  /** What a fault tells of an import that it ends. */
  get counts(): ImportCounts {
    const { found, imported, duplicates } = this;
    return { found, imported, duplicates, refused: this.#refused };
  }

  get refusals(): readonly ListedRefusal[] {
    return this.#refusals;
  }

  /** A finding about a file that was taken in. */
  remark({ source, record }: { source: string; record: SeriesPlace }, kind: FindingKind, what: string): void {
    if (!this.#isListed(kind)) return;
    const { studyInstanceUID, seriesInstanceUID } = record;
    this.#remarks.push({ kind, studyInstanceUID, seriesInstanceUID, subject: source, what, count: 1 });
  }

  /** A finding about what is in no series, such as a row of the labels file. */
  remarkOn(subject: string, kind: FindingKind, what: string): void {
    if (!this.#isListed(kind)) return;
    this.#remarks.push({ kind, studyInstanceUID: null, seriesInstanceUID: null, subject, what, count: 1 });
  }

  get remarks(): readonly Finding[] {
    return this.#remarks;
  }

  /** How many more refusals and remarks of a kind there were than the lists have. */
  get unlisted(): readonly { readonly kind: FindingKind; readonly count: number }[] {
    return [...this.#ofKinds].flatMap(([kind, count]) =>
      count > listedOfAKind ? [{ kind, count: count - listedOfAKind }] : [],
    );
  }

  /** Counts one more. */
  #isListed(kind: FindingKind): boolean {
    const count = (this.#ofKinds.get(kind) ?? 0) + 1;
    this.#ofKinds.set(kind, count);
    return count <= listedOfAKind;
  }

  /** Studies and series that the import brought or met. */
  get touched(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#series;
  }

  place(studyInstanceUID: string, seriesInstanceUID: string): void {
    const series = this.#series.get(studyInstanceUID);
    if (series === undefined) this.#series.set(studyInstanceUID, new Set([seriesInstanceUID]));
    else series.add(seriesInstanceUID);
  }

  /** A file that is a mask by its place. `whyNot`: why it is kept as a volume of its own; null for a segmentation. */
  mask(file: { source: string; record: SeriesPlace }, whyNot: string | null): void {
    if (whyNot === null) this.#masks += 1;
    else {
      this.#misfits += 1;
      this.#firstMisfit ??= { source: file.source, whyNot };
      this.remark(file, 'unfitting-masks', whyNot);
    }
  }

  maskNotes(): string[] {
    const notes: string[] = [];
    if (this.#masks > 0)
      notes.push(
        this.#masks === 1
          ? '1 mask is kept as the segmentation of its image.'
          : `${this.#masks} masks are kept as segmentations of their images.`,
      );
    const first = this.#firstMisfit;
    if (first !== null)
      notes.push(
        `${this.#misfits} of the files in folders of masks became volumes of their own, ${path.basename(first.source)} first: ${first.whyNot}`,
      );
    return notes;
  }

  patientNotes(): string[] {
    if (this.keptPatients === 0) return [];
    const which = this.keptPatients === 1 ? '1 file keeps' : `${this.keptPatients} files keep`;
    return [
      `${which} the patient of an earlier import, whom no row names for ${this.keptPatients === 1 ? 'it' : 'them'} now. Where that is wrong, remove their studies and import them again.`,
    ];
  }

  tell(isLast = false): void {
    const nowMs = performance.now();
    if (!isLast && nowMs - this.#toldMs < progressEveryMs) return;
    this.#toldMs = nowMs;
    const { found, imported, duplicates, walking } = this;
    const refused = this.#refused;
    this.#onProgress({ found, done: imported + duplicates + refused, imported, duplicates, refused, walking });
  }

  report(cancelled: boolean): Tallied {
    let series = 0;
    for (const ofStudy of this.#series.values()) series += ofStudy.size;
    return {
      files: this.found,
      imported: this.imported,
      duplicates: this.duplicates,
      refused: this.#refused,
      studies: this.#series.size,
      series,
      seconds: (performance.now() - this.#startedMs) / 1000,
      cancelled,
      labelled: this.labelled,
      notes: [...this.notes],
      refusals: this.#refusals.map(({ path, reason }) => ({ path, reason })),
    };
  }
}

function kindOf(reason: string): FindingKind {
  return /^Not a (DICOM|regular) file/.test(reason) ? 'not-dicom' : 'unreadable';
}
