import { describe, expect, it } from 'vitest';
import { type Frame, unknownGeometry } from '../../../../../src/contract/dicom.ts';
import { displayFrame } from '../../../../../src/station/library/pixels/display.ts';
import { modalityValues } from '../../../../../src/station/library/pixels/modality-values.ts';
import { readFrame } from '../../../../../src/station/library/pixels/read-frame.ts';
import { dicomFile, littleEndian, syntaxes } from './dicom-files.ts';

function greyFrame(values: number[], changes: Partial<Frame> = {}): Frame {
  return {
    rows: 1,
    columns: values.length,
    samples: 1,
    bits: 16,
    signed: true,
    photometric: 'MONOCHROME2',
    transferSyntax: syntaxes.explicitLittle,
    pixels: new Uint8Array(littleEndian(values, 16)),
    rescaleSlope: 1,
    rescaleIntercept: 0,
    windowCenter: null,
    windowWidth: null,
    geometry: unknownGeometry,
    modality: 'CT',
    ...changes,
  };
}

describe('grey frames', () => {
  it('run from black to white through the window, as the standard defines its ends', () => {
    const frame = greyFrame([-2000, 0, 24, 1024, 2048, 5000], {
      rescaleIntercept: -1024,
      windowCenter: 0,
      windowWidth: 2048,
    });
    const { channels, pixels } = displayFrame(frame);
    expect(channels).toBe(1);
    expect([...pixels]).toEqual([0, 0, 3, 128, 255, 255]);
  });

  it('without a window are fitted to what is inside the image, unless all of it is padding', () => {
    const inside = Array.from({ length: 98 }, (_, index) => index * 10);
    const padding = { first: -2000, last: -2000 };
    const [padded, plain] = [[...inside, -2000, -2000, -2000], inside].map((values) =>
      displayFrame(greyFrame(values, { padding })),
    );
    expect([...padded!.pixels.subarray(0, 98)]).toEqual([...plain!.pixels]);
    expect(padded!.pixels[98]).toBe(0);
    const only = [-2000, -2000];
    expect(displayFrame(greyFrame(only, { padding })).pixels).toEqual(displayFrame(greyFrame(only)).pixels);
  });

  it('are inverted where low values are bright', () => {
    const frame = greyFrame([0, 100], { photometric: 'MONOCHROME1', windowCenter: 50.5, windowWidth: 101 });
    expect([...displayFrame(frame).pixels]).toEqual([255, 0]);
  });

  it('take the window that is asked for before their own, and become two-valued at width 1', () => {
    const frame = greyFrame([9, 10, 11], { windowCenter: 0, windowWidth: 2 });
    expect([...displayFrame(frame, { center: 10.5, width: 1 }).pixels]).toEqual([0, 0, 255]);
  });

  it('without a window show what they hold', () => {
    expect([...displayFrame(greyFrame([-500, 0, 500])).pixels]).toEqual([0, 128, 255]);
    const mask = greyFrame([], { columns: 4, bits: 8, signed: false, pixels: Uint8Array.of(0, 1, 0, 1) });
    expect([...displayFrame(mask).pixels]).toEqual([0, 255, 0, 255]);
    const plain = greyFrame([], { columns: 3, bits: 8, signed: false, pixels: Uint8Array.of(3, 77, 200) });
    expect([...displayFrame(plain).pixels]).toEqual([3, 77, 200]);
    expect([...displayFrame(greyFrame([7, 7])).pixels]).toHaveLength(2);
  });

  it('are the same through the table of a large frame', () => {
    const values = Array.from({ length: 70_000 }, (_, index) => (index % 4000) - 2000);
    const window = { windowCenter: 40, windowWidth: 400 };
    const large = displayFrame(greyFrame(values, window)).pixels.subarray(0, 4000);
    expect(large).toEqual(displayFrame(greyFrame(values.slice(0, 4000), window)).pixels);
  });

  it('give modality values with slope and intercept applied', () => {
    const frame = greyFrame([-1, 0, 10], { rescaleSlope: 2.5, rescaleIntercept: -1024 });
    expect([...modalityValues(frame)]).toEqual([-1026.5, -1024, -999]);
  });
});

describe('colour frames', () => {
  it('go through their palette, values beyond its ends taking the end colours', async () => {
    const elements = [
      [0x00281101, 'US', [3, 10, 16]],
      [0x00281102, 'US', [3, 10, 16]],
      [0x00281103, 'US', [3, 10, 16]],
      [0x00281201, 'OW', littleEndian([0x0100, 0x0200, 0x0300], 16)],
      [0x00281202, 'OW', littleEndian([0x1100, 0x1200, 0x1300], 16)],
      [0x00281203, 'OW', littleEndian([0x2100, 0x2200, 0x2300], 16)],
    ] as const;
    const image = {
      syntax: syntaxes.explicitLittle,
      rows: 1,
      columns: 4,
      bitsAllocated: 8,
      photometric: 'PALETTE COLOR',
    };
    const frame = await readFrame(dicomFile({ ...image, elements, pixels: Uint8Array.of(0, 10, 11, 200) }), 1);
    expect([...frame.pixels]).toEqual([0, 10, 11, 200]);
    expect([...displayFrame(frame).pixels]).toEqual([1, 17, 33, 255, 1, 17, 33, 255, 2, 18, 34, 255, 3, 19, 35, 255]);
    expect([...modalityValues(frame)].slice(0, 3)).toEqual([1, 17, 33]);
  });

  it('in luminance and chrominance become red, green and blue', () => {
    const frame = greyFrame([], {
      columns: 2,
      samples: 3,
      bits: 8,
      signed: false,
      photometric: 'YBR_FULL',
      pixels: Uint8Array.of(76, 85, 255, 128, 128, 128),
    });
    expect([...displayFrame(frame).pixels]).toEqual([254, 0, 0, 255, 128, 128, 128, 255]);
  });
});
