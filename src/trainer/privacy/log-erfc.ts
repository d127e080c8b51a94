// The logarithm of the complementary error function, right also where erfc itself is too small for a number.

const seriesBound = 2.5;
const sqrtPi = Math.sqrt(Math.PI);

/** ln erfc(x), to about 13 digits. */
export function logErfc(x: number): number {
  if (x > seriesBound) return -x * x + Math.log(scaledTail(x));
  if (x < -seriesBound) return Math.log(2 - Math.exp(-x * x) * scaledTail(-x));
  return Math.log(1 - erfSeries(x));
}

/** erf(x) = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (2n+1)!! (Abramowitz & Stegun 7.1.6): terms of one sign, no cancellation. */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n += 1) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / sqrtPi) * Math.exp(-x * x) * sum;
}

/** e^(x²) · erfc(x) for x > 0 by its continued fraction (Abramowitz & Stegun 7.1.14), evaluated from its end. */
function scaledTail(x: number): number {
  let value = x;
  for (let k = 120; k >= 1; k -= 1) value = x + k / 2 / value;
  return 1 / (sqrtPi * value);
}
