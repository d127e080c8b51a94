// One image from stored values to network input: normalised, and for training changed a little at random. A mask is moved
// exactly as its image is.
import { type DatasetHeader, fullScale } from '../../contract/dataset.ts';
import { type Displacement, elasticDisplacement } from './elastic-displacement.ts';
import { type Random, randomStream, standardNormals } from './random.ts';

/** Limits of the random changes. Shifts and displacements are shares of the side; the others are in normalised or relative units. */
const limits = {
  flipShare: 0.5,
  rotationRadians: (10 * Math.PI) / 180,
  scale: 0.1,
  shiftShare: 1 / 16,
  gain: 0.1,
  offset: 0.1,
  noiseStdDev: 0.05,
  /** Of the natural logarithm of the exponent. */
  gamma: 0.2,
  /** Of the masks' images, how many are bent. */
  elasticShare: 0.5,
} as const;

/** Normal numbers prepared once: noise is a stretch of this table from a random place, one addition per pixel. */
const noiseTableLength = 1 << 16;
const gammaSteps = 1_024;

export interface Augmentation {
  /**
   * Writes the changed, normalised image to `out`; the same `random` gives the same image.
   * @param mask of a segmentation, moved along: each pixel takes its nearest one's class
   */
  apply(
    image: Uint16Array,
    out: Float32Array,
    random: Random,
    mask?: { readonly stored: Uint8Array; readonly out: Uint8Array },
  ): void;
}

/** (value / 65535 − mean) / standard deviation as one multiplication and one addition. */
function normalisation({ mean, standardDeviation }: DatasetHeader): { scale: number; bias: number } {
  return { scale: 1 / (fullScale * standardDeviation), bias: -mean / standardDeviation };
}

/** Normalises only: what validation, test and un-augmented training see. */
export function normalise(image: Uint16Array, out: Float32Array, header: DatasetHeader): void {
  const { scale, bias } = normalisation(header);
  for (let index = 0; index < image.length; index += 1) out[index] = image[index]! * scale + bias;
}

/** Classes that tell sides apart are not the same in a mirror. */
const tellsSides = (classes: readonly string[]): boolean =>
  classes.some((name) => /(^|[^\p{L}])(left|right|links|rechts|gauche|droite?)($|[^\p{L}])/iu.test(name));

/**
 * Mirrors left to right (half of the images; none where a class is called left or right), turns by up to 10°, scales by up to
 * 10 % and shifts by up to 1/16 of the side, with the edge repeated; bends half of the images that have masks. Changes gamma by
 * up to e^0.2, gain by up to 10 % and offset by up to 0.1 standard deviations, and adds normal noise of up to 0.05 standard
 * deviations. Images are interpolated bilinearly.
 */
export function augmentationFor(header: DatasetHeader, seed: number): Augmentation {
  const { height, width, channels } = header;
  const { scale, bias } = normalisation(header);
  const noise = standardNormals(randomStream(seed, 0x6e6f6973), noiseTableLength);
  const flipShare = tellsSides(header.classes) ? 0 : limits.flipShare;
  const tones = new Float32Array(gammaSteps + 2);
  const either = (random: Random, limit: number): number => (2 * random.uniform() - 1) * limit;
  return {
    apply(image, out, random, mask) {
      const isFlipped = random.uniform() < flipShare;
      const angle = either(random, limits.rotationRadians);
      const zoom = 1 + either(random, limits.scale);
      const down = either(random, limits.shiftShare) * height;
      const right = either(random, limits.shiftShare) * width;
      const gain = 1 + either(random, limits.gain);
      const factor = scale * fullScale * gain;
      const addend = bias * gain + either(random, limits.offset);
      const noiseStdDev = random.uniform() * limits.noiseStdDev;
      let noisePlace = random.below(noiseTableLength);
      fillTones(tones, Math.exp(either(random, limits.gamma)));
      const bend: Displacement | null =
        mask !== undefined && random.uniform() < limits.elasticShare
          ? elasticDisplacement(height, width, random)
          : null;

      // From a place of the new image to its source: the inverse of mirror, then scale and turn about the centre, then shift.
      const cosine = Math.cos(angle) / zoom;
      const sine = Math.sin(angle) / zoom;
      const mirror = isFlipped ? -1 : 1;
      const middleRow = (height - 1) / 2;
      const middleColumn = (width - 1) / 2;
      let target = 0;
      for (let row = 0; row < height; row += 1) {
        const y = row - middleRow - down;
        for (let column = 0; column < width; column += 1) {
          const x = column - middleColumn - right;
          let sourceRow = middleRow - sine * x + cosine * y;
          let sourceColumn = middleColumn + mirror * (cosine * x + sine * y);
          if (bend !== null) {
            sourceRow += bend.down[row * width + column]!;
            sourceColumn += bend.right[row * width + column]!;
          }
          // The edge is repeated.
          sourceRow = sourceRow < 0 ? 0 : sourceRow > height - 1 ? height - 1 : sourceRow;
          sourceColumn = sourceColumn < 0 ? 0 : sourceColumn > width - 1 ? width - 1 : sourceColumn;
          const top = sourceRow | 0;
          const left = sourceColumn | 0;
          const below = sourceRow - top;
          const beside = sourceColumn - left;
          const nextColumn = left + 1 < width ? channels : 0;
          const upper = (top * width + left) * channels;
          const lower = top + 1 < height ? upper + width * channels : upper;
          for (let channel = 0; channel < channels; channel += 1) {
            const a = image[upper + channel]!;
            const c = image[lower + channel]!;
            const over = a + (image[upper + nextColumn + channel]! - a) * beside;
            const under = c + (image[lower + nextColumn + channel]! - c) * beside;
            const place = ((over + (under - over) * below) * gammaSteps) / fullScale;
            const step = place | 0;
            const tone = tones[step]! + (tones[step + 1]! - tones[step]!) * (place - step);
            noisePlace = (noisePlace + 1) & (noiseTableLength - 1);
            out[target] = tone * factor + addend + noise[noisePlace]! * noiseStdDev;
            target += 1;
          }
          if (mask !== undefined) {
            const nearest = (below < 0.5 ? top : top + 1) * width + (beside < 0.5 ? left : left + 1);
            mask.out[row * width + column] = mask.stored[nearest]!;
          }
        }
      }
    },
  };
}

/** value^exponent over 0…1, with one step to spare for interpolation at 1. */
function fillTones(tones: Float32Array, exponent: number): void {
  for (let step = 0; step <= gammaSteps; step += 1) tones[step] = Math.pow(step / gammaSteps, exponent);
  tones[gammaSteps + 1] = tones[gammaSteps]!;
}
