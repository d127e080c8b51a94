// Short messages at the foot of the window. Faults stay until dismissed or their screen is left; good news leaves by itself.
import { faultValueOf } from '../../contract/fault.ts';

export interface Toast {
  readonly id: number;
  readonly tone: 'good' | 'danger';
  readonly message: string;
  readonly code: number | null;
  readonly canRetry: boolean;
  /** Where it was told. */
  readonly screen: string;
}

const goodNewsMs = 5_000;
const maxShown = 4;

export class Toasts {
  #shown = $state<Toast[]>([]);
  #lastId = 0;
  /** Of good news, until it leaves. */
  readonly #leaving = new Map<number, ReturnType<typeof setTimeout>>();
  #isHeld = false;
  readonly #screen: () => string;

  /** @param screen names the screen that is shown */
  constructor(screen: () => string) {
    this.#screen = screen;
  }

  get shown(): readonly Toast[] {
    return this.#shown;
  }

  tell(message: string): void {
    const id = this.#add({ tone: 'good', message, code: null, canRetry: false });
    if (!this.#isHeld) this.#leaveLater(id);
  }

  /** Nothing leaves while the pointer or the focus is on the messages. */
  hold(): void {
    this.#isHeld = true;
    for (const timer of this.#leaving.values()) clearTimeout(timer);
    this.#leaving.clear();
  }

  release(): void {
    this.#isHeld = false;
    for (const { id, tone } of this.#shown) if (tone === 'good' && !this.#leaving.has(id)) this.#leaveLater(id);
  }

  /** Shows anything thrown, as the fault that it is. */
  fault(thrown: unknown): void {
    const { code, message, retry } = faultValueOf(thrown);
    this.#add({ tone: 'danger', message, code, canRetry: retry !== 'never' });
  }

  /** Takes the faults of other screens away. */
  leaveOtherScreens(): void {
    this.#shown = this.#shown.filter(({ tone, screen }) => tone === 'good' || screen === this.#screen());
  }

  /** The newest one; false where there is none. */
  dismissLast(): boolean {
    const last = this.#shown.at(-1);
    if (last) this.dismiss(last.id);
    return last !== undefined;
  }

  dismiss(id: number): void {
    clearTimeout(this.#leaving.get(id));
    this.#leaving.delete(id);
    this.#shown = this.#shown.filter((toast) => toast.id !== id);
  }

  #leaveLater(id: number): void {
    this.#leaving.set(
      id,
      setTimeout(() => this.dismiss(id), goodNewsMs),
    );
  }

  #add(toast: Omit<Toast, 'id' | 'screen'>): number {
    this.#lastId += 1;
    // The same message twice says nothing more.
    const others = this.#shown.filter((shown) => shown.message !== toast.message);
    this.#shown = [...others, { id: this.#lastId, screen: this.#screen(), ...toast }].slice(-maxShown);
    return this.#lastId;
  }
}
