// From anatomy to what a scanner stores: contrast, noise, streaks, kernel, and the stored integers.
import type { Canvas } from './canvas.ts';
import type { Random } from './random.ts';
import type { Scanner } from './scanners.ts';

/** Turns a painted canvas into stored pixel values as `scanner` would write them (16 bits, see `signed`). */
export function acquire(canvas: Canvas, scanner: Scanner, random: Random): Int16Array {
  const { side, pixelMm, values } = canvas;
  const measured = new Float32Array(values.length);
  const middle = (side - 1) / 2;
  const streaks = Float32Array.from({ length: side }, () => random.normal() * scanner.streaksHu);
  for (let index = 0; index < values.length; index += 1) {
    const hu = values[index] ?? 0;
    const row = Math.floor(index / side);
    const radiusMm = Math.hypot(row - middle, (index % side) - middle) * pixelMm;
    // Fewer photons come through the middle of the body, so that noise grows inwards; air carries little of it.
    const depth = Math.max(0.35, 1.25 - radiusMm / 230);
    const attenuation = 0.35 + 0.65 * Math.min(1, Math.max(0, (hu + 1000) / 1000));
    const noise = random.normal() * scanner.noiseHu * depth * attenuation;
    measured[index] =
      (hu + 1000) * scanner.contrast - 1000 + scanner.offsetHu + noise + (streaks[row] ?? 0) * depth * attenuation;
  }
  const smooth = blur(measured, side, scanner.sharpness < 0 ? -scanner.sharpness : 0.8);
  const stored = new Int16Array(values.length);
  for (let index = 0; index < values.length; index += 1) {
    const plain = measured[index] ?? 0;
    const soft = smooth[index] ?? 0;
    const hu = scanner.sharpness < 0 ? soft : plain + scanner.sharpness * (plain - soft);
    const radius = Math.hypot(Math.floor(index / side) - middle, (index % side) - middle);
    const outside = scanner.paddingValue !== null && radius > side / 2;
    stored[index] = outside
      ? (scanner.paddingValue ?? 0)
      : Math.round(Math.min(3071, Math.max(-1024, hu))) - scanner.rescaleIntercept;
  }
  return stored;
}

/** Separable Gaussian blur of a square image; `sigma` in pixels, edges repeated. */
function blur(image: Float32Array, side: number, sigma: number): Float32Array {
  const reach = Math.max(1, Math.ceil(2.5 * sigma));
  const kernel = Float32Array.from({ length: 2 * reach + 1 }, (_, tap) =>
    Math.exp(-0.5 * ((tap - reach) / sigma) ** 2),
  );
  const total = kernel.reduce((sum, weight) => sum + weight, 0);
  const pass = (source: Float32Array, stepAlong: number, stepAcross: number): Float32Array => {
    const out = new Float32Array(source.length);
    for (let across = 0; across < side; across += 1) {
      for (let along = 0; along < side; along += 1) {
        let sum = 0;
        for (let tap = -reach; tap <= reach; tap += 1) {
          const at = Math.min(side - 1, Math.max(0, along + tap));
          sum += (kernel[tap + reach] ?? 0) * (source[across * stepAcross + at * stepAlong] ?? 0);
        }
        out[across * stepAcross + along * stepAlong] = sum / total;
      }
    }
    return out;
  };
  return pass(pass(image, 1, side), side, 1);
}
