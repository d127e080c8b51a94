import { expect, test } from 'vitest';
import { type Frame, unknownGeometry } from '../../../../src/contract/dicom.ts';
import type { Presentation } from '../../../../src/contract/presentation.ts';
import { placementOf, toScreen } from '../../../../src/renderer/viewer/placement.ts';
import {
  graphicLine,
  isPresented,
  isPresentedInverted,
  presentedView,
  presentedWindow,
  toImagePoint,
} from '../../../../src/renderer/viewer/presented.ts';
import type { StackItem } from '../../../../src/renderer/viewer/stack.ts';

const viewport = { width: 800, height: 600 };
/** 200 columns of 1 mm, 100 rows of 2 mm. */
const frame = {
  rows: 100,
  columns: 200,
  samples: 1,
  bits: 16,
  signed: true,
  photometric: 'MONOCHROME2',
  transferSyntax: '1.2.840.10008.1.2.1',
  pixels: new Uint8Array(),
  rescaleSlope: 2,
  rescaleIntercept: -1000,
  windowCenter: null,
  windowWidth: null,
  geometry: { ...unknownGeometry, pixelSpacingMm: [2, 1] as [number, number] },
  modality: 'CT',
} satisfies Frame;

function item(sopInstanceUID: string, number = 1): StackItem {
  const instance = { sopInstanceUID } as StackItem['instance'];
  return { instance, frame: number };
}

function state(changes: Partial<Presentation> = {}): Presentation {
  return {
    sopInstanceUID: '9',
    label: '',
    description: '',
    creator: '',
    createdDate: '',
    createdTime: '',
    images: [{ sopInstanceUID: '1', frames: [] }],
    rotationDegrees: 0,
    isFlipped: false,
    isInverse: false,
    rescale: { slope: 2, intercept: -1000 },
    windows: [],
    areas: [],
    annotations: [],
    shutters: [],
    shutterShade: 0,
    leftOut: [],
    ...changes,
  };
}

/** Where a point of the image is seen under the state. */
function seen(shown: Presentation, point: readonly [number, number]): number[] {
  const view = presentedView(shown, item('1'), frame, viewport);
  const { matrix } = placementOf({ columns: 200, rows: 100, pixel: { width: 1, height: 2 } }, view, viewport);
  return toScreen(matrix, point).map((value) => Math.round(value * 1000) / 1000 + 0);
}

test('a state is for the images that it names, and for their frames where it names them', () => {
  expect(isPresented(state(), item('1', 7))).toBe(true);
  expect(isPresented(state(), item('2'))).toBe(false);
  const oneFrame = state({ images: [{ sopInstanceUID: '1', frames: [2] }] });
  expect([1, 2, 3].map((number) => isPresented(oneFrame, item('1', number)))).toEqual([false, true, false]);
});

test('a window counts in the modality transformation of the state, not in that of the file', () => {
  const windows = [{ images: [], center: 40, width: 400, function: 'LINEAR' as const }];
  expect(presentedWindow(state({ windows }), item('1'), frame)).toMatchObject({ center: 40, width: 400 });
  // Of a state without one, the window counts stored values: 40 × 2 - 1000.
  const stored = state({ windows, rescale: { slope: 1, intercept: 0 } });
  expect(presentedWindow(stored, item('1'), frame)).toMatchObject({ center: -920, width: 800 });
  const another = [{ ...windows[0]!, images: [{ sopInstanceUID: '5', frames: [] }] }];
  expect(presentedWindow(state({ windows: another }), item('1'), frame)).toBe(null);
});

test('low values are dark unless the state inverts, whatever the image says', () => {
  const negative: Frame = { ...frame, photometric: 'MONOCHROME1' };
  expect(isPresentedInverted(state(), frame)).toBe(false);
  expect(isPresentedInverted(state({ isInverse: true }), frame)).toBe(true);
  // Relative to the file's own: what is inverted twice is as it was.
  expect(isPresentedInverted(state(), negative)).toBe(true);
  expect(isPresentedInverted(state({ isInverse: true }), negative)).toBe(false);
});

test('the displayed area fills the viewport, turned and mirrored', () => {
  const area = { images: [], topLeft: [100, 0] as [number, number], bottomRight: [200, 50] as [number, number] };
  const areas = [{ ...area, magnification: null }];
  // 100 × 100 mm on 800 × 600: 6 CSS pixels to a mm, in the middle.
  expect(seen(state({ areas }), [100, 0])).toEqual([100, 0]);
  expect(seen(state({ areas }), [200, 50])).toEqual([700, 600]);
  // A quarter turn clockwise brings the upper left corner to the upper right; mirrored after that, to the upper left.
  expect(seen(state({ areas, rotationDegrees: 90 }), [100, 0])).toEqual([700, 0]);
  expect(seen(state({ areas, rotationDegrees: 90, isFlipped: true }), [100, 0])).toEqual([100, 0]);
  expect(seen(state({ areas, rotationDegrees: 90, isFlipped: true }), [200, 0])).toEqual([100, 600]);
});

test('points in parts of the displayed area lie where they are seen', () => {
  const areas = [
    { images: [], topLeft: [100, 0], bottomRight: [200, 50], magnification: null },
  ] as Presentation['areas'];
  const at = (shown: Presentation, part: [number, number]): number[] =>
    seen(shown, toImagePoint(shown, areas[0]!, 'DISPLAY', part));
  for (const rotationDegrees of [0, 90, 180, 270]) {
    for (const isFlipped of [false, true]) {
      const shown = state({ areas, rotationDegrees, isFlipped });
      expect(at(shown, [0, 0])).toEqual([100, 0]);
      expect(at(shown, [0.5, 0.25])).toEqual([400, 150]);
      expect(at(shown, [1, 1])).toEqual([700, 600]);
    }
  }
});

test('a curve goes through its points, a circle around its centre', () => {
  const points: [number, number][] = [
    [0, 0],
    [10, 5],
    [20, 0],
  ];
  const curve = graphicLine({ units: 'PIXEL', type: 'INTERPOLATED', points, isFilled: false }, points);
  for (const [x, y] of points) expect(curve.some(([cx, cy]) => Math.hypot(cx - x, cy - y) < 1e-9)).toBe(true);
  const circle = graphicLine({ units: 'PIXEL', type: 'CIRCLE', points, isFilled: false }, [
    [5, 5],
    [5, 8],
  ]);
  expect(circle.every(([x, y]) => Math.abs(Math.hypot(x - 5, y - 5) - 3) < 1e-9)).toBe(true);
});
