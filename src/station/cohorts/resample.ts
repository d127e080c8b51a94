// Separable resampling of one row-major image.

/** The mean over the covered area where it shrinks, linear between centres where it grows. */
export function resample(
  values: Float32Array,
  rows: number,
  columns: number,
  height: number,
  width: number,
): Float32Array {
  if (rows === height && columns === width) return values;
  const across = tapsOf(columns, width);
  const narrow = new Float32Array(rows * width);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const { start, weights } = across[column]!;
      let sum = 0;
      for (let tap = 0; tap < weights.length; tap += 1) sum += weights[tap]! * values[row * columns + start + tap]!;
      narrow[row * width + column] = sum;
    }
  }
  const out = new Float32Array(height * width);
  tapsOf(rows, height).forEach(({ start, weights }, row) => {
    for (let tap = 0; tap < weights.length; tap += 1) {
      const weight = weights[tap]!;
      const from = (start + tap) * width;
      for (let column = 0; column < width; column += 1) out[row * width + column]! += weight * narrow[from + column]!;
    }
  });
  return out;
}

/** For each of `to` places the nearest of `from`, by their centres. */
export function nearestOf(from: number, to: number): Int32Array {
  return Int32Array.from({ length: to }, (_, index) => Math.min(from - 1, Math.floor(((index + 0.5) * from) / to)));
}

interface Taps {
  start: number;
  weights: number[];
}

function tapsOf(from: number, to: number): Taps[] {
  const step = from / to;
  return Array.from({ length: to }, (_, index) =>
    step > 1 ? areaTaps(index * step, step, from) : linearTaps((index + 0.5) * step - 0.5, from),
  );
}

function areaTaps(begin: number, length: number, from: number): Taps {
  const start = Math.floor(begin);
  const end = Math.min(from, Math.ceil(begin + length - 1e-9));
  const weights = Array.from({ length: end - start }, (_, tap) => {
    const covered = Math.min(begin + length, start + tap + 1) - Math.max(begin, start + tap);
    return covered / length;
  });
  return { start, weights };
}

function linearTaps(centre: number, from: number): Taps {
  const clamped = Math.min(from - 1, Math.max(0, centre));
  const start = Math.min(Math.floor(clamped), Math.max(0, from - 2));
  const share = clamped - start;
  return { start, weights: from === 1 ? [1] : [1 - share, share] };
}
