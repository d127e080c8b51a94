// Which fragments of encapsulated pixel data (PS3.5 A.4) make up a frame. Offset tables are believed only where they point
// at fragments; without one, frames are told apart by their number or by the codestreams' first bytes.
import type { ByteRange, DataSet, PixelData } from '../dataset.ts';
import { pixelFaults } from './faults.ts';

/** The compressed bytes of `frame` (from 0). @throws Fault 151, 154 or 157. */
export function frameBytes(dataset: DataSet, data: PixelData, frames: number, frame: number): Uint8Array {
  const fragments = fragmentsOf(dataset, data, frames, frame);
  const size = fragments.reduce((sum, fragment) => sum + fragment.length, 0);
  if (size === 0) throw pixelFaults.shortPixelData(frame + 1, 0, 1);
  const [only] = fragments;
  if (fragments.length === 1 && only !== undefined) return slice(dataset, only);
  const joined = new Uint8Array(size);
  let at = 0;
  for (const fragment of fragments) {
    joined.set(slice(dataset, fragment), at);
    at += fragment.length;
  }
  return joined;
}

const slice = (dataset: DataSet, { offset, length }: ByteRange): Uint8Array =>
  dataset.bytes.subarray(offset, offset + length);

function fragmentsOf(dataset: DataSet, data: PixelData, frames: number, frame: number): readonly ByteRange[] {
  const { fragments } = data;
  if (fragments.length === 0) throw pixelFaults.shortPixelData(frame + 1, 0, 1);
  if (frames === 1) return fragments;
  const groups =
    byOffsets(fragments, data.extendedOffsets, frames) ??
    byOffsets(fragments, data.basicOffsets, frames) ??
    (fragments.length === frames ? fragments.map((fragment) => [fragment]) : null) ??
    byCodestreams(dataset, fragments, frames);
  if (groups !== null) return groups[frame]!;
  // Broken off: the frames that are there are still whole.
  if (data.damaged && fragments.length < frames) {
    const there = fragments[frame];
    if (there === undefined) throw pixelFaults.shortPixelData(frame + 1, 0, 1);
    return [there];
  }
  throw pixelFaults.framesUnlocatable(fragments.length, frames);
}

/** Null unless there is one offset per frame and each meets a fragment. Offsets count from the first item's tag. */
function byOffsets(
  fragments: readonly ByteRange[],
  offsets: readonly number[] | null,
  frames: number,
): ByteRange[][] | null {
  if (offsets === null || offsets.length !== frames) return null;
  const origin = fragments[0]!.offset;
  const indexAt = new Map(fragments.map((fragment, index) => [fragment.offset - origin, index]));
  const starts = offsets.map((offset) => indexAt.get(offset));
  const groups: ByteRange[][] = [];
  for (let frame = 0; frame < frames; frame += 1) {
    const from = starts[frame];
    const to = frame + 1 < frames ? starts[frame + 1] : fragments.length;
    if (from === undefined || to === undefined || to <= from) return null;
    groups.push(fragments.slice(from, to));
  }
  return groups;
}

/** Null unless exactly one fragment per frame begins a codestream. */
function byCodestreams(dataset: DataSet, fragments: readonly ByteRange[], frames: number): ByteRange[][] | null {
  const groups: ByteRange[][] = [];
  for (const fragment of fragments) {
    if (beginsCodestream(slice(dataset, fragment))) groups.push([]);
    const last = groups.at(-1);
    if (last === undefined) return null;
    last.push(fragment);
  }
  return groups.length === frames ? groups : null;
}

/** JPEG and JPEG-LS (FFD8 FF), JPEG 2000 (FF4F FF51), or JPEG 2000 in its file form. */
function beginsCodestream(bytes: Uint8Array): boolean {
  const [a, b, c, d] = bytes;
  if (a === 0xff && b === 0xd8 && c === 0xff) return true;
  if (a === 0xff && b === 0x4f && c === 0xff && d === 0x51) return true;
  return bytes.length > 8 && a === 0 && b === 0 && c === 0 && d === 12 && bytes[4] === 0x6a && bytes[5] === 0x50;
}
