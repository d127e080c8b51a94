// How alike two pictures look: mean structural similarity (Wang et al. 2004, DOI 10.1109/TIP.2003.819861) over square
// windows, of values 0…1. 1 is the same picture, 0 nothing in common.

const windowSide = 8;
const stride = 4;
const brightnessGuard = 0.01 ** 2;
const contrastGuard = 0.03 ** 2;

/** @param a row-major [height, width, channels]; all channels count alike */
export function structuralSimilarity(
  a: Float32Array,
  b: Float32Array,
  { height, width, channels }: { readonly height: number; readonly width: number; readonly channels: number },
): number {
  const side = Math.min(windowSide, height, width);
  let total = 0;
  let windows = 0;
  for (let top = 0; top + side <= height; top += stride) {
    for (let left = 0; left + side <= width; left += stride) {
      for (let channel = 0; channel < channels; channel += 1) {
        let [sumA, sumB, squareA, squareB, product] = [0, 0, 0, 0, 0];
        for (let y = top; y < top + side; y += 1) {
          for (let x = left; x < left + side; x += 1) {
            const place = (y * width + x) * channels + channel;
            const [first, second] = [a[place]!, b[place]!];
            sumA += first;
            sumB += second;
            squareA += first * first;
            squareB += second * second;
            product += first * second;
          }
        }
        const count = side * side;
        const [meanA, meanB] = [sumA / count, sumB / count];
        const varianceA = squareA / count - meanA * meanA;
        const varianceB = squareB / count - meanB * meanB;
        const covariance = product / count - meanA * meanB;
        const brightness = (2 * meanA * meanB + brightnessGuard) / (meanA * meanA + meanB * meanB + brightnessGuard);
        const structure = (2 * covariance + contrastGuard) / (varianceA + varianceB + contrastGuard);
        total += brightness * structure;
        windows += 1;
      }
    }
  }
  return total / windows;
}
