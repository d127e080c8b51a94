// From coefficients to samples: dequantised, transformed (ISO/IEC 10918-1 A.3.3), level-shifted, chrominance repeated.
import type { ComponentBlocks } from './dct-coefficients.ts';
import type { JpegHeader } from './markers.ts';

const zigzag = [
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47,
  55, 62, 63,
] as const;

/** cosines[x * 8 + u] = C(u)/2 · cos((2x + 1)uπ/16) */
const cosines = Float64Array.from({ length: 64 }, (_, index) => {
  const x = index >> 3;
  const u = index & 7;
  return (u === 0 ? Math.SQRT1_2 : 1) * 0.5 * Math.cos(((2 * x + 1) * u * Math.PI) / 16);
});

/** Samples of all components interleaved by pixel, unsigned and clamped to the precision. */
export function dctSamples(blocks: readonly ComponentBlocks[], header: JpegHeader): Uint16Array<ArrayBuffer> {
  const { rows, columns, precision } = header;
  const widest = Math.max(...blocks.map(({ component }) => component.horizontal));
  const tallest = Math.max(...blocks.map(({ component }) => component.vertical));
  const out = new Uint16Array(rows * columns * blocks.length);
  blocks.forEach((own, place) => {
    const plane = componentPlane(own, precision);
    const width = own.stride * 8;
    const { horizontal, vertical } = own.component;
    for (let row = 0; row < rows; row += 1) {
      const from = Math.floor((row * vertical) / tallest) * width;
      let to = row * columns * blocks.length + place;
      for (let column = 0; column < columns; column += 1, to += blocks.length) {
        out[to] = plane[from + Math.floor((column * horizontal) / widest)]!;
      }
    }
  });
  return out;
}

function componentPlane({ coefficients, quantisation, stride }: ComponentBlocks, precision: number): Uint16Array {
  const plane = new Uint16Array(coefficients.length);
  const block = new Float64Array(64);
  const halfway = new Float64Array(64);
  const middle = 1 << (precision - 1);
  const most = (1 << precision) - 1;
  const factors = quantisation!;
  for (let at = 0; at < coefficients.length; at += 64) {
    block.fill(0);
    let last = 0;
    for (let index = 0; index < 64; index += 1) {
      const coefficient = coefficients[at + index]!;
      if (coefficient === 0) continue;
      block[zigzag[index]!] = coefficient * factors[index]!;
      last = index;
    }
    const number = at / 64;
    const corner = Math.floor(number / stride) * stride * 64 + (number % stride) * 8;
    if (last === 0) {
      const value = clamped(block[0]! / 8 + middle, most);
      for (let y = 0; y < 8; y += 1) plane.fill(value, corner + y * stride * 8, corner + y * stride * 8 + 8);
      continue;
    }
    transform(block, halfway);
    for (let index = 0; index < 64; index += 1) {
      plane[corner + (index >> 3) * stride * 8 + (index & 7)] = clamped(block[index]! + middle, most);
    }
  }
  return plane;
}

/** Rows, then columns; `block` holds the result. */
function transform(block: Float64Array, halfway: Float64Array): void {
  for (let v = 0; v < 8; v += 1) {
    for (let x = 0; x < 8; x += 1) {
      let sum = 0;
      for (let u = 0; u < 8; u += 1) sum += cosines[x * 8 + u]! * block[v * 8 + u]!;
      halfway[v * 8 + x] = sum;
    }
  }
  for (let x = 0; x < 8; x += 1) {
    for (let y = 0; y < 8; y += 1) {
      let sum = 0;
      for (let v = 0; v < 8; v += 1) sum += cosines[y * 8 + v]! * halfway[v * 8 + x]!;
      block[y * 8 + x] = sum;
    }
  }
}

const clamped = (value: number, most: number): number => Math.max(0, Math.min(most, Math.round(value)));
