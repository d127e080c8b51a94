import { describe, expect, it } from 'vitest';
import { type Frame, unknownGeometry } from '../../../../src/contract/dicom.ts';
import {
  defaultPreprocessing,
  maskOnFrame,
  preprocess,
  preprocessMask,
} from '../../../../src/station/cohorts/preprocess.ts';

function frame(
  values: Int16Array<ArrayBuffer> | Uint8Array<ArrayBuffer>,
  shape: [number, number],
  more: Partial<Frame> = {},
): Frame {
  return {
    rows: shape[0],
    columns: shape[1],
    samples: 1,
    bits: values.BYTES_PER_ELEMENT * 8,
    signed: values instanceof Int16Array,
    photometric: 'MONOCHROME2',
    transferSyntax: '1.2.840.10008.1.2.1',
    pixels: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    rescaleSlope: 1,
    rescaleIntercept: 0,
    windowCenter: null,
    windowWidth: null,
    geometry: unknownGeometry,
    modality: 'CT',
    ...more,
  };
}

const square = (side: number) => ({ height: side, width: side, channels: 1 });
const imageValues = (one: Frame, shape: { height: number; width: number; channels: number }): Uint16Array =>
  preprocess([one], defaultPreprocessing('classification', shape, null));

describe('the values of an image', () => {
  it('shows CT from −1000 to 400 HU after the rescale', () => {
    const stored = Int16Array.of(-500, 0, 700, 1400, 9000, 0, 0, 0, 0);
    const values = imageValues(frame(stored, [3, 3], { rescaleIntercept: -1000 }), square(3));
    expect(Array.from(values.slice(0, 5))).toEqual([0, 0, 32768, 65535, 65535]);
  });

  it('inverts MONOCHROME1', () => {
    const values = imageValues(
      frame(Int16Array.of(-1000, 400, 400, 400), [2, 2], { photometric: 'MONOCHROME1' }),
      square(2),
    );
    expect([...values]).toEqual([65535, 0, 0, 0]);
  });

  it('shows other modalities from their 1st to their 99th percentile', () => {
    const stored = Int16Array.from({ length: 10_000 }, (_, index) => (index === 0 ? 30_000 : 100 + (index % 101)));
    const values = imageValues(frame(stored, [100, 100], { modality: 'MR' }), square(100));
    expect(values[0]).toBe(65535);
    expect(Math.max(...values.slice(1))).toBe(65535);
    expect(Math.min(...values)).toBe(0);
    expect(values[50]).toBeGreaterThan(30_000);
    expect(values[50]).toBeLessThan(35_000);
  });

  it('takes an image of one value as it is, without a division by nothing', () => {
    const values = imageValues(frame(new Int16Array(4).fill(5), [2, 2], { modality: 'MR' }), square(2));
    expect([...values]).toEqual([0, 0, 0, 0]);
  });

  it('turns colours to luminance', () => {
    const stored = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255);
    const values = imageValues(frame(stored, [2, 2], { samples: 3, photometric: 'RGB', modality: 'US' }), square(2));
    expect([...values].map((value) => Math.round((value / 65535) * 1000))).toEqual([299, 587, 114, 1000]);
  });

  it('turns the colours of a palette to luminance, not its indices', () => {
    // Red is 0, white 1, black 2, blue 3: the indices say nothing about brightness.
    const colors = Uint8Array.of(255, 0, 0, 255, 255, 255, 0, 0, 0, 0, 0, 255);
    const palette = { firstValue: 0, colors };
    const stored = Uint8Array.of(0, 1, 2, 3);
    const values = imageValues(
      frame(stored, [2, 2], { photometric: 'PALETTE COLOR', palette, modality: 'US' }),
      square(2),
    );
    expect([...values].map((value) => Math.round((value / 65535) * 1000))).toEqual([299, 1000, 0, 114]);
  });

  it('pads to the wanted aspect with black, centred, and keeps the mean where it shrinks', () => {
    const stored = new Int16Array(8 * 16).fill(400);
    const values = imageValues(frame(stored, [8, 16]), square(8));
    const rows = Array.from({ length: 8 }, (_, row) => values[row * 8 + 3]);
    expect(rows).toEqual([0, 0, 65535, 65535, 65535, 65535, 0, 0]);
    const checkers = Int16Array.from({ length: 64 }, (_, index) => ((index + (index >> 3)) % 2 === 0 ? -1000 : 400));
    expect(new Set(imageValues(frame(checkers, [8, 8]), square(4)))).toEqual(new Set([32768]));
  });

  it('averages by area where the sizes do not divide, and interpolates where it grows', () => {
    const flat = imageValues(frame(new Int16Array(49).fill(-300), [7, 7]), square(5));
    expect(new Set(flat)).toEqual(new Set([32768]));
    const ramp = imageValues(frame(Int16Array.of(-1000, 400, -1000, 400), [2, 2]), square(4));
    expect(Array.from(ramp.slice(0, 4))).toEqual([0, 16384, 49151, 65535]);
  });

  it('repeats a grey value in every channel', () => {
    const values = imageValues(frame(Int16Array.of(400), [1, 1]), { height: 1, width: 1, channels: 3 });
    expect([...values]).toEqual([65535, 65535, 65535]);
  });

  it('reads pixels that start at an odd address', () => {
    const bytes = Buffer.from(new ArrayBuffer(16), 1, 8);
    bytes.set(new Uint8Array(Int16Array.of(400, -1000, 400, -1000).buffer));
    const odd = { ...frame(new Int16Array(4), [2, 2]), pixels: bytes };
    expect([...imageValues(odd, square(2))]).toEqual([65535, 0, 65535, 0]);
  });

  it('refuses a frame with too few pixels', () => {
    expect(() => imageValues(frame(new Int16Array(3), [2, 2]), square(2))).toThrow(/fewer pixels/);
  });
});

