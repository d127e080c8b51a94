// A smooth random bending of an image: normal displacements on a coarse grid, interpolated between (after Simard et al.,
// ICDAR 2003; the coarse grid in place of a Gaussian filter, as in Ronneberger et al., arXiv 1505.04597).
import type { Random } from './random.ts';

/** Cells of the coarse grid along each side. */
const cells = 4;
/** Of the displacements, as a share of the side: with cells of a quarter of the side, nothing folds over within three of them. */
const stdDevShare = 0.02;

export interface Displacement {
  /** Pixels, row-major H×W. */
  readonly down: Float32Array;
  readonly right: Float32Array;
}

/** Displacements of every pixel of an image of this size; edges of the image move as the rest does. */
export function elasticDisplacement(height: number, width: number, random: Random): Displacement {
  const field = (side: number): Float32Array => {
    const nodes = Float32Array.from({ length: (cells + 1) ** 2 }, () => normal(random) * stdDevShare * side);
    const out = new Float32Array(height * width);
    for (let row = 0; row < height; row += 1) {
      const y = (row * cells) / Math.max(1, height - 1);
      const top = Math.min(cells - 1, y | 0);
      const below = smooth(y - top);
      for (let column = 0; column < width; column += 1) {
        const x = (column * cells) / Math.max(1, width - 1);
        const left = Math.min(cells - 1, x | 0);
        const beside = smooth(x - left);
        const at = top * (cells + 1) + left;
        const over = nodes[at]! + (nodes[at + 1]! - nodes[at]!) * beside;
        const under = nodes[at + cells + 1]! + (nodes[at + cells + 2]! - nodes[at + cells + 1]!) * beside;
        out[row * width + column] = over + (under - over) * below;
      }
    }
    return out;
  };
  return { down: field(height), right: field(width) };
}

/** Level at both ends, so that cells join without a crease. */
const smooth = (share: number): number => share * share * (3 - 2 * share);

/** At most three standard deviations. */
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()));
  return Math.max(-3, Math.min(3, radius * Math.cos(2 * Math.PI * random.uniform())));
}
