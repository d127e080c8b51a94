// Brings the image of a stack that the reader goes to onto the screen, fills it, and fetches what lies ahead.
import type { Frame } from '../../contract/dicom.ts';
import { faultValueOf } from '../../contract/fault.ts';
import type { FrameStore } from './frame-store.ts';
import { countAhead, Prefetch } from './prefetch.ts';
import { nearby, type StackItem } from './stack.ts';

/** Frames asked for at a time while scrolling; the newest place waits when so many are on their way. */
const loadsAtOnce = 3;

export interface Shown {
  readonly index: number;
  readonly item: StackItem;
  readonly frame: Frame;
}

export class StackLoading {
  readonly #frames: FrameStore;
  readonly #prefetch: Prefetch;
  /** Hears of every image that came onto the screen. */
  readonly #onshown: (item: StackItem, stack: readonly StackItem[]) => void;
  #stack = $state.raw<readonly StackItem[]>([]);
  #index = $state(0);
  #shown = $state.raw<Shown | null>(null);
  #direction = 1;
  #requests = 0;
  #shownRequest = 0;
  #fills = 0;
  #loading = 0;
  #isBehind = false;
  /** Why the current frame is not shown, for a person. */
  problem = $state<string | null>(null);

  constructor(frames: FrameStore, onshown: (item: StackItem, stack: readonly StackItem[]) => void) {
    this.#frames = frames;
    this.#prefetch = new Prefetch(frames);
    this.#onshown = onshown;
  }

  get stack(): readonly StackItem[] {
    return this.#stack;
  }

  /** Where the reader went; the picture follows as soon as it is decoded. */
  get index(): number {
    return this.#index;
  }

  get item(): StackItem | null {
    return this.#stack[this.#index] ?? null;
  }

  /** The place that is on the screen. */
  get shown(): Shown | null {
    return this.#shown;
  }

  /** Whether frames that were asked for have not come yet. */
  get isLoading(): boolean {
    return this.#loading > 0;
  }

  /** Nothing is shown of it before `show`. */
  open(stack: readonly StackItem[]): void {
    this.#stack = stack;
    this.#shown = null;
    this.problem = null;
    this.#index = 0;
  }

  /** Shows the frame at a place of the stack, clamped to its ends. */
  show(index: number): void {
    if (this.#stack.length === 0) return;
    const next = Math.max(0, Math.min(this.#stack.length - 1, index));
    if (next !== this.#index) this.#direction = Math.sign(next - this.#index);
    this.#index = next;
    void this.#load();
  }

  close(): void {
    this.#prefetch.want([]);
    this.#stack = [];
    this.#shown = null;
  }

  async #load(): Promise<void> {
    const { item } = this;
    if (!item) return;
    if (this.#loading >= loadsAtOnce) {
      this.#isBehind = true;
      return;
    }
    const [stack, index] = [this.#stack, this.#index];
    this.#requests += 1;
    const request = this.#requests;
    this.#loading += 1;
    // An older place never replaces a newer one, in whatever order the answers come.
    const isOutdated = (): boolean => stack !== this.#stack || request < this.#shownRequest;
    try {
      const frame = await this.#frames.frame(item.instance.sopInstanceUID, item.frame);
      if (isOutdated()) return;
      this.#shownRequest = request;
      // Asked for again while it is on the screen, it stays as full as it is.
      const isNew = this.#shown?.item !== item || this.problem !== null;
      this.problem = null;
      if (isNew) {
        this.#shown = { index, item, frame };
        void this.#fill(item, frame);
      }
      this.#onshown(item, stack);
    } catch (fault) {
      if (isOutdated()) return;
      this.#shownRequest = request;
      this.#shown = null;
      this.problem = faultValueOf(fault).message;
    } finally {
      this.#loading -= 1;
      if (this.#isBehind) {
        this.#isBehind = false;
        void this.#load();
      }
    }
  }

  /** Fetches the rest of a large frame as long as it is shown, and then what lies ahead of the reader. */
  async #fill(item: StackItem, head: Frame): Promise<void> {
    this.#fills += 1;
    const fill = this.#fills;
    const isShown = (): boolean => fill === this.#fills && this.#shown?.item === item;
    try {
      for await (const frame of this.#frames.fill(item.instance.sopInstanceUID, item.frame, head, isShown)) {
        if (!isShown()) return;
        this.#shown = { ...this.#shown!, frame };
      }
      if (!isShown()) return;
      const places = nearby(this.#stack.length, this.#index, this.#direction, countAhead(head));
      this.#prefetch.want(places.flatMap((place) => this.#stack[place] ?? []));
    } catch (fault) {
      if (isShown()) this.problem = faultValueOf(fault).message;
    }
  }
}
