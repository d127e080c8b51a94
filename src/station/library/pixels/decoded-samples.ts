// What a codec hands back, whatever it was: samples in the machine's (little endian) order, interleaved by pixel.
import type { ImageDescription } from './image-description.ts';

export interface DecodedSamples {
  readonly rows: number;
  readonly columns: number;
  readonly samples: number;
  /** Bits of one sample in `bytes`: 8, 16 or 32. */
  readonly bits: 8 | 16 | 32;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Significant bits from bit 0 up, the sign included; null where the data set's BitsStored and HighBit tell. */
  readonly precision: number | null;
  /** Whether `bytes` hold negative numbers already, sign-extended. */
  readonly isSigned: boolean;
  /** PhotometricInterpretation of the samples. */
  readonly photometric: string;
}

/** RRR…GGG…BBB… to RGBRGB…; `width` is the bytes of one sample. */
export function interleaved(planar: Uint8Array, samples: number, width: number): Uint8Array<ArrayBuffer> {
  const pixels = planar.length / samples / width;
  const out = new Uint8Array(planar.length);
  for (let sample = 0; sample < samples; sample += 1) {
    for (let pixel = 0; pixel < pixels; pixel += 1) {
      const from = (sample * pixels + pixel) * width;
      const to = (pixel * samples + sample) * width;
      for (let byte = 0; byte < width; byte += 1) out[to + byte] = planar[from + byte]!;
    }
  }
  return out;
}

/**
 * The sign bit's place in a lossless codestream deeper than BitsStored: writers put the bare bits there, or the number
 * already extended; both read the same from BitsStored up. Unsigned values stay as decoded.
 */
export const significantBits = (precision: number, image: ImageDescription): number =>
  image.isSigned ? Math.min(precision, image.bitsStored) : precision;
