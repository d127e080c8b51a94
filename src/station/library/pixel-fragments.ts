// Encapsulated values (PS3.5 A.4): items that hold a basic offset table and then the fragments. Fragments are found by
// their item lengths, never by searching for a delimiter, which compressed bytes may contain.
import type { ByteRange } from './dataset.ts';

const fragmentsLimit = 4_000_000;

export interface FragmentList {
  readonly fragments: ByteRange[];
  readonly basicOffsets: number[];
  /** Where the value ends, its delimiter included. */
  readonly next: number;
  readonly damaged: boolean;
}

/** Lists the fragments of the value that begins at `from`; a fragment cut by `end` is kept, shortened. */
export function readFragments(bytes: Uint8Array, from: number, end: number): FragmentList {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fragments: ByteRange[] = [];
  let basicOffsets: number[] = [];
  let at = from;
  let isTable = true;
  while (at + 8 <= end && fragments.length < fragmentsLimit) {
    const tag = view.getUint32(at, true);
    const length = view.getUint32(at + 4, true);
    if (tag === 0xe0ddfffe) return { fragments, basicOffsets, next: at + 8, damaged: false };
    if (tag !== 0xe000fffe) return { fragments, basicOffsets, next: at, damaged: true };
    const offset = at + 8;
    const isCut = offset + length > end;
    const held = Math.min(length, end - offset);
    // A table begins with the offset 0, a codestream with 0xFF: writers exist that leave the table's item out.
    if (isTable && bytes[offset] !== 0xff) basicOffsets = offsetsIn(view, offset, held);
    else fragments.push({ offset, length: held });
    isTable = false;
    if (isCut) return { fragments, basicOffsets, next: end, damaged: true };
    at = offset + length;
  }
  return { fragments, basicOffsets, next: Math.min(at, end), damaged: true };
}

function offsetsIn(view: DataView, offset: number, length: number): number[] {
  const offsets: number[] = [];
  for (let at = 0; at + 4 <= length; at += 4) offsets.push(view.getUint32(offset + at, true));
  return offsets;
}
