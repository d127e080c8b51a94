// Writes entropy-coded JPEG bytes: bits with stuffing after 0xFF, segments with their length.

export class EntropyWriter {
  readonly bytes: number[] = [0xff, 0xd8];
  #bits = 0;
  #count = 0;

  segment(marker: number, content: readonly number[]): void {
    const length = content.length + 2;
    this.bytes.push(0xff, marker, length >> 8, length & 0xff, ...content);
  }

  put(value: number, size: number): void {
    for (let bit = size - 1; bit >= 0; bit -= 1) {
      this.#bits = (this.#bits << 1) | ((value >> bit) & 1);
      this.#count += 1;
      if (this.#count < 8) continue;
      this.bytes.push(this.#bits);
      if (this.#bits === 0xff) this.bytes.push(0);
      this.#bits = 0;
      this.#count = 0;
    }
  }

  /** The magnitude bits that follow a category (F.1.2.1). */
  putSigned(value: number, size: number): void {
    this.put(value < 0 ? value + (1 << size) - 1 : value, size);
  }

  flush(): void {
    while (this.#count > 0) this.put(1, 1);
  }

  finish(): Uint8Array {
    this.flush();
    return Uint8Array.from([...this.bytes, 0xff, 0xd9]);
  }
}

export const categoryOf = (value: number): number => 32 - Math.clz32(Math.abs(value));

/** A Huffman table of equally long codes: the code of a symbol is its place in `symbols`. */
export function evenTable(id: number, codeBits: number, symbols: readonly number[]): number[] {
  const counts = Array.from({ length: 16 }, (_, index) => (index + 1 === codeBits ? symbols.length : 0));
  return [id, ...counts, ...symbols];
}
