// Frames too large for one message, decoded once and told in parts.
import type { Frame } from '../../../contract/dicom.ts';
import { type FrameNamed, framePartBytes } from '../../../contract/frame-calls.ts';
import { pixelFaults } from './faults.ts';

export interface LargeFrames {
  /** A large frame without its pixels, and without those of copies that are more than one part; any other as it is. */
  head(named: FrameNamed, decode: () => Promise<Frame>): Promise<Frame>;
  /** @throws Fault 151 where there is no such copy, and what `decode` throws */
  part(place: FrameNamed & { copy: number; from: number }, decode: () => Promise<Frame>): Promise<Uint8Array>;
}

/** The newest is kept whatever its size; older ones beside it up to so many bytes. */
const keptBytes = 384 * 1024 * 1024;
/** The parts of a frame are asked for one after the other; after such a pause nobody asks any more. */
const keptMs = 15_000;

const nothing = new Uint8Array(0);

export function largeFrames(): LargeFrames {
  /** The one used last at the end. */
  const kept = new Map<string, Promise<Frame>>();
  const sizes = new Map<string, number>();
  let timer: NodeJS.Timeout | null = null;

  function forget(): void {
    kept.clear();
    sizes.clear();
  }

  function use({ sopInstanceUID, frame, colours }: FrameNamed, decode: () => Promise<Frame>): Promise<Frame> {
    const key = `${sopInstanceUID}/${frame}/${colours}`;
    // One on its way is asked for again, since it may be more urgent now: it is decoded once all the same.
    const known = sizes.has(key) ? kept.get(key) : undefined;
    const asked = known ?? decode();
    kept.delete(key);
    kept.set(key, asked);
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(forget, keptMs).unref();
    if (known) return known;
    asked.then(
      (decoded) => {
        // What is told in one message is not asked for again.
        if (decoded.reduced === undefined) kept.delete(key);
        else sizes.set(key, bytesOf(decoded));
        makeRoom();
      },
      () => kept.delete(key),
    );
    return asked;
  }

  function makeRoom(): void {
    let bytes = [...kept.keys()].reduce((sum, key) => sum + (sizes.get(key) ?? 0), 0);
    for (const key of [...kept.keys()].slice(0, -1)) {
      if (bytes <= keptBytes) return;
      bytes -= sizes.get(key) ?? 0;
      kept.delete(key);
      sizes.delete(key);
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
      if (pixels === undefined) throw pixelFaults.noSuchFrame(copy, frame.reduced?.length ?? 0);
      return pixels.subarray(from, from + framePartBytes);
    },
  };
}

function bytesOf({ pixels, reduced = [] }: Frame): number {
  return reduced.reduce((sum, copy) => sum + copy.pixels.length, pixels.length);
}
