import type { Frame } from '../../contract/dicom.ts';
import { bytesHere } from './frame-filling.ts';
import { type FrameStore, frameStoreBytes } from './frame-store.ts';
import type { StackItem } from './stack.ts';

/** So that a frame which is asked for never waits behind many that only might be. */
const atOnce = 2;
/** Of the frame store, what one viewport fills ahead of the reader. */
const aheadBytes = frameStoreBytes / 2;

/** How many frames like this one are fetched ahead; of large ones, which the station decodes whole and keeps few of, the next two. */
export function countAhead(frame: Frame): number {
  return frame.reduced ? 2 : Math.max(4, Math.floor(aheadBytes / Math.max(1, bytesHere(frame))));
}

/** Decodes frames before they are asked for, the first of the list first; a new list replaces what has not begun. */
export class Prefetch {
  readonly #frames: FrameStore;
  #queue: StackItem[] = [];
  #running = 0;

  constructor(frames: FrameStore) {
    this.#frames = frames;
  }

  want(items: readonly StackItem[]): void {
    this.#queue = [...items];
    this.#pump();
  }

  #pump(): void {
    while (this.#running < atOnce) {
      const item = this.#queue.shift();
      if (!item) return;
      const { sopInstanceUID } = item.instance;
      if (this.#frames.has(sopInstanceUID, item.frame)) continue;
      this.#running += 1;
      // A frame that cannot be decoded says so when it is shown.
      const done = (): void => {
        this.#running -= 1;
        this.#pump();
      };
      this.#frames.frame(sopInstanceUID, item.frame).then(done, done);
    }
  }
}
