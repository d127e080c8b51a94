// Short messages at the foot of the window. Faults stay until dismissed or their screen is left; good news leaves by itself.
import { getContext, setContext } from 'svelte';
import { faultValueOf } from '../../contract/fault.ts';

export interface Toast {
  readonly id: number;
  readonly tone: 'good' | 'danger';
  readonly message: string;
  readonly code: number | null;
  readonly canRetry: boolean;
  /** Where it was told. */
  readonly screen: string;
  /** What the person was doing; null where nothing that may be tried again is told of. */
  readonly about: string | null;
}

/** A place that shows the messages while it is the front one: the window, or a dialog over it. */
export interface ToastPlace {
  readonly isFront: boolean;
  leave(): void;
}

const goodNewsMs = 5_000;
const maxShown = 4;

export class Toasts {
  #shown = $state<Toast[]>([]);
  #lastId = 0;
  /** Of good news, until it leaves. */
  readonly #leaving = new Map<number, ReturnType<typeof setTimeout>>();
  #isHeld = false;
  /** Back to front: a modal dialog covers what is behind it, and takes its clicks. */
  #places = $state.raw<readonly symbol[]>([]);
  readonly #screen: () => string;

  /** @param screen names the screen that is shown */
  constructor(screen: () => string) {
    this.#screen = screen;
  }

  get shown(): readonly Toast[] {
    return this.#shown;
  }

  /** Opens a place in front of those that are there. */
  openPlace(): ToastPlace {
    const place = Symbol('place');
    const places = (): readonly symbol[] => this.#places;
    this.#places = [...this.#places, place];
    return {
      get isFront() {
        return places().at(-1) === place;
      },
      leave: () => (this.#places = this.#places.filter((one) => one !== place)),
    };
  }

  /** @param about names what was done: earlier faults of the same are told no longer */
  tell(message: string, about: string | null = null): void {
    if (about !== null) this.#shown = this.#shown.filter((toast) => toast.tone === 'good' || toast.about !== about);
    const id = this.#add({ tone: 'good', message, code: null, canRetry: false, about });
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

  /**
   * Shows anything thrown, as the fault that it is.
   * @param about names what was done, where a later success takes the message away
   */
  fault(thrown: unknown, about: string | null = null): void {
    const { code, message, retry } = faultValueOf(thrown);
    this.#add({ tone: 'danger', message, code, canRetry: retry !== 'never', about });
  }

  /** Says why something is not done. */
  refuse(message: string, about: string | null = null): void {
    this.#add({ tone: 'danger', message, code: null, canRetry: false, about });
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

const key = Symbol('toasts');

/** For dialogs, which show the messages while they are in front. */
export function provideToasts(toasts: Toasts): void {
  setContext(key, toasts);
}

export function useToasts(): Toasts {
  return getContext<Toasts>(key);
}
