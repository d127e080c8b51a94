import { describe, expect, it } from 'vitest';
import type { Frame } from '../../../../../src/contract/dicom.ts';
import { displayFrame } from '../../../../../src/station/library/pixels/display.ts';
import { modalityValues } from '../../../../../src/station/library/pixels/modality-values.ts';
import { readFrame } from '../../../../../src/station/library/pixels/read-frame.ts';
import { dicomFile, type ElementSpec } from '../../../../fixtures/dicom-bytes.ts';

/** A grey 8-bit frame of one row, with further elements. */
function frameWith(
  elements: readonly ElementSpec[],
  values: readonly number[] = [0, 1, 2, 3],
  frame = 1,
): Promise<Frame> {
  const all: ElementSpec[] = [
    { tag: 0x00280002, value: 1 },
    { tag: 0x00280004, value: 'MONOCHROME2' },
    { tag: 0x00280008, value: String(values.length / 4) },
    { tag: 0x00280010, value: 1 },
    { tag: 0x00280011, value: 4 },
    { tag: 0x00280100, value: 8 },
    { tag: 0x00280101, value: 8 },
    { tag: 0x00280102, value: 7 },
    { tag: 0x00280103, value: 0 },
    { tag: 0x7fe00010, value: Uint8Array.from(values), vr: 'OB' },
    ...elements,
  ];
  return readFrame(dicomFile(all.sort((one, other) => one.tag - other.tag)), frame);
}

const modality = (value: string): ElementSpec => ({ tag: 0x00080060, value });
const pixelSpacing = (value: string): ElementSpec => ({ tag: 0x00280030, value });
const imagerSpacing = (value: string): ElementSpec => ({ tag: 0x00181164, value });
const words = (...values: number[]): Uint8Array => new Uint8Array(Uint16Array.from(values).buffer);
const double = (value: number): Uint8Array => new Uint8Array(Float64Array.of(value).buffer);

async function spacing(...elements: ElementSpec[]): Promise<unknown> {
  const { pixelSpacingMm, spacingKind } = (await frameWith(elements)).geometry;
  return [pixelSpacingMm, spacingKind];
}

it('tells the aspect ratio of pixels that have no spacing, unless they are square', async () => {
  const ratio = async (value: string, ...more: ElementSpec[]): Promise<unknown> =>
    (await frameWith([{ tag: 0x00280034, value }, ...more])).geometry.pixelAspectRatio;
  expect(await ratio('2\\1')).toBe(2);
  expect(await ratio('3\\4')).toBe(0.75);
  for (const none of ['1\\1', '0\\1', 'x', '']) expect(await ratio(none)).toBeUndefined();
  expect(await ratio('2\\1', pixelSpacing('0.5\\0.5'))).toBeUndefined();
});

it('names the directions of a radiograph; neither those of an animal nor any beside direction cosines', async () => {
  const directions = async (...elements: ElementSpec[]): Promise<unknown> =>
    (await frameWith(elements)).geometry.patientOrientation;
  const named = (value: string): ElementSpec => ({ tag: 0x00200020, value });
  expect(await directions(named('L\\FP'))).toEqual(['L', 'FP']);
  for (const value of ['', 'L', 'LE\\V', 'L\\']) expect(await directions(named(value))).toBeUndefined();
  expect(await directions(named('L\\F'), { tag: 0x00200037, value: '1\\0\\0\\0\\1\\0' })).toBeUndefined();
});

