// What the receiver has done since it was opened, and who was refused why; told on at most twice a second.
import type { Accepted } from '../../library/instance-intake.ts';
import type { ReceiverState } from '../../../contract/pacs.ts';

const refusalsKept = 50;
const studiesKept = 200;
const tellEveryMs = 500;

type Counts = Omit<ReceiverState, 'settings' | 'isListening' | 'problem'>;

export class ReceiverLog {
  #associations = 0;
  #received = 0;
  #duplicates = 0;
  #refused = 0;
  /** The study that was heard of last is the last. */
  readonly #studies = new Map<string, number>();
  #lastReceivedAt: string | null = null;
  #refusals: ReceiverState['refusals'] = [];
  #timer: NodeJS.Timeout | null = null;
  readonly #onChange: () => void;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  counts(): Counts {
    return {
      associations: this.#associations,
      received: this.#received,
      duplicates: this.#duplicates,
      refused: this.#refused,
      studies: [...this.#studies].map(([studyInstanceUID, instances]) => ({ studyInstanceUID, instances })).reverse(),
      lastReceivedAt: this.#lastReceivedAt,
      refusals: this.#refusals,
    };
  }

  get associations(): number {
    return this.#associations;
  }

  begin(): void {
    this.#associations += 1;
    this.#change();
  }

  end(): void {
    this.#associations -= 1;
    this.#change();
  }

  received({ kind, studyInstanceUID }: Exclude<Accepted, { kind: 'refused' }>): void {
    this.#received += 1;
    if (kind === 'duplicate') this.#duplicates += 1;
    const instances = (this.#studies.get(studyInstanceUID) ?? 0) + 1;
    this.#studies.delete(studyInstanceUID);
    this.#studies.set(studyInstanceUID, instances);
    const [oldest] = this.#studies.keys();
    if (this.#studies.size > studiesKept && oldest !== undefined) this.#studies.delete(oldest);
    this.#lastReceivedAt = new Date().toISOString();
    this.#change();
  }

  refuse(aeTitle: string, reason: string): void {
    this.#refused += 1;
    this.#refusals = [{ at: new Date().toISOString(), aeTitle, reason }, ...this.#refusals].slice(0, refusalsKept);
    this.#change();
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #change(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#onChange();
    }, tellEveryMs).unref();
  }
}
