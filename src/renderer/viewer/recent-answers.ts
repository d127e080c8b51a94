/** Answers of the station by name, as many as fit; the one whose use lies longest back goes first. A failed one is forgotten. */
export class RecentAnswers<Value> {
  readonly #limitBytes: number;
  readonly #bytesOf: (value: Value) => number;
  /** In order of use: Map keeps insertion order, and a hit is inserted anew. */
  readonly #answers = new Map<string, Promise<Value>>();
  readonly #sizes = new Map<string, number>();
  #bytes = 0;

  constructor(limitBytes: number, bytesOf: (value: Value) => number) {
    this.#limitBytes = limitBytes;
    this.#bytesOf = bytesOf;
  }

  /** Whether it is here or on its way. */
  has(key: string): boolean {
    return this.#answers.has(key);
  }

  /** The answer of this name, asked for once. */
  get(key: string, ask: () => Promise<Value>): Promise<Value> {
    const known = this.#answers.get(key);
    if (known) {
      this.#answers.delete(key);
      this.#answers.set(key, known);
      return known;
    }
    const asked = ask();
    this.#answers.set(key, asked);
    asked.then(
      (value) => {
        const bytes = this.#bytesOf(value);
        this.#sizes.set(key, bytes);
        this.#bytes += bytes;
        this.#makeRoom();
      },
      () => this.#answers.delete(key),
    );
    return asked;
  }

  #makeRoom(): void {
    for (const key of this.#answers.keys()) {
      if (this.#bytes <= this.#limitBytes) return;
      const bytes = this.#sizes.get(key);
      // One still on the way has no size yet and stays.
      if (bytes === undefined) continue;
      this.#answers.delete(key);
      this.#sizes.delete(key);
      this.#bytes -= bytes;
    }
  }
}
