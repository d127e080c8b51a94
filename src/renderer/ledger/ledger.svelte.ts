// The ledger as the station tells it: in pages, newest first, read on as the reader scrolls; its check, and its export.
import type { CallOutput } from '../../contract/calls.ts';
import { faultValueOf } from '../../contract/fault.ts';
import type { LedgerEntry, LedgerVerification } from '../../contract/ledger.ts';
import type { StationLink } from '../bridge/station-link.ts';

const pageEntries = 500;

export interface LedgerFilter {
  readonly act: string | null;
  readonly federation: string | null;
}

export class LedgerList {
  #entries = $state.raw<readonly LedgerEntry[] | null>(null);
  #page = $state.raw<CallOutput<'ledger'> | null>(null);
  #filter = $state.raw<LedgerFilter>({ act: null, federation: null });
  #verification = $state.raw<LedgerVerification | null>(null);
  #isVerifying = $state(false);
  #problem = $state<string | null>(null);
  #isReading = false;
  readonly #station: StationLink;

  constructor(station: StationLink) {
    this.#station = station;
    void this.reload();
    void this.verify();
  }

  /** Those read so far, newest first; null until the station answered. */
  get entries(): readonly LedgerEntry[] | null {
    return this.#entries;
  }

  /** How many there are under the filter. */
  get total(): number {
    return this.#page?.total ?? 0;
  }

  get acts(): readonly string[] {
    return this.#page?.acts ?? [];
  }

  get federations(): readonly string[] {
    return this.#page?.federations ?? [];
  }

  get filter(): LedgerFilter {
    return this.#filter;
  }

  /** Null while the chain is being recomputed for the first time. */
  get verification(): LedgerVerification | null {
    return this.#verification;
  }

  get isVerifying(): boolean {
    return this.#isVerifying;
  }

  get problem(): string | null {
    return this.#problem;
  }

  choose(change: Partial<LedgerFilter>): void {
    this.#filter = { ...this.#filter, ...change };
    void this.reload();
  }

  async reload(): Promise<void> {
    const filter = this.#filter;
    await this.#doing(async () => {
      const page = await this.#station.ask('ledger', { limit: pageEntries, ...filter });
      // Another filter meanwhile: its own page comes.
      if (filter !== this.#filter) return;
      this.#page = page;
      this.#entries = page.entries;
    });
  }

  /** The reader has come to `row`: what lies behind it is read when it is near the end of what is here. */
  async need(row: number): Promise<void> {
    const known = this.#entries;
    const oldest = known?.at(-1);
    if (known === null || oldest === undefined || this.#isReading) return;
    if (row < known.length - pageEntries / 4 || known.length >= this.total) return;
    this.#isReading = true;
    const filter = this.#filter;
    await this.#doing(async () => {
      const page = await this.#station.ask('ledger', { limit: pageEntries, before: oldest.sequence, ...filter });
      if (filter === this.#filter && known === this.#entries) this.#entries = [...known, ...page.entries];
    });
    this.#isReading = false;
  }

  async verify(): Promise<void> {
    this.#isVerifying = true;
    await this.#doing(async () => {
      this.#verification = await this.#station.ask('verify-ledger', {});
    });
    this.#isVerifying = false;
  }

  /** @returns how many entries were written, null when it failed (`problem` says why). */
  async export(file: string, format: 'csv' | 'json'): Promise<number | null> {
    let written: number | null = null;
    await this.#doing(async () => {
      written = (await this.#station.ask('export-ledger', { file, format, ...this.#filter })).entries;
    });
    return written;
  }

  async #doing(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#problem = null;
    } catch (fault) {
      this.#problem = faultValueOf(fault).message;
    }
  }
}