describe('pixel spacing', () => {
  it('of a cross-section lies in the patient, rows first', async () => {
    expect(await spacing(modality('CT'), pixelSpacing('0.5\\0.75'))).toEqual([[0.5, 0.75], 'patient']);
  });

  it('of a projection is at the detector, calibrated, or of unknown meaning, as its other attributes tell', async () => {
    expect(await spacing(modality('DX'), imagerSpacing('0.2\\0.2'))).toEqual([[0.2, 0.2], 'detector']);
    expect(await spacing(modality('DX'), imagerSpacing('0.2\\0.2'), pixelSpacing('0.2\\0.2'))).toEqual([
      [0.2, 0.2],
      'detector',
    ]);
    expect(await spacing(modality('DX'), imagerSpacing('0.2\\0.2'), pixelSpacing('0.15\\0.15'))).toEqual([
      [0.15, 0.15],
      'calibrated',
    ]);
    const fiducial: ElementSpec = { tag: 0x00280a02, value: 'FIDUCIAL' };
    expect(await spacing(modality('CR'), pixelSpacing('0.2\\0.2'), fiducial)).toEqual([[0.2, 0.2], 'calibrated']);
    expect(await spacing(modality('CR'), pixelSpacing('0.2\\0.2'))).toEqual([[0.2, 0.2], 'unknown']);
  });

  it('that is zero, negative, no number or only one number is none', async () => {
    for (const value of ['0\\0', '-1\\1', 'x\\1', '0.5', '']) {
      expect(await spacing(modality('CT'), pixelSpacing(value))).toEqual([null, 'unknown']);
    }
  });

  const region = (units: number): ElementSpec[] => [
    { tag: 0x00186012, value: 1 },
    { tag: 0x00186024, value: units },
    { tag: 0x00186026, value: units },
    { tag: 0x0018602c, value: double(0.02), vr: 'FD' },
    { tag: 0x0018602e, value: double(0.03), vr: 'FD' },
  ];

  it('of ultrasound comes from its region where there is one alone, in centimetres', async () => {
    const regions = (...items: ElementSpec[][]): ElementSpec => ({ tag: 0x00186011, value: items });
    expect(await spacing(modality('US'), regions(region(3)))).toEqual([[0.3, 0.2], 'patient']);
    expect(await spacing(modality('US'), regions(region(4)))).toEqual([null, 'unknown']);
    expect(await spacing(modality('US'), regions(region(3), region(3)))).toEqual([null, 'unknown']);
  });
});

describe('where a frame lies', () => {
  it('is told by the frame’s own functional groups before the shared ones', async () => {
    const position = (value: string): ElementSpec[] => [{ tag: 0x00209113, value: [[{ tag: 0x00200032, value }]] }];
    const shared: ElementSpec[] = [
      { tag: 0x00209116, value: [[{ tag: 0x00200037, value: '1\\0\\0\\0\\1\\0' }]] },
      {
        tag: 0x00289110,
        value: [
          [
            { tag: 0x00180050, value: '5' },
            { tag: 0x00280030, value: '1\\2' },
          ],
        ],
      },
    ];
    const groups: ElementSpec[] = [
      { tag: 0x00200052, value: '1.2.3' },
      { tag: 0x52009229, value: [shared] },
      { tag: 0x52009230, value: [position('1\\2\\3'), position('1\\2\\8')] },
    ];
    const { geometry } = await frameWith(groups, [0, 1, 2, 3, 4, 5, 6, 7], 2);
    expect(geometry).toEqual({
      frameOfReferenceUID: '1.2.3',
      position: [1, 2, 8],
      orientation: [1, 0, 0, 0, 1, 0],
      pixelSpacingMm: [1, 2],
      spacingKind: 'patient',
      sliceThicknessMm: 5,
    });
  });

  it('is unknown where the directions are not perpendicular, of no length or incomplete', async () => {
    for (const value of [
      '1\\0\\0\\1\\0\\0',
      '0\\0\\0\\0\\0\\0',
      '1\\0\\0\\0\\1',
      '2\\0\\0\\0\\1\\0',
      '1\\0\\0\\0\\x\\0',
    ]) {
      const { orientation, isOrientationInvalid } = (await frameWith([{ tag: 0x00200037, value }])).geometry;
      // Told apart from a file that says nothing.
      expect([orientation, isOrientationInvalid]).toEqual([null, true]);
    }
    expect((await frameWith([])).geometry.isOrientationInvalid).toBeUndefined();
  });

  it('is unknown for later frames where only the first one’s position is told', async () => {
    const position: ElementSpec = { tag: 0x00200032, value: '1\\2\\3' };
    const values = [0, 1, 2, 3, 4, 5, 6, 7];
    expect((await frameWith([position], values, 1)).geometry.position).toEqual([1, 2, 3]);
    expect((await frameWith([position], values, 2)).geometry.position).toBeNull();
  });
});

