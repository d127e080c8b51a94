import { expect, test } from 'vitest';
import { type Frame, unknownGeometry } from '../../../src/contract/dicom.ts';
import {
  initialWindow,
  modalityValueAt,
  storedValues,
  type VoiWindow,
} from '../../../src/renderer/viewer/window-level.ts';
import { GreyTable, paintedPixels, paintPixels } from '../../../src/renderer/viewer/painted-pixels.ts';

function frameOf(values: Int16Array | Uint8Array, changes: Partial<Frame> = {}): Frame {
  return {
    rows: 1,
    columns: values.length,
    samples: 1,
    bits: values.BYTES_PER_ELEMENT * 8,
    signed: values instanceof Int16Array,
    photometric: 'MONOCHROME2',
    transferSyntax: '1.2.840.10008.1.2.1',
    pixels: Uint8Array.from(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
    rescaleSlope: 1,
    rescaleIntercept: 0,
    windowCenter: null,
    windowWidth: null,
    geometry: unknownGeometry,
    modality: 'CT',
    ...changes,
  };
}

/** Red of each pixel: in a grey image all three are the same. */
function reds(pixels: Uint8ClampedArray): number[] {
  return [...pixels].filter((_, index) => index % 4 === 0);
}

test('a CT in Hounsfield units is windowed by the linear function of PS3.3 C.11.2.1.2.1', () => {
  const frame = frameOf(Int16Array.from([-1000, 824, 1024, 1074, 1225, 3000]), { rescaleIntercept: -1024 });
  const width = 400;
  const center = 50;
  const expected = [-1000, 824, 1024, 1074, 1225, 3000].map((stored) => {
    const value = stored - 1024;
    if (value <= center - 0.5 - (width - 1) / 2) return 0;
    if (value > center - 0.5 + (width - 1) / 2) return 255;
    return Math.round(((value - (center - 0.5)) / (width - 1) + 0.5) * 255);
  });
  expect(reds(paintedPixels(frame, { center, width }, false))).toEqual(expected);
});

test('MONOCHROME1 is shown with its lowest value white, and inverting turns it round', () => {
  const frame = frameOf(Uint8Array.from([0, 255]), { photometric: 'MONOCHROME1' });
  const window = { center: 128, width: 256 };
  expect(reds(paintedPixels(frame, window, false))).toEqual([255, 0]);
  expect(reds(paintedPixels(frame, window, true))).toEqual([0, 255]);
});

test('every painted pixel is opaque', () => {
  const pixels = paintedPixels(frameOf(Uint8Array.from([0, 9, 200])), { center: 100, width: 50 }, false);
  expect([...pixels].filter((_, index) => index % 4 === 3)).toEqual([255, 255, 255]);
});

test('the window of the file is taken first, and the range of the values where there is none', () => {
  const values = Int16Array.from([-1000, 0, 1000]);
  expect(initialWindow(frameOf(values, { windowCenter: 40, windowWidth: 80 }))).toMatchObject({
    center: 40,
    width: 80,
  });
  expect(initialWindow(frameOf(values))).toMatchObject({ center: 0, width: 2000 });
  expect(initialWindow(frameOf(Int16Array.from([7, 7]))).center).toBe(7);
});

test('samples that do not lie on an even byte are read all the same', () => {
  const bytes = new Uint8Array(5);
  bytes.set([0x34, 0x12, 0xff, 0xff], 1);
  const frame = frameOf(Int16Array.from([0, 0]), { pixels: bytes.subarray(1) });
  expect([...storedValues(frame)]).toEqual([0x1234, -1]);
});

test('a palette colours values, and those outside take its first and last colour', () => {
  const palette = { firstValue: 10, colors: Uint8Array.from([255, 0, 0, 0, 255, 0]) };
  const frame = frameOf(Uint8Array.from([3, 10, 11, 99]), { photometric: 'PALETTE COLOR', palette });
  const pixels = paintedPixels(frame, { center: 128, width: 256 }, false);
  expect([...pixels].filter((_, index) => index % 4 < 2)).toEqual([255, 0, 255, 0, 0, 255, 0, 255]);
});

test('colour samples keep their order', () => {
  const frame = frameOf(Uint8Array.from([10, 20, 30]), { columns: 1, samples: 3, photometric: 'RGB' });
  expect([...paintedPixels(frame, initialWindow(frame), false)]).toEqual([10, 20, 30, 255]);
});

test('the value under the pointer is in modality units, and nothing outside of the image', () => {
  const frame = frameOf(Int16Array.from([100, 200]), { rescaleSlope: 2, rescaleIntercept: -1024 });
  expect(modalityValueAt(frame, 1, 0)).toBe(-624);
  expect(modalityValueAt(frame, 2, 0)).toBeNull();
  expect(modalityValueAt(frame, -1, 0)).toBeNull();
});

test('a table of greys kept from frame to frame forgets what another window, scale or kind of value showed', () => {
  const table = new GreyTable();
  const painted = (frame: Frame, window: VoiWindow): number[] => {
    const pixels = new Uint32Array(frame.rows * frame.columns);
    paintPixels(pixels, table, { frame, window, isInverted: false });
    return [...pixels].map((pixel) => pixel & 0xff);
  };
  const frame = frameOf(Int16Array.from([-100, 0, 100]));
  const window = { center: 0, width: 200, function: 'LINEAR_EXACT' } as const;
  expect(painted(frame, window)).toEqual([0, 128, 255]);
  expect(painted(frame, { ...window, width: 400 })).toEqual([64, 128, 191]);
  expect(painted({ ...frame, rescaleIntercept: 100 }, window)).toEqual([128, 255, 255]);
  expect(painted({ ...frame, signed: false }, window)).toEqual([255, 128, 255]);
  expect(painted({ ...frame, photometric: 'MONOCHROME1' }, window)).toEqual([255, 127, 0]);
});
