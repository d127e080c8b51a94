// What the window paints beside what the station shows of the same frame.
import { describe, expect, test } from 'vitest';
import { type Frame, unknownGeometry } from '../../../../src/contract/dicom.ts';
import { paintedPixels } from '../../../../src/renderer/viewer/painted-pixels.ts';
import { shownValues } from '../../../../src/renderer/viewer/shown-values.ts';
import { rangeWindow, windowEnds } from '../../../../src/renderer/viewer/window-level.ts';
import { displayFrame } from '../../../../src/station/library/pixels/display.ts';

function frameOf(
  values: Uint8Array | Int8Array | Uint16Array | Int16Array | Int32Array,
  changes: Partial<Frame> = {},
): Frame {
  return {
    rows: 1,
    columns: values.length,
    samples: 1,
    bits: values.BYTES_PER_ELEMENT * 8,
    signed: values instanceof Int8Array || values instanceof Int16Array || values instanceof Int32Array,
    photometric: 'MONOCHROME2',
    transferSyntax: '1.2.840.10008.1.2.1',
    pixels: Uint8Array.from(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
    rescaleSlope: 1,
    rescaleIntercept: 0,
    windowCenter: 100,
    windowWidth: 300,
    geometry: unknownGeometry,
    modality: 'MR',
    ...changes,
  };
}

function differences(frame: Frame): number {
  const shown = displayFrame(frame);
  const painted = paintedPixels(frame, null, false);
  let most = 0;
  for (let pixel = 0; pixel < frame.rows * frame.columns; pixel += 1) {
    for (let part = 0; part < 3; part += 1) {
      const wanted = shown.channels === 1 ? shown.pixels[pixel] : shown.pixels[pixel * 4 + part];
      most = Math.max(most, Math.abs((wanted ?? 0) - (painted[pixel * 4 + part] ?? 0)));
    }
  }
  return most;
}

const ramp = Int16Array.from({ length: 1_024 }, (_, index) => index - 300);

describe('the window paints what the station shows', () => {
  const shades: [string, Frame][] = [
    ['a linear window', frameOf(ramp)],
    ['LINEAR_EXACT', frameOf(ramp, { voiFunction: 'LINEAR_EXACT' })],
    ['SIGMOID', frameOf(ramp, { voiFunction: 'SIGMOID' })],
    ['MONOCHROME1', frameOf(ramp, { photometric: 'MONOCHROME1' })],
    ['a rescaled window', frameOf(ramp, { rescaleSlope: 0.5, rescaleIntercept: -20 })],
    [
      'signed 8 bits',
      frameOf(
        Int8Array.from({ length: 256 }, (_, index) => index - 128),
        { windowCenter: 0, windowWidth: 200 },
      ),
    ],
    [
      '32 bits',
      frameOf(
        Int32Array.from({ length: 300 }, (_, index) => index * 70_000 - 9e6),
        { windowCenter: 1e6, windowWidth: 1e7 },
      ),
    ],
    ['a window one wide', frameOf(ramp, { windowWidth: 1 })],
    [
      'a VOI LUT',
      frameOf(ramp, {
        voiTable: {
          firstValue: -50,
          bits: 10,
          values: Uint16Array.from({ length: 400 }, (_, index) => (index * 1023) / 399),
        },
      }),
    ],
    [
      'a modality table',
      frameOf(
        Uint16Array.from({ length: 200 }, (_, index) => index),
        {
          modalityTable: {
            firstValue: 10,
            bits: 16,
            values: Uint16Array.from({ length: 150 }, (_, index) => index * 3),
          },
        },
      ),
    ],
    [
      'colour',
      frameOf(
        Uint8Array.from({ length: 300 }, (_, index) => index % 256),
        { columns: 100, samples: 3, photometric: 'RGB' },
      ),
    ],
    [
      'a palette',
      frameOf(
        Uint8Array.from({ length: 40 }, (_, index) => index),
        {
          photometric: 'PALETTE COLOR',
          palette: { firstValue: 5, colors: Uint8Array.from({ length: 60 }, (_, index) => index * 4) },
        },
      ),
    ],
  ];
  test.each(shades)('%s', (_, frame) => {
    expect(differences(frame)).toBe(0);
  });
});

test('colours of 12 bits in 16 are as bright as those of 8', () => {
  const changes = { columns: 1, samples: 3, photometric: 'RGB', windowCenter: null, windowWidth: null };
  const frame = frameOf(Uint16Array.of(4_095, 2_048, 16), { ...changes, colourBits: 12 });
  expect([...shownValues(frame, false)]).toEqual([255, 128, 1]);
  expect([...paintedPixels(frame, null, false)]).toEqual([255, 128, 1, 255]);
});

test('an image of one value is middle grey, and black where there is nothing', () => {
  expect(windowEnds(rangeWindow(frameOf(Int16Array.of(7, 7))))).toEqual({ lower: 6.5, upper: 7.5 });
  expect(windowEnds(rangeWindow(frameOf(Int16Array.of(0, 0))))).toEqual({ lower: 0, upper: 1 });
});

test('all values are those inside the image, unless there are none', () => {
  const values = Int16Array.of(-2000, -2001, -24, 40, 1200, -2000);
  const padding = { first: -2001, last: -2000 };
  expect(windowEnds(rangeWindow(frameOf(values, { padding })))).toEqual({ lower: -24, upper: 1200 });
  expect(windowEnds(rangeWindow(frameOf(values)))).toEqual({ lower: -2001, upper: 1200 });
  const only = Int16Array.of(-2000, -2001);
  expect(windowEnds(rangeWindow(frameOf(only, { padding })))).toEqual({ lower: -2001, upper: -2000 });
});
