// One image from stored values to network input: normalised, and for training changed a little at random.
import type { DatasetHeader } from '../../contract/dataset.ts';
import { type Random, randomStream, standardNormals } from './random.ts';

/** Limits of the random changes. Shifts are shares of the side; the others are in normalised or relative units. */
const limits = { flipShare: 0.5, shiftShare: 1 / 16, gain: 0.1, offset: 0.1, noiseStdDev: 0.05 } as const;

/** Normal numbers prepared once: noise is a stretch of this table from a random place, one addition per pixel. */
const noiseTableLength = 1 << 16;

export interface Augmentation {
  /** Writes the changed, normalised image to `out`; the same `random` gives the same image. */
  apply(image: Uint16Array, out: Float32Array, random: Random): void;
}

/** (value / 65535 − mean) / standard deviation as one multiplication and one addition. */
function normalisation({ mean, standardDeviation }: DatasetHeader): { scale: number; bias: number } {
  return { scale: 1 / (65_535 * standardDeviation), bias: -mean / standardDeviation };
}

/** Normalises only: what validation, test and un-augmented training see. */
export function normalise(image: Uint16Array, out: Float32Array, header: DatasetHeader): void {
  const { scale, bias } = normalisation(header);
  for (let index = 0; index < image.length; index += 1) out[index] = image[index]! * scale + bias;
}

/**
 * Mirrors left to right (half of the images), shifts by up to 1/16 of the side with the edge repeated, changes gain by
 * up to 10 % and offset by up to 0.1 standard deviations, and adds normal noise of up to 0.05 standard deviations.
 */
export function augmentationFor(header: DatasetHeader, seed: number): Augmentation {
  const { height, width, channels } = header;
  const { scale, bias } = normalisation(header);
  const noise = standardNormals(randomStream(seed, 0x6e6f6973), noiseTableLength);
  const columns = new Int32Array(width);
  const shiftUpTo = (side: number, random: Random): number => {
    const most = Math.max(1, Math.round(side * limits.shiftShare));
    return random.below(2 * most + 1) - most;
  };
  return {
    apply(image, out, random) {
      const isFlipped = random.uniform() < limits.flipShare;
      const down = shiftUpTo(height, random);
      const right = shiftUpTo(width, random);
      const gain = 1 + (2 * random.uniform() - 1) * limits.gain;
      const factor = scale * gain;
      const addend = bias * gain + (2 * random.uniform() - 1) * limits.offset;
      const noiseStdDev = random.uniform() * limits.noiseStdDev;
      let noisePlace = random.below(noiseTableLength);
      for (let column = 0; column < width; column += 1) {
        const source = Math.min(width - 1, Math.max(0, column - right));
        columns[column] = (isFlipped ? width - 1 - source : source) * channels;
      }
      let target = 0;
      for (let row = 0; row < height; row += 1) {
        const line = Math.min(height - 1, Math.max(0, row - down)) * width * channels;
        for (let column = 0; column < width; column += 1) {
          const source = line + columns[column]!;
          for (let channel = 0; channel < channels; channel += 1) {
            noisePlace = (noisePlace + 1) & (noiseTableLength - 1);
            out[target] = image[source + channel]! * factor + addend + noise[noisePlace]! * noiseStdDev;
            target += 1;
          }
        }
      }
    },
  };
}
