// Tries to find images whose gradient is a given one: cosine distance of the gradients plus total variation, minimised by
// Adam on the sign of the slope (Geiping et al., arXiv 2003.14053). The slope of a gradient is a second derivative; it is
// taken as the difference of two first derivatives by the pixels, at weights a little further and a little back along the
// direction in which the distance changes. That needs no second-order gradients and works for every layer.
import { valueCount } from '../networks/plan.ts';
import type { NetworkPlan } from '../networks/plan.ts';
import type { StoredProgram, ProgramStore } from '../engines/program-store.ts';
import { type Random, standardNormals } from '../run/random.ts';
import { stepNames } from '../networks/training-program.ts';
import { imageGradientName } from './matched-gradients.ts';
import { gradientName } from './private-update.ts';

export interface InversionParts {
  readonly plan: NetworkPlan;
  /** Holds the network's weights; they are moved and put back. */
  readonly store: ProgramStore;
  readonly program: StoredProgram;
  /** The other inputs of the program: labels and the like, which the attacker is assumed to know. */
  readonly known: ReadonlyMap<string, Float32Array>;
  /** The gradient to be matched, by weight. */
  readonly target: ReadonlyMap<string, Float32Array>;
  readonly batchSize: number;
  readonly random: Random;
  readonly iterations: number;
  /** Least and largest value that a pixel can have. */
  readonly range: readonly [number, number];
  /** Share of its time that the attack has used, asked before each iteration; it ends at 1. */
  readonly timeShare: (iteration: number) => Promise<number>;
}

export interface Inversion {
  /** [batchSize, height, width, channels], normalised as the network takes them. */
  readonly images: Float32Array;
  /** Cosine of the angle between the guess's gradient and the target: 1 where it is matched. */
  readonly match: number;
  /** Iterations made. */
  readonly iterations: number;
}

const firstStride = 0.1;
const variationShare = 1e-3;
/** How far the weights are moved, as a share of their length. */
const moveShare = 1e-3;

export async function invertGradient(parts: InversionParts): Promise<Inversion> {
  const { plan, store, program, known, target, batchSize, random, iterations, range } = parts;
  const { height, width, channels } = plan.network.input;
  const shape = { height, width, channels };
  const weights = plan.weights
    .filter(({ kind }) => kind === 'trainable')
    .map(({ name }) => ({ name, values: store.read(name), target: target.get(name)! }));
  const length = (values: readonly Float32Array[]): number =>
    Math.sqrt(values.reduce((total, part) => part.reduce((sum, value) => sum + value * value, total), 0));
  const targetLength = length(weights.map((weight) => weight.target));
  const move = moveShare * length(weights.map(({ values }) => values));
  const run = (images: Float32Array) => program.run(new Map([...known, [stepNames.images, images]]));
  const pixelSlope = async (images: Float32Array, along: readonly Float32Array[], distance: number) => {
    for (const [index, { name, values }] of weights.entries())
      store.write(
        name,
        values.map((value, place) => value + distance * along[index]![place]!),
      );
    return (await run(images)).get(imageGradientName)!;
  };

  const images = standardNormals(random, batchSize * height * width * channels).map((value) => value * 0.5);
  const [first, second] = [new Float32Array(images.length), new Float32Array(images.length)];
  let best = { images: images.slice(), match: -1 };
  let iteration = 0;
  for (; iteration < iterations; iteration += 1) {
    // Where time is shorter than the iterations, the strides shrink with the time: an attack that is cut off found nothing yet.
    const share = Math.max(iteration / iterations, await parts.timeShare(iteration));
    if (share >= 1) break;
    for (const { name, values } of weights) store.write(name, values);
    const made = await run(images);
    const gradients = weights.map(({ name }) => made.get(gradientName(name))!);
    const own = length(gradients);
    let dot = 0;
    for (const [index, { target: wanted }] of weights.entries())
      dot = gradients[index]!.reduce((sum, value, place) => sum + value * wanted[place]!, dot);
    const match = own > 0 ? dot / (own * targetLength) : 0;
    if (match > best.match) best = { images: images.slice(), match };
    // How the cosine distance changes with the gradient.
    const slopes = weights.map(({ target: wanted }, index) =>
      gradients[index]!.map(
        (value, place) => -wanted[place]! / (own * targetLength) + (match * value) / (own * own || 1),
      ),
    );
    const steepness = length(slopes);
    if (!(steepness > 0)) break;
    const along = slopes.map((slope) => slope.map((value) => value / steepness));
    const ahead = await pixelSlope(images, along, move);
    const behind = await pixelSlope(images, along, -move);
    const pixels = ahead.map((value, place) => ((value - behind[place]!) / (2 * move)) * steepness);
    addVariation(images, pixels, shape, batchSize);
    const stride = firstStride * strideShare(share);
    const [firstCorrection, secondCorrection] = [1 - 0.9 ** (iteration + 1), 1 - 0.999 ** (iteration + 1)];
    for (const [place, value] of pixels.entries()) {
      const sign = Math.sign(value);
      first[place] = 0.9 * first[place]! + 0.1 * sign;
      second[place] = 0.999 * second[place]! + 0.001 * sign * sign;
      const next =
        images[place]! -
        (stride * (first[place]! / firstCorrection)) / (Math.sqrt(second[place]! / secondCorrection) + 1e-8);
      images[place] = Math.min(range[1], Math.max(range[0], next));
    }
  }
  for (const { name, values } of weights) store.write(name, values);
  return { ...best, iterations: iteration };
}

/** A tenth less after each of these parts of the way, as in the paper. */
function strideShare(done: number): number {
  return done < 3 / 8 ? 1 : done < 5 / 8 ? 0.1 : done < 7 / 8 ? 0.01 : 0.001;
}

/** Adds the slope of total variation: neighbouring pixels of a real image are alike. */
function addVariation(
  images: Float32Array,
  slope: Float32Array,
  { height, width, channels }: { readonly height: number; readonly width: number; readonly channels: number },
  batchSize: number,
): void {
  const size = valueCount([height, width, channels]);
  const weight = variationShare / size;
  for (let image = 0; image < batchSize; image += 1) {
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        for (let channel = 0; channel < channels; channel += 1) {
          const place = image * size + (y * width + x) * channels + channel;
          for (const [inside, step] of [
            [x + 1 < width, channels],
            [y + 1 < height, width * channels],
          ] as const) {
            if (!inside) continue;
            const sign = Math.sign(images[place]! - images[place + step]!) * weight;
            slope[place]! += sign;
            slope[place + step]! -= sign;
          }
        }
      }
    }
  }
}
