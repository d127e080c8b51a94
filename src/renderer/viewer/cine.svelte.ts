// Plays a stack as a film: round and round, or forth and back.
const defaultFramesPerSecond = 12;

/** The stack that is played. */
export interface PlayedStack {
  readonly length: number;
  readonly index: number;
  /** Whether frames are still on their way. */
  readonly isLoading: boolean;
  /** As the file says; undefined where it does not. */
  readonly framesPerSecond: number | undefined;
  go(index: number): void;
}

export class Cine {
  readonly #stack: PlayedStack;
  #isPlaying = $state(false);
  #isLooping = $state(true);
  #chosenRate = $state<number | null>(null);
  #timer: ReturnType<typeof setInterval> | undefined;
  #step = 1;

  constructor(stack: PlayedStack) {
    this.#stack = stack;
  }

  get isPlaying(): boolean {
    return this.#isPlaying;
  }

  get isLooping(): boolean {
    return this.#isLooping;
  }

  /** Of the file, unless the reader chose another. */
  get framesPerSecond(): number {
    return this.#chosenRate ?? this.#stack.framesPerSecond ?? defaultFramesPerSecond;
  }

  toggle(): void {
    if (this.#isPlaying) this.pause();
    else this.play();
  }

  play(): void {
    if (this.#stack.length < 2) return;
    this.#isPlaying = true;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#tick(), 1_000 / this.framesPerSecond);
  }

  pause(): void {
    this.#isPlaying = false;
    clearInterval(this.#timer);
  }

  /** Pauses, at the rate of whatever file comes next. */
  reset(): void {
    this.pause();
    this.#chosenRate = null;
  }

  toggleLoop(): void {
    this.#isLooping = !this.#isLooping;
    this.#step = 1;
  }

  setFramesPerSecond(rate: number): void {
    this.#chosenRate = Math.max(1, Math.min(60, rate));
    if (this.#isPlaying) this.play();
  }

  #tick(): void {
    // Frames that are decoded slower than they should be shown set the pace.
    if (this.#stack.isLoading) return;
    const { index } = this.#stack;
    const last = this.#stack.length - 1;
    if (this.#isLooping) {
      this.#stack.go(index === last ? 0 : index + 1);
      return;
    }
    if (index >= last) this.#step = -1;
    else if (index <= 0) this.#step = 1;
    this.#stack.go(index + this.#step);
  }
}