describe('windows and tables', () => {
  it('come all with their explanations; a width that is none is left out', async () => {
    const frame = await frameWith([
      { tag: 0x00281050, value: '40\\-600\\9' },
      { tag: 0x00281051, value: '400\\1500\\0' },
      { tag: 0x00281055, value: 'SOFT\\LUNG\\NONE' },
      { tag: 0x00281056, value: 'SIGMOID' },
    ]);
    expect(frame.windows).toEqual([
      { center: 40, width: 400, name: 'SOFT' },
      { center: -600, width: 1500, name: 'LUNG' },
    ]);
    expect(frame.voiFunction).toBe('SIGMOID');
  });

  const table = (first: number, bits: number, ...values: number[]): ElementSpec[][] => [
    [
      { tag: 0x00283002, value: words(values.length, first, bits), vr: 'US' },
      { tag: 0x00283006, value: words(...values), vr: 'OW' },
    ],
  ];

  it('a Modality LUT gives the values, also those of data sets, and the ends hold beyond it', async () => {
    const frame = await frameWith([{ tag: 0x00283000, value: table(1, 16, 100, 700) }]);
    expect([...modalityValues(frame)]).toEqual([100, 100, 700, 700]);
  });

  it('a VOI LUT gives the greys, a window that is asked for goes before it', async () => {
    const frame = await frameWith([{ tag: 0x00283010, value: table(0, 8, 255, 100, 50, 0) }]);
    expect([...displayFrame(frame).pixels]).toEqual([255, 100, 50, 0]);
    expect([...displayFrame(frame, { center: 2, width: 4 }).pixels]).toEqual([0, 85, 170, 255]);
  });

  it('a table of 65536 entries, said as 0, is read whole, and one cut short is not used', async () => {
    const whole = Array.from({ length: 65_536 }, (_, index) => 65_535 - index);
    const described = [
      [
        { tag: 0x00283002, value: words(0, 0, 16), vr: 'US' },
        { tag: 0x00283006, value: words(...whole), vr: 'OW' },
      ],
    ];
    expect((await frameWith([{ tag: 0x00283010, value: described }])).voiTable?.values).toHaveLength(65_536);
    const short = [
      [
        { tag: 0x00283002, value: words(9, 0, 16), vr: 'US' },
        { tag: 0x00283006, value: words(1, 2), vr: 'OW' },
      ],
    ];
    expect((await frameWith([{ tag: 0x00283010, value: short }])).voiTable).toBeUndefined();
  });

  it('the sigmoid and the exact linear function are those of the standard', async () => {
    const window = [
      { tag: 0x00281050, value: '2' },
      { tag: 0x00281051, value: '4' },
    ];
    const shown = async (kind: string): Promise<number[]> => [
      ...displayFrame(await frameWith([...window, { tag: 0x00281056, value: kind }], [0, 1, 2, 4])).pixels,
    ];
    expect(await shown('LINEAR_EXACT')).toEqual([0, 64, 128, 255]);
    expect(await shown('SIGMOID')).toEqual([30, 69, 128, 225]);
  });
});

describe('the frame rate', () => {
  const eight = [0, 1, 2, 3, 4, 5, 6, 7];
  it('is the recommended one, the cine rate, or told by the frame times', async () => {
    expect(
      (
        await frameWith(
          [
            { tag: 0x00082144, value: '12' },
            { tag: 0x00180040, value: '30' },
          ],
          eight,
        )
      ).framesPerSecond,
    ).toBe(12);
    expect((await frameWith([{ tag: 0x00181063, value: '40' }], eight)).framesPerSecond).toBe(25);
    expect((await frameWith([{ tag: 0x00181065, value: '0\\50' }], eight)).framesPerSecond).toBe(20);
    expect((await frameWith([{ tag: 0x00181063, value: '0' }], eight)).framesPerSecond).toBeUndefined();
    expect((await frameWith([{ tag: 0x00181063, value: '40' }])).framesPerSecond).toBeUndefined();
  });
});

describe('a mosaic', () => {
  it('is told by the third or a later value of ImageType', async () => {
    const typed = async (value: string): Promise<unknown> =>
      (await frameWith([{ tag: 0x00080008, value }])).geometry.isMosaic;
    expect(await typed('ORIGINAL\\PRIMARY\\M\\ND\\MOSAIC')).toBe(true);
    expect(await typed('ORIGINAL\\PRIMARY\\M\\ND')).toBeUndefined();
  });
});
