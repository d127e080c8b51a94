// Frames too large for one message, decoded once and told in parts.
import type { Frame } from '../../../contract/dicom.ts';
import { type FrameNamed, framePartBytes } from '../../../contract/frame-calls.ts';
import { pixelFaults } from './faults.ts';

export interface LargeFrames {
  /** A large frame without its pixels, and without those of copies that are more than one part; any other as it is. */
  head(named: FrameNamed, decode: () => Promise<Frame>): Promise<Frame>;
  /** @throws Fault 162 where there is no such copy, and what `decode` throws */
  part(place: FrameNamed & { copy: number; from: number }, decode: () => Promise<Frame>): Promise<Uint8Array>;
}

/** The newest is kept whatever its size; older ones beside it up to so many bytes. */
const keptBytes = 384 * 1024 * 1024;
/** The parts of a frame are asked for one after the other; after such a pause nobody asks any more. */
const keptMs = 15_000;

const nothing = new Uint8Array(0);

export function largeFrames(): LargeFrames {
  /** The one used last at the end. */
  const kept = new Map<string, Frame>();
  let timer: NodeJS.Timeout | undefined;

  async function use({ sopInstanceUID, frame, colours }: FrameNamed, decode: () => Promise<Frame>): Promise<Frame> {
    const key = `${sopInstanceUID}/${frame}/${colours}`;
    // One on its way is asked for again, since it may be more urgent now: it is decoded once all the same.
    const decoded = kept.get(key) ?? (await decode());
    // What is told in one message is not asked for again.
    if (decoded.reduced !== undefined) keep(key, decoded);
    return decoded;
  }

  /** The time counts from the answer on: decoding may take longer than the pause between two parts. */
  function keep(key: string, frame: Frame): void {
    kept.delete(key);
    makeRoom(bytesOf(frame));
    kept.set(key, frame);
    clearTimeout(timer);
    timer = setTimeout(() => kept.clear(), keptMs).unref();
  }

  function makeRoom(wanted: number): void {
    let bytes = [...kept.values()].reduce((sum, frame) => sum + bytesOf(frame), wanted);
    for (const [key, frame] of kept) {
      if (bytes <= keptBytes) return;
      bytes -= bytesOf(frame);
      kept.delete(key);
    }
  }

  return {
    async head(named, decode) {
      const frame = await use(named, decode);
      if (frame.reduced === undefined) return frame;
      const reduced = frame.reduced.map((copy) =>
        copy.pixels.length > framePartBytes ? { ...copy, pixels: nothing } : copy,
      );
      return { ...frame, pixels: nothing, reduced };
    },
    async part({ copy, from, ...named }, decode) {
      const frame = await use(named, decode);
      const pixels = copy === 0 ? frame.pixels : frame.reduced?.[copy - 1]?.pixels;
      if (pixels === undefined) throw pixelFaults.noSuchCopy(copy, frame.reduced?.length ?? 0);
      return pixels.subarray(from, from + framePartBytes);
    },
  };
}

function bytesOf({ pixels, reduced = [] }: Frame): number {
  return reduced.reduce((sum, copy) => sum + copy.pixels.length, pixels.length);
}
