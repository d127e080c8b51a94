import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Frame, unknownGeometry } from '../../../../../src/contract/dicom.ts';
import { framePartBytes } from '../../../../../src/contract/frame-calls.ts';
import { largeFrames } from '../../../../../src/station/library/pixels/large-frames.ts';
import { withReducedCopies } from '../../../../../src/station/library/pixels/reduced-copies.ts';

/** 16-bit values of `valueAt`. */
function frameOf(rows: number, columns: number, valueAt: (at: number) => number, changes: Partial<Frame> = {}): Frame {
  const values = Uint16Array.from({ length: rows * columns }, (_, at) => valueAt(at));
  return {
    rows,
    columns,
    samples: 1,
    bits: 16,
    signed: false,
    photometric: 'MONOCHROME2',
    transferSyntax: '1.2.840.10008.1.2.1',
    pixels: new Uint8Array(values.buffer),
    rescaleSlope: 1,
    rescaleIntercept: 0,
    windowCenter: null,
    windowWidth: null,
    geometry: unknownGeometry,
    modality: 'DX',
    ...changes,
  };
}

const numbers = (pixels: Uint8Array): Uint16Array =>
  new Uint16Array(pixels.buffer, pixels.byteOffset, pixels.length / 2);
const [rows, columns] = [2_101, 2_003];
const large = frameOf(rows, columns, (at) => (at * 7) % 4_096);
const named = { sopInstanceUID: '1.2.3', frame: 1, colours: 'rgb' } as const;

describe('reduced copies', () => {
  it('are none of a frame that a screen holds', () => {
    expect(withReducedCopies(frameOf(512, 512, (at) => at)).reduced).toBeUndefined();
  });

  it('are means of four pixels, at an odd edge of those that there are, and halve until they are small', () => {
    const { reduced = [], range } = withReducedCopies(large);
    expect(reduced.map((copy) => [copy.rows, copy.columns])).toEqual([
      [1_051, 1_002],
      [526, 501],
      [263, 251],
    ]);
    expect(range).toEqual({ low: 0, high: 4_095 });
    const value = (row: number, column: number): number => ((row * columns + column) * 7) % 4_096;
    const half = numbers(reduced[0]!.pixels);
    expect(half[0]).toBe(Math.round((value(0, 0) + value(0, 1) + value(1, 0) + value(1, 1)) / 4));
    expect(half.at(-1)).toBe(value(rows - 1, columns - 1));
  });

  it('have no colour that the palette would not give, and tell the range without the padding', () => {
    const { reduced = [], range } = withReducedCopies({
      ...frameOf(rows, columns, (at) => (at % 3 === 0 ? 10 : 50)),
      photometric: 'PALETTE COLOR',
      padding: { first: 50, last: 60 },
    });
    expect(new Set(numbers(reduced[0]!.pixels))).toEqual(new Set([10, 50]));
    expect(range).toEqual({ low: 10, high: 10 });
  });
});

describe('a large frame', () => {
  afterEach(() => vi.useRealTimers());

  it('is told in parts that make the same bytes, and is decoded once', async () => {
    const frames = largeFrames();
    let decoded = 0;
    const decode = (): Promise<Frame> => {
      decoded += 1;
      return Promise.resolve(withReducedCopies(large));
    };
    const head = await frames.head(named, decode);
    expect(head.pixels).toHaveLength(0);
    expect(head.reduced?.map(({ pixels }) => pixels.length)).toEqual(
      [1_051, 526, 263].map((one, at) => one * [1_002, 501, 251][at]! * 2),
    );
    const bytes = new Uint8Array(large.pixels.length);
    for (let from = 0; from < bytes.length; from += framePartBytes)
      bytes.set(await frames.part({ ...named, copy: 0, from }, decode), from);
    expect(Buffer.compare(bytes, large.pixels)).toBe(0);
    expect(decoded).toBe(1);
    await expect(frames.part({ ...named, copy: 9, from: 0 }, decode)).rejects.toMatchObject({ code: 162 });
  });

  it('is kept from the answer on, however long its decoding took, and forgotten when nobody asks any more', async () => {
    vi.useFakeTimers();
    const frames = largeFrames();
    let decoded = 0;
    const decode = async (): Promise<Frame> => {
      decoded += 1;
      await vi.advanceTimersByTimeAsync(18_000);
      return withReducedCopies(large);
    };
    await frames.head(named, decode);
    await frames.part({ ...named, copy: 0, from: 0 }, decode);
    await vi.advanceTimersByTimeAsync(10_000);
    await frames.part({ ...named, copy: 0, from: framePartBytes }, decode);
    expect(decoded).toBe(1);
    await vi.advanceTimersByTimeAsync(16_000);
    await frames.part({ ...named, copy: 0, from: 0 }, decode);
    expect(decoded).toBe(2);
  });

  it('is asked for again while it is on its way, which may be more urgent then', async () => {
    const frames = largeFrames();
    let asked = 0;
    const decode = (): Promise<Frame> => {
      asked += 1;
      return Promise.resolve(frameOf(4, 4, (at) => at));
    };
    const both = await Promise.all([frames.head(named, decode), frames.head(named, decode)]);
    expect(asked).toBe(2);
    expect(both.map(({ pixels }) => pixels.length)).toEqual([32, 32]);
  });
});
