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

  constructor(side: number, pixelMm: number, background: number) {
    this.side = side;
    this.pixelMm = pixelMm;
    this.values = new Float32Array(side * side).fill(background);
  }

  /** Covers `blob` with `hu`, only where `within` lets it. */
  paint(blob: Blob, hu: number, within?: Mask, opacity = 1): void {
    this.#cover(blob, (index, share) => {
      const weight = opacity * share * (within === undefined ? 1 : (within[index] ?? 0));
      const old = this.values[index] ?? 0;
      this.values[index] = old + (hu - old) * weight;
    });
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
    this.#cover(blob, (index, share) => {
      mask[index] = share;
    });
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

  #cover(blob: Blob, visit: (index: number, share: number) => void): void {
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
    for (let row = low(blob.y); row <= high(blob.y); row += 1) {
      const dy = (row - middle) * pixelMm - blob.y;
      for (let column = low(blob.x); column <= high(blob.x); column += 1) {
        const dx = (column - middle) * pixelMm - blob.x;
        const u = (dx * cos + dy * sin) / blob.radiusX;
        const v = (dy * cos - dx * sin) / blob.radiusY;
        const squared = u * u + v * v;
        if (squared > surelyOutside) continue;
        if (squared < surelyInside) {
          visit(row * side + column, 1);
          continue;
        }
        let limit = 1;
        const angle = harmonics.length > 0 ? Math.atan2(v, u) : 0;
        for (let order = 0; order < harmonics.length; order += 1) {
          const harmonic = harmonics[order];
          if (harmonic !== undefined) limit += harmonic.amplitude * Math.cos((order + 2) * angle + harmonic.phase);
        }
        const share = (limit - Math.sqrt(squared)) / edge + 0.5;
        if (share > 0) visit(row * side + column, Math.min(1, share));
      }
    }
  }
}

/** The part of `mask` that `other` does not cover. */
export function without(mask: Mask, other: Mask): Mask {
  return mask.map((share, index) => share * (1 - (other[index] ?? 0)));
}
