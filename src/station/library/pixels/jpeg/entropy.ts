// Entropy-coded segments (ISO/IEC 10918-1 Annex F.2.2): bits without their stuffing, Huffman codes, restart markers.
import { pixelFaults } from '../faults.ts';

/** For each 16 bits that may follow: code length << 8 | symbol; 0 where no code begins so. */
export type HuffmanTable = Uint16Array;

/** @param counts how many codes of 1…16 bits; @param symbols in order of their codes. @throws Fault 155. */
export function huffmanTable(counts: Uint8Array, symbols: Uint8Array): HuffmanTable {
  const table = new Uint16Array(65536);
  let code = 0;
  let symbol = 0;
  for (let length = 1; length <= 16; length += 1) {
    for (let index = 0; index < counts[length - 1]!; index += 1) {
      const from = code << (16 - length);
      const to = (code + 1) << (16 - length);
      if (to > 65536) throw pixelFaults.damaged('JPEG', 'a Huffman table holds too many codes');
      table.fill((length << 8) | symbols[symbol]!, from, to);
      symbol += 1;
      code += 1;
    }
    code <<= 1;
  }
  return table;
}

export class EntropyReader {
  /** Where the next byte is read; at a marker once the segment has ended. */
  #at: number;
  readonly #bytes: Uint8Array;
  /** The last `#count` bits read from the bytes and not yet taken. */
  #bits = 0;
  #count = 0;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** A marker or the end of the bytes, whichever stopped the reading. */
  get position(): number {
    return this.#at;
  }

  bit(): number {
    return this.bits(1);
  }

  /** @param count 0…16 */
  bits(count: number): number {
    if (count === 0) return 0;
    if (this.#count < count) this.#fill(count);
    this.#count -= count;
    return (this.#bits >>> this.#count) & ((1 << count) - 1);
  }

  symbol(table: HuffmanTable): number {
    if (this.#count < 16) this.#fill(0);
    const next = this.#count >= 16 ? this.#bits >>> (this.#count - 16) : this.#bits << (16 - this.#count);
    const entry = table[next & 0xffff]!;
    const length = entry >> 8;
    if (length === 0) throw pixelFaults.damaged('JPEG', 'a code is in no Huffman table');
    if (length > this.#count) throw endsEarly();
    this.#count -= length;
    return entry & 0xff;
  }

  /** A signed number of `size` bits (F.2.2.1 EXTEND). */
  signed(size: number): number {
    const value = this.bits(size);
    return size > 0 && value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
  }

  /** Goes on after the restart marker that must come next. */
  restart(): void {
    this.#count = 0;
    const bytes = this.#bytes;
    let at = this.#at;
    while (at + 1 < bytes.length && !(bytes[at] === 0xff && bytes[at + 1] !== 0 && bytes[at + 1] !== 0xff)) at += 1;
    const marker = bytes[at + 1] ?? 0;
    if (marker < 0xd0 || marker > 0xd7) throw endsEarly();
    this.#at = at + 2;
  }

  /** Reads as many bytes as fit. @throws Fault 155 where then fewer than `needed` bits are there. */
  #fill(needed: number): void {
    const bytes = this.#bytes;
    while (this.#count <= 24 && this.#at < bytes.length) {
      const byte = bytes[this.#at]!;
      if (byte === 0xff) {
        if (bytes[this.#at + 1] !== 0) break;
        this.#at += 1;
      }
      this.#at += 1;
      this.#bits = (this.#bits << 8) | byte;
      this.#count += 8;
    }
    if (this.#count < needed) throw endsEarly();
  }
}

const endsEarly = (): Error => pixelFaults.damaged('JPEG', 'it breaks off');
