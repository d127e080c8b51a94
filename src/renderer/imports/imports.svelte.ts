// The import that is under way, if any, and the report of the last one.
import { faultValueOf } from '../../contract/fault.ts';
import type { ImportLabels, ImportProgress, ImportReport, importModes } from '../../contract/dicom.ts';
import type { PastImport } from '../../contract/import-report.ts';
import type { StationLink } from '../bridge/station-link.ts';
import type { Toasts } from '../ui/toasts.svelte.ts';

/** `labelsFile` comes with practice studies only. */
export type FinishedImport = ImportReport & { readonly labelsFile?: string };

/** An import's report as it is shown, whether the import just ended or is a past one. */
export type ShownImport = Omit<FinishedImport, 'refusals'> & Partial<Pick<PastImport, 'startedAt' | 'paths'>>;

/** Absolute paths that a person chose or dropped. */
export interface ImportSources {
  readonly folders: readonly string[];
  readonly files: readonly string[];
}

export interface ImportChoices {
  readonly mode: (typeof importModes)[number];
  readonly labels: ImportLabels | null;
}

/** What is to be imported, while a person says how. */
export interface ImportProposal extends ImportSources {
  /** Why the labels file that was chosen before does not serve. */
  readonly refused?: { readonly labels: Exclude<ImportLabels, 'folders'>; readonly why: string };
}

/** A labels file that cannot be read, or lacks rows or a column: nothing was imported. */
const labelsFileCodes: ReadonlySet<number> = new Set([201, 202, 203, 204]);

export class Imports {
  #progress = $state.raw<ImportProgress | null>(null);
  #isRunning = $state(false);
  #isCancelling = $state(false);
  #report = $state.raw<ShownImport | null>(null);
  #isHistoryShown = $state(false);
  #proposed = $state.raw<ImportProposal | null>(null);
  readonly #station: StationLink;
  readonly #toasts: Toasts;

  constructor(station: StationLink, toasts: Toasts) {
    this.#station = station;
    this.#toasts = toasts;
    station.watch('import-progress', (progress) => (this.#progress = progress));
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  get isCancelling(): boolean {
    return this.#isCancelling;
  }

  get progress(): ImportProgress | null {
    return this.#progress;
  }

  /** The report on the screen: of the last import, or of a past one. */
  get report(): ShownImport | null {
    return this.#report;
  }

  /** Whether the list of past imports is on the screen. */
  get isHistoryShown(): boolean {
    return this.#isHistoryShown;
  }

  showHistory(): void {
    this.#isHistoryShown = true;
  }

  closeHistory(): void {
    this.#isHistoryShown = false;
  }

  showReport(past: PastImport): void {
    this.#report = past;
  }

  /** What is about to be imported, once the person has said how. */
  get proposed(): ImportProposal | null {
    return this.#proposed;
  }

  propose(sources: ImportSources): void {
    if (this.#isRunning) this.#tellRunning();
    else this.#proposed = sources;
  }

  dismissProposal(): void {
    this.#proposed = null;
  }

  importPaths({ folders, files }: ImportSources, { mode, labels }: ImportChoices): Promise<void> {
    this.#proposed = null;
    const ask = () => this.#station.ask('import-paths', { paths: [...folders, ...files], mode, labels });
    return this.#run(ask, (fault) => {
      const { code, message } = faultValueOf(fault);
      const isOfLabels = labels !== null && labels !== 'folders' && labelsFileCodes.has(code);
      if (isOfLabels) this.#proposed = { folders, files, refused: { labels, why: message } };
      else this.#toasts.fault(fault);
    });
  }

  importPractice(site: number): Promise<void> {
    return this.#run(() => this.#station.ask('import-practice-studies', { site }));
  }

  async cancel(): Promise<void> {
    this.#isCancelling = true;
    try {
      await this.#station.ask('cancel-import', {});
    } catch (fault) {
      this.#isCancelling = false;
      this.#toasts.fault(fault);
    }
  }

  dismissReport(): void {
    this.#report = null;
  }

  #tellRunning(): void {
    this.#toasts.refuse('An import is already running. Wait for it, or cancel it first.');
  }

  async #run(
    start: () => Promise<FinishedImport>,
    tell: (fault: unknown) => void = (fault) => this.#toasts.fault(fault),
  ): Promise<void> {
    if (this.#isRunning) {
      this.#tellRunning();
      return;
    }
    this.#isRunning = true;
    this.#progress = null;
    this.#report = null;
    try {
      this.#report = await start();
    } catch (fault) {
      tell(fault);
    } finally {
      this.#isRunning = false;
      this.#isCancelling = false;
    }
  }
}
