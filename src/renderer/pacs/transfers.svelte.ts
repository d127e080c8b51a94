// The transfer that is under way, if any, and the report of the last one.
import type { CallInput } from '../../contract/calls.ts';
import type { TransferProgress, TransferReport } from '../../contract/pacs.ts';
import type { StationLink } from '../bridge/station-link.ts';
import type { SendChoice } from '../navigation.svelte.ts';
import type { Toasts } from '../ui/toasts.svelte.ts';

type Direction = TransferProgress['direction'];
export type FinishedTransfer = TransferReport & { readonly direction: Direction; readonly peer: string };

export type RetrieveRequest = CallInput<'retrieve-studies'> & {
  /** As the study list tells it; null where it does not. */
  readonly instances: number | null;
};

export class Transfers {
  #running = $state.raw<{
    readonly direction: Direction;
    readonly peer: string;
    readonly expected: number | null;
  } | null>(null);
  #progress = $state.raw<TransferProgress | null>(null);
  #isCancelling = $state(false);
  #report = $state.raw<FinishedTransfer | null>(null);
  readonly #station: StationLink;
  readonly #toasts: Toasts;

  constructor(station: StationLink, toasts: Toasts) {
    this.#station = station;
    this.#toasts = toasts;
    station.watch('transfer-progress', (progress) => (this.#progress = progress));
  }

  get running(): { readonly direction: Direction; readonly peer: string; readonly expected: number | null } | null {
    return this.#running;
  }

  get progress(): TransferProgress | null {
    return this.#progress;
  }

  get isCancelling(): boolean {
    return this.#isCancelling;
  }

  /** The last transfer's report, until it is dismissed. */
  get report(): FinishedTransfer | null {
    return this.#report;
  }

  retrieve({ instances, ...wanted }: RetrieveRequest): Promise<void> {
    return this.#run({ direction: 'retrieve', peer: wanted.peer, expected: instances }, () =>
      this.#station.ask('retrieve-studies', wanted),
    );
  }

  send(peer: string, { studyInstanceUIDs, series }: SendChoice): Promise<void> {
    return this.#run({ direction: 'send', peer, expected: null }, () =>
      this.#station.ask('send-studies', { peer, studyInstanceUIDs: [...studyInstanceUIDs], series: [...series] }),
    );
  }

  async cancel(): Promise<void> {
    this.#isCancelling = true;
    try {
      await this.#station.ask('cancel-transfer', {});
    } catch (fault) {
      this.#isCancelling = false;
      this.#toasts.fault(fault);
    }
  }

  dismissReport(): void {
    this.#report = null;
  }

  async #run(
    running: { readonly direction: Direction; readonly peer: string; readonly expected: number | null },
    start: () => Promise<TransferReport>,
  ): Promise<void> {
    if (this.#running !== null) {
      this.#toasts.refuse('Another transfer is running. Wait for it, or cancel it first.');
      return;
    }
    this.#running = running;
    this.#progress = null;
    this.#report = null;
    try {
      const { direction, peer } = running;
      this.#report = { ...(await start()), direction, peer };
    } catch (fault) {
      this.#toasts.fault(fault);
    } finally {
      this.#running = null;
      this.#isCancelling = false;
    }
  }
}
