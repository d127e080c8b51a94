/** Wakes whoever waits for something to change; one at a time waits. */
export class News {
  #wake: (() => void) | null = null;

  /** Resolves at the next `tell`. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  tell(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
