// A small canvas in Hounsfield units on which a phantom is painted, shape over shape, with soft edges.
// Coordinates are millimetres from the image centre: x towards the patient's left, y towards the back.

export interface Blob {
  x: number;
  y: number;
  radiusX: number;
  radiusY: number;
  /** Radians. */
  rotation?: number;
  /** Irregular outline: relative amplitude and phase of the 2nd, 3rd, … harmonic. */
  harmonics?: readonly { amplitude: number; phase: number }[];
}

/** For each pixel the share (0…1) that a shape covers. */
export type Mask = Float32Array;

export class Canvas {
  readonly side: number;
  readonly pixelMm: number;
  readonly values: Float32Array;
  readonly #shares: Float32Array;

  constructor(side: number, pixelMm: number, background: number) {
    this.side = side;
    this.pixelMm = pixelMm;
    this.values = new Float32Array(side * side).fill(background);
    this.#shares = new Float32Array(side * side);
  }

  /** Covers `blob` with `hu`, only where `within` lets it. */
  paint(blob: Blob, hu: number, within?: Mask, opacity = 1): void {
    const { values, side } = this;
    const box = this.#cover(blob);
    for (let row = box.top; row <= box.bottom; row += 1) {
      for (let index = row * side + box.left; index <= row * side + box.right; index += 1) {
        const share = this.#shares[index] as number;
        if (share === 0) continue;
        const weight = opacity * share * (within === undefined ? 1 : (within[index] as number));
        const old = values[index] as number;
        values[index] = old + (hu - old) * weight;
      }
    }
  }

  /** Covers what a mask shows with `hu`. */
  paintMask(mask: Mask, hu: number): void {
    for (let index = 0; index < mask.length; index += 1) {
      const share = mask[index] ?? 0;
      if (share === 0) continue;
      const old = this.values[index] ?? 0;
      this.values[index] = old + (hu - old) * share;
    }
  }

  maskOf(blob: Blob): Mask {
    const mask = new Float32Array(this.values.length);
    const { top, bottom, left, right } = this.#cover(blob);
    for (let row = top; row <= bottom; row += 1) {
      const from = row * this.side + left;
      mask.set(this.#shares.subarray(from, row * this.side + right + 1), from);
    }
    return mask;
  }

  /** Position of a pixel's centre in millimetres. */
  positionOf(index: number): { x: number; y: number } {
    const middle = (this.side - 1) / 2;
    return {
      x: ((index % this.side) - middle) * this.pixelMm,
      y: (Math.floor(index / this.side) - middle) * this.pixelMm,
    };
  }

  /** Writes what `blob` covers to `#shares`, valid inside the box returned until the next call. */
  #cover(blob: Blob): { top: number; bottom: number; left: number; right: number } {
    const { side, pixelMm } = this;
    const middle = (side - 1) / 2;
    const cos = Math.cos(blob.rotation ?? 0);
    const sin = Math.sin(blob.rotation ?? 0);
    const harmonics = blob.harmonics ?? [];
    const unevenness = harmonics.reduce((sum, { amplitude }) => sum + amplitude, 0);
    const reach = Math.max(blob.radiusX, blob.radiusY) * (1 + unevenness) + pixelMm;
    const low = (centre: number): number => Math.max(0, Math.floor((centre - reach) / pixelMm + middle));
    const high = (centre: number): number => Math.min(side - 1, Math.ceil((centre + reach) / pixelMm + middle));
    // One pixel of transition, measured along the smaller radius: a partial-volume edge.
    const edge = pixelMm / Math.max(pixelMm, Math.min(blob.radiusX, blob.radiusY));
    // Only in the ring where the outline runs does its exact course matter.
    const surelyInside = Math.max(0, 1 - unevenness - edge) ** 2;
    const surelyOutside = (1 + unevenness + edge) ** 2;
    const box = { top: low(blob.y), bottom: high(blob.y), left: low(blob.x), right: high(blob.x) };
    const shares = this.#shares;
    for (let row = box.top; row <= box.bottom; row += 1) {
      const dy = (row - middle) * pixelMm - blob.y;
      for (let column = box.left; column <= box.right; column += 1) {
        const dx = (column - middle) * pixelMm - blob.x;
        const u = (dx * cos + dy * sin) / blob.radiusX;
        const v = (dy * cos - dx * sin) / blob.radiusY;
        const squared = u * u + v * v;
        if (squared > surelyOutside) {
          shares[row * side + column] = 0;
          continue;
        }
        if (squared < surelyInside) {
          shares[row * side + column] = 1;
          continue;
        }
        let limit = 1;
        const angle = harmonics.length > 0 ? Math.atan2(v, u) : 0;
        for (let order = 0; order < harmonics.length; order += 1) {
          const harmonic = harmonics[order];
          if (harmonic !== undefined) limit += harmonic.amplitude * Math.cos((order + 2) * angle + harmonic.phase);
        }
        const share = (limit - Math.sqrt(squared)) / edge + 0.5;
        shares[row * side + column] = Math.min(1, Math.max(0, share));
      }
    }
    return box;
  }
}

/** The part of `mask` that `other` does not cover. */
export function without(mask: Mask, other: Mask): Mask {
  return mask.map((share, index) => share * (1 - (other[index] ?? 0)));
}