const axial: Partial<Frame['geometry']> = {
  position: [0, 0, 0],
  orientation: [1, 0, 0, 0, 1, 0],
  pixelSpacingMm: [1, 1],
  spacingKind: 'patient',
};
const placed = (more: object): Frame['geometry'] => ({ ...unknownGeometry, ...axial, ...more });

describe('the canonical direction of slices', () => {
  // 1 2      the patient's right front and left front,
  // 3 4      right back and left back, as axial slices are shown.
  const views: [string, number[], number[]][] = [
    ['as it is shown', [1, 0, 0, 0, 1, 0], [1, 2, 3, 4]],
    ['mirrored, as NIfTI often has it', [-1, 0, 0, 0, -1, 0], [4, 3, 2, 1]],
    ['with rows and columns exchanged', [0, 1, 0, 1, 0, 0], [1, 3, 2, 4]],
    ['turned a quarter', [0, -1, 0, 1, 0, 0], [3, 1, 4, 2]],
  ];
  it.each(views)('turns an axial slice stored %s', (_, orientation, stored) => {
    const values = Int16Array.from(stored, (value) => value * 280 - 1_000);
    const image = imageValues(frame(values, [2, 2], { geometry: placed({ orientation }) }), square(2));
    expect(Array.from(image, (value) => Math.round(value / 13_107))).toEqual([1, 2, 3, 4]);
  });

  it('leaves a radiograph as it is stored, whatever orientation it tells', () => {
    const values = Int16Array.of(-720, -440, -160, 120);
    const geometry = placed({ orientation: [-1, 0, 0, 0, -1, 0], position: null });
    const image = imageValues(frame(values, [2, 2], { geometry }), square(2));
    expect(Array.from(image, (value) => Math.round(value / 13_107))).toEqual([1, 2, 3, 4]);
  });
});

describe('a mask', () => {
  const chain = defaultPreprocessing('segmentation', { height: 24, width: 24, channels: 1 }, 0.5);
  const geometry = placed({ orientation: [0, -1, 0, 1, 0, 0], pixelSpacingMm: [1, 1.25] });
  const [rows, columns] = [8, 9];
  const mask = Uint8Array.from({ length: rows * columns }, (_, at) =>
    Number(at % columns >= 2 && at % columns < 6 && at >= 2 * columns && at < 7 * columns),
  );
  const values = Int16Array.from(mask, (value) => value * 1_400 - 1_000);
  const image = frame(values, [rows, columns], { geometry });

  it('lies on what it marks after turning, resampling and padding', () => {
    const seen = preprocess([image], chain);
    const marked = preprocessMask(mask, image, chain);
    expect(marked.reduce((sum, value) => sum + value, 0)).toBe(4 * 2.5 * 5 * 2);
    // Only along the edge may an interpolated value fall on the other side of half.
    const differing = marked.filter((value, at) => seen[at]! > 32_768 !== (value === 1)).length;
    expect(differing).toBeLessThan(12);
  });

  it('comes back onto the matrix of its frame unchanged', () => {
    expect(maskOnFrame(preprocessMask(mask, image, chain), image, chain)).toEqual(mask);
  });

  it('is cut off with its image where the spacing asks for more than the network’s size', () => {
    const narrow = { ...chain, height: 8, width: 8 };
    const back = maskOnFrame(preprocessMask(mask, image, narrow), image, narrow);
    expect(back.every((value, at) => value <= mask[at]!)).toBe(true);
    expect(back.some((value) => value === 1)).toBe(true);
  });
});
