// Short messages at the window's edge. Faults stay until dismissed; good news leaves by itself.
import { faultValueOf } from '../../contract/fault.ts';

export interface Toast {
  readonly id: number;
  readonly tone: 'good' | 'danger';
  readonly message: string;
  readonly code: number | null;
  readonly canRetry: boolean;
}

const goodNewsMs = 5_000;
const maxShown = 4;

export class Toasts {
  #shown = $state<Toast[]>([]);
  #lastId = 0;

  get shown(): readonly Toast[] {
    return this.#shown;
  }

  tell(message: string): void {
    const id = this.#add({ tone: 'good', message, code: null, canRetry: false });
    setTimeout(() => this.dismiss(id), goodNewsMs);
  }

  /** Shows anything thrown, as the fault that it is. */
  fault(thrown: unknown): void {
    const { code, message, retry } = faultValueOf(thrown);
    this.#add({ tone: 'danger', message, code, canRetry: retry !== 'never' });
  }

  dismiss(id: number): void {
    this.#shown = this.#shown.filter((toast) => toast.id !== id);
  }

  #add(toast: Omit<Toast, 'id'>): number {
    this.#lastId += 1;
    // The same message twice says nothing more.
    const others = this.#shown.filter((shown) => shown.message !== toast.message);
    this.#shown = [...others, { id: this.#lastId, ...toast }].slice(-maxShown);
    return this.#lastId;
  }
}
