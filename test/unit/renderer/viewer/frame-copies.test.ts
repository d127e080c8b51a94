// What is painted of a large frame.
import { describe, expect, test } from 'vitest';
import { type Frame, unknownGeometry } from '../../../../src/contract/dicom.ts';
import { copyFor, ShownParts } from '../../../../src/renderer/viewer/frame-copies.ts';
import { filling } from '../../../../src/renderer/viewer/frame-filling.ts';
import { placementOf, wholeImage } from '../../../../src/renderer/viewer/placement.ts';

const side = 4_096;
/** 8 bits: each pixel tells its column's last bits. */
const row = Uint8Array.from({ length: side }, (_, at) => at);
const pixels = new Uint8Array(side * side);
for (let at = 0; at < side; at += 1) pixels.set(row, at * side);

const copyOf = (size: number): { rows: number; columns: number; pixels: Uint8Array<ArrayBuffer> } => ({
  rows: size,
  columns: size,
  pixels: new Uint8Array(size * size),
});
const whole: Frame = {
  rows: side,
  columns: side,
  samples: 1,
  bits: 8,
  signed: false,
  photometric: 'MONOCHROME2',
  transferSyntax: '1.2.840.10008.1.2.1',
  pixels,
  reduced: [copyOf(2_048), copyOf(1_024), copyOf(512)],
  rescaleSlope: 1,
  rescaleIntercept: 0,
  windowCenter: null,
  windowWidth: null,
  geometry: unknownGeometry,
  modality: 'MG',
};
const none = new Uint8Array(0);
const viewport = { width: 800, height: 800 };

function placed(zoom: number): ReturnType<typeof placementOf> {
  const image = { columns: side, rows: side, pixel: { width: 1, height: 1 } };
  return placementOf(image, { ...wholeImage, zoom }, viewport);
}

describe('of a large frame', () => {
  test('the screen is shown the smallest copy that has a pixel for each of its own', () => {
    expect([1, 0.6, 0.5, 0.3, 0.25, 0.2, 0.01].map((scale) => copyFor(whole, scale).scale)).toEqual([
      1, 1, 2, 2, 4, 4, 8,
    ]);
  });

  test('the best copy that is here stands for one that is not', () => {
    const head = { ...whole, pixels: none, reduced: [{ ...copyOf(2_048), pixels: none }, ...whole.reduced!.slice(1)] };
    expect(copyFor(head, 1).scale).toBe(4);
  });

  test('no more is painted than the viewport shows, and the pixels of that place', () => {
    const parts = new ShownParts();
    expect(parts.of(whole, placed(1).matrix, viewport, 1)).toMatchObject({
      scale: 4,
      left: 0,
      frame: { columns: 1_024 },
    });
    const { matrix } = placed(side / 800);
    const part = parts.of(whole, matrix, viewport, 1);
    expect(part).toMatchObject({ scale: 1, left: 1_536, top: 1_536, frame: { columns: 1_024, rows: 1_024 } });
    expect(part?.frame.pixels[5]).toBe((1_536 + 5) & 255);
    // A little aside: the same part at another place.
    const [a, b, c, d, e, f] = matrix;
    expect(parts.of(whole, [a, b, c, d, e + 9, f - 4], viewport, 1)?.frame).toBe(part?.frame);
    expect(parts.of(whole, [a, b, c, d, e + 9_000, f], viewport, 1)).toBeNull();
  });

  test('what is missing is fetched part by part, small copies first; nothing more once nobody wants it', async () => {
    const head = { ...whole, pixels: none, reduced: [{ ...copyOf(2_048), pixels: none }, ...whole.reduced!.slice(1)] };
    const asked: string[] = [];
    const from = async (copy: number, at: number): Promise<Uint8Array> => {
      asked.push(`${copy} ${at}`);
      return (copy === 0 ? pixels : whole.reduced![copy - 1]!.pixels).subarray(at, at + 8 * 2 ** 20);
    };
    const seen: Frame[] = [];
    for await (const frame of filling(head, from)) seen.push(frame);
    expect(asked).toEqual(['1 0', '0 0', '0 8388608']);
    expect(seen.map((frame) => copyFor(frame, 1).scale)).toEqual([2, 1]);
    expect(Buffer.compare(seen[1]!.pixels, pixels)).toBe(0);
    for await (const frame of filling(head, async () => null)) expect(frame).toBeNull();
  });
});
