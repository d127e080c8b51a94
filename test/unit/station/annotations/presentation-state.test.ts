import { expect, test } from 'vitest';
import { presentationSchema } from '../../../../src/contract/presentation.ts';
import { presentationState } from '../../../../src/station/annotations/presentation-state.ts';
import { parseDataset } from '../../../../src/station/library/parse-dataset.ts';
import { dicomFile, type ElementSpec } from '../../../fixtures/dicom-bytes.ts';

const grayscale = '1.2.840.10008.5.1.4.1.1.11.1';
const image: ElementSpec = { tag: 0x00081155, value: '1.2.3.1' };
const floats = (...numbers: number[]): Uint8Array => new Uint8Array(Float32Array.from(numbers).buffer);
const longs = (...numbers: number[]): Uint8Array => new Uint8Array(Int32Array.from(numbers).buffer);

function state(elements: readonly ElementSpec[], sopClassUID = grayscale) {
  const file = dicomFile([
    { tag: 0x00080016, value: sopClassUID },
    { tag: 0x00081115, value: [[{ tag: 0x00081140, value: [[image]] }]] },
    ...elements,
  ]);
  const read = presentationState(parseDataset(file, { keepItems: true }), '9.9');
  return read === null ? null : presentationSchema.parse(read);
}

test('a state tells how the images that it names turn, and what it calls itself', () => {
  const read = state([
    { tag: 0x00700041, value: 'Y' },
    { tag: 0x00700042, value: 90, vr: 'US' },
    { tag: 0x00700080, value: 'LESION' },
    { tag: 0x20500020, value: 'INVERSE' },
  ]);
  expect(read).toMatchObject({
    label: 'LESION',
    images: [{ sopInstanceUID: '1.2.3.1', frames: [] }],
    rotationDegrees: 90,
    isFlipped: true,
    isInverse: true,
    rescale: { slope: 1, intercept: 0 },
    leftOut: [],
  });
  expect(state([], '1.2.840.10008.5.1.4.1.1.11.2')).toBe(null);
});

test('windows, the displayed area and shutters count as the standard counts them', () => {
  const read = state([
    { tag: 0x00181600, value: 'RECTANGULAR\\CIRCULAR' },
    { tag: 0x00181602, value: '3' },
    { tag: 0x00181604, value: '10' },
    { tag: 0x00181606, value: '2' },
    { tag: 0x00181608, value: '8' },
    { tag: 0x00181610, value: '5\\7' },
    { tag: 0x00181612, value: '4' },
    {
      tag: 0x00283110,
      value: [
        [
          { tag: 0x00281050, value: '40' },
          { tag: 0x00281051, value: '400' },
        ],
      ],
    },
    // Turned by half a turn: the corner that is seen at the upper left is the last pixel.
    {
      tag: 0x0070005a,
      value: [
        [
          { tag: 0x00700052, value: longs(20, 10) },
          { tag: 0x00700053, value: longs(1, 1) },
        ],
      ],
    },
  ]);
  expect(read?.windows).toEqual([{ images: [], center: 40, width: 400, function: 'LINEAR' }]);
  expect(read?.areas).toEqual([{ images: [], topLeft: [0, 0], bottomRight: [20, 10], magnification: null }]);
  expect(read?.shutters).toEqual([
    { shape: 'RECTANGULAR', topLeft: [2, 1], bottomRight: [10, 8] },
    // Row 5, column 7: the middle of that pixel.
    { shape: 'CIRCULAR', center: [6.5, 4.5], radius: 4 },
  ]);
});

test('graphics and texts come with their units, and what is not shown is told', () => {
  const read = state([
    { tag: 0x00283110, value: [[{ tag: 0x00283010, value: [[]] }]] },
    {
      tag: 0x00700001,
      value: [
        [
          {
            tag: 0x00700008,
            value: [
              [
                { tag: 0x00700003, value: 'DISPLAY' },
                { tag: 0x00700004, value: 'PIXEL' },
                { tag: 0x00700006, value: 'Nodule\r\n8 mm ' },
                { tag: 0x00700010, value: floats(0.5, 0.25) },
                { tag: 0x00700011, value: floats(0.75, 0.5) },
                { tag: 0x00700012, value: 'CENTER' },
                { tag: 0x00700014, value: floats(12, 34) },
                { tag: 0x00700015, value: 'Y' },
              ],
            ],
          },
          {
            tag: 0x00700009,
            value: [
              [
                { tag: 0x00700005, value: 'PIXEL' },
                { tag: 0x00700022, value: floats(10, 20, 15, 20) },
                { tag: 0x00700023, value: 'CIRCLE' },
                { tag: 0x00700024, value: 'N' },
              ],
              [
                { tag: 0x00700005, value: 'MATRIX' },
                { tag: 0x00700023, value: 'POINT' },
              ],
            ],
          },
          { tag: 0x00700209, value: [[]] },
        ],
      ],
    },
    { tag: 0x20500010, value: [[]] },
  ]);
  expect(read?.annotations).toEqual([
    {
      images: [],
      graphics: [
        {
          units: 'PIXEL',
          type: 'CIRCLE',
          points: [
            [10, 20],
            [15, 20],
          ],
          isFilled: false,
        },
      ],
      texts: [
        {
          text: 'Nodule\n8 mm',
          box: { units: 'DISPLAY', topLeft: [0.5, 0.25], bottomRight: [0.75, 0.5], align: 'CENTER' },
          anchor: { units: 'PIXEL', at: [12, 34], isVisible: true },
        },
      ],
    },
  ]);
  expect(read?.leftOut).toEqual([
    'a presentation look-up table',
    'a VOI look-up table',
    'some of its annotations',
    'compound graphics',
  ]);
});

test('a state with more points than anybody draws loses the graphics beyond, and says so', () => {
  const polyline = (points: number): ElementSpec[] => [
    { tag: 0x00700005, value: 'PIXEL' },
    { tag: 0x00700022, value: floats(...Array.from({ length: 2 * points }, (_, at) => at)) },
    { tag: 0x00700023, value: 'POLYLINE' },
  ];
  const drawing = [8_000, 8_000, 8_000, 3_000, 30_000].map(polyline);
  const read = state([{ tag: 0x00700001, value: [[{ tag: 0x00700009, value: drawing }]] }]);
  expect(read?.annotations[0]?.graphics.map(({ points }) => points.length)).toEqual([8_000, 8_000, 3_000]);
  expect(read?.leftOut).toEqual(['some of its annotations']);
});

test('a frame number that is none does not spoil the state', () => {
  const frames: ElementSpec = { tag: 0x00081160, value: '2\\1.5\\3' };
  const read = state([
    {
      tag: 0x00283110,
      value: [
        [
          { tag: 0x00081140, value: [[image, frames]] },
          { tag: 0x00281050, value: '40' },
          { tag: 0x00281051, value: '400' },
        ],
      ],
    },
  ]);
  expect(read?.windows[0]?.images).toEqual([{ sopInstanceUID: '1.2.3.1', frames: [2, 3] }]);
});
