import { describe, expect, it } from 'vitest';
import type { Frame } from '../../../../../src/contract/dicom.ts';
import { dctCoefficients } from '../../../../../src/station/library/pixels/jpeg/dct-coefficients.ts';
import { dctSamples } from '../../../../../src/station/library/pixels/jpeg/dct-samples.ts';
import { jpegHeader } from '../../../../../src/station/library/pixels/jpeg/markers.ts';
import { readFrame } from '../../../../../src/station/library/pixels/read-frame.ts';
import { dicomFile, encoded, picture, syntaxes } from './dicom-files.ts';
import { categoryOf, EntropyWriter, evenTable } from './entropy-writer.ts';

const zigzag = Array.from({ length: 64 }, (_, index) => [index >> 3, index & 7] as const).sort(([a, b], [c, d]) => {
  const [first, second] = [a + b, c + d];
  if (first !== second) return first - second;
  return first % 2 === 0 ? b - d : a - c;
});

interface DctOptions {
  readonly rows: number;
  readonly columns: number;
  readonly precision: 8 | 12;
  /** Every coefficient is divided by it: 1 loses next to nothing. */
  readonly step: number;
  readonly restartBlocks?: number;
}

/** A sequential JPEG of one component, with the transform computed as the standard writes it (A.3.3). */
function dctJpeg(
  values: ArrayLike<number>,
  { rows, columns, precision, step, restartBlocks = 0 }: DctOptions,
): Uint8Array {
  const writer = new EntropyWriter();
  writer.segment(0xdb, [0, ...Array.from({ length: 64 }, () => step)]);
  writer.segment(0xc1, [precision, rows >> 8, rows & 255, columns >> 8, columns & 255, 1, 1, 0x11, 0]);
  writer.segment(
    0xc4,
    evenTable(
      0,
      5,
      Array.from({ length: 17 }, (_, index) => index),
    ),
  );
  writer.segment(
    0xc4,
    evenTable(
      0x10,
      9,
      Array.from({ length: 255 }, (_, index) => index),
    ),
  );
  if (restartBlocks > 0) writer.segment(0xdd, [0, restartBlocks]);
  writer.segment(0xda, [1, 1, 0, 0, 63, 0]);
  const valueAt = (y: number, x: number): number =>
    values[Math.min(y, rows - 1) * columns + Math.min(x, columns - 1)]! - 2 ** (precision - 1);
  let last = 0;
  let block = 0;
  for (let y = 0; y < rows; y += 8) {
    for (let x = 0; x < columns; x += 8) {
      if (restartBlocks > 0 && block > 0 && block % restartBlocks === 0) {
        writer.flush();
        writer.bytes.push(0xff, 0xd0 + ((block / restartBlocks - 1) % 8));
        last = 0;
      }
      block += 1;
      const coefficients = zigzag.map(([v, u]) =>
        Math.round(coefficient((j, i) => valueAt(y + j, x + i), v, u) / step),
      );
      const difference = coefficients[0]! - last;
      last = coefficients[0]!;
      writer.put(categoryOf(difference), 5);
      writer.putSigned(difference, categoryOf(difference));
      writeAc(writer, coefficients);
    }
  }
  return writer.finish();
}

function coefficient(value: (y: number, x: number) => number, v: number, u: number): number {
  let sum = 0;
  for (let y = 0; y < 8; y += 1) {
    for (let x = 0; x < 8; x += 1) {
      sum += value(y, x) * Math.cos(((2 * x + 1) * u * Math.PI) / 16) * Math.cos(((2 * y + 1) * v * Math.PI) / 16);
    }
  }
  return (sum / 4) * (u === 0 ? Math.SQRT1_2 : 1) * (v === 0 ? Math.SQRT1_2 : 1);
}

function writeAc(writer: EntropyWriter, coefficients: readonly number[]): void {
  let zeros = 0;
  for (const value of coefficients.slice(1)) {
    if (value === 0) {
      zeros += 1;
      continue;
    }
    for (; zeros > 15; zeros -= 16) writer.put(0xf0, 9);
    writer.put((zeros << 4) | categoryOf(value), 9);
    writer.putSigned(value, categoryOf(value));
    zeros = 0;
  }
  if (zeros > 0) writer.put(0, 9);
}

function furthest(options: DctOptions): number {
  const values = picture(options.rows, options.columns, 1, options.precision);
  const bytes = dctJpeg(values, options);
  const header = jpegHeader(bytes);
  const decoded = dctSamples(dctCoefficients(bytes, header), header);
  expect(decoded).toHaveLength(values.length);
  return decoded.reduce((most, value, index) => Math.max(most, Math.abs(value - values[index]!)), 0);
}

describe('DCT JPEG', () => {
  it.each([8, 12] as const)('returns %i-bit values within rounding where nothing was quantised away', (precision) => {
    expect(furthest({ rows: 33, columns: 50, precision, step: 1 })).toBeLessThanOrEqual(2);
  });

  it('loses no more than its quantisation', () => {
    expect(furthest({ rows: 24, columns: 24, precision: 12, step: 40 })).toBeLessThanOrEqual(8 * 20);
  });

  it('begins anew after restart markers', () => {
    expect(furthest({ rows: 33, columns: 50, precision: 12, step: 1, restartBlocks: 3 })).toBeLessThanOrEqual(2);
  });

  it.each([8, 12] as const)('of %i bits is whole without its end marker, and no shorter', async (bits) => {
    const shape = { rows: 16, columns: 24 };
    const values = picture(16, 24, 1, bits);
    const whole =
      bits === 8
        ? await encoded('jpeg', values, { ...shape, samples: 1, bits })
        : dctJpeg(values, { ...shape, precision: bits, step: 1 });
    const read = (bytes: Uint8Array): Promise<Frame> => {
      const bitsAllocated = bits === 8 ? 8 : 16;
      const file = { ...shape, syntax: syntaxes.jpegBaseline, bitsAllocated, bitsStored: bits };
      return readFrame(dicomFile({ ...file, pixels: [bytes] }), 1);
    };
    expect((await read(whole.subarray(0, -2))).pixels).toEqual((await read(whole)).pixels);
    for (const missing of [12, 60])
      await expect(read(whole.subarray(0, -missing))).rejects.toThrow(/cannot be decoded/);
  });

  it('is refused where it breaks off', () => {
    const whole = dctJpeg(picture(16, 16, 1, 12), { rows: 16, columns: 16, precision: 12, step: 1 });
    const read = (bytes: Uint8Array): unknown => dctCoefficients(bytes, jpegHeader(bytes));
    for (let length = 0; length < whole.length - 4; length += 5) {
      expect(() => read(whole.subarray(0, length)), `cut at ${length}`).toThrow(/cannot be decoded/);
    }
  });
});
