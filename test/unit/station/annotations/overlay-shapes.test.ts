import { describe, expect, it } from 'vitest';
import { parseDataset } from '../../../../src/station/library/parse-dataset.ts';
import { openWasmCodecs } from '../../../../src/station/library/pixels/wasm-codecs.ts';
import { type ImagePlane, imagePlane } from '../../../../src/station/annotations/image-plane.ts';
import type { OverlayTarget } from '../../../../src/station/annotations/overlay-target.ts';
import { colorOfCIELab } from '../../../../src/station/annotations/region-color.ts';
import { segmentationOf } from '../../../../src/station/annotations/segmentation-frames.ts';
import { segmentationShapes } from '../../../../src/station/annotations/segmentation-shapes.ts';
import { contourShapes, contoursOf } from '../../../../src/station/annotations/structure-set.ts';
import { dicomFile, type ElementSpec } from '../../../fixtures/dicom-bytes.ts';

type Six = [number, number, number, number, number, number];
const axial: Six = [1, 0, 0, 0, 1, 0];

function plane(
  changes: {
    position?: [number, number, number];
    orientation?: Six;
    spacing?: [number, number];
    rows?: number;
    columns?: number;
  } = {},
): ImagePlane {
  const { position = [0, 0, 0], orientation = axial, spacing = [1, 1], rows = 3, columns = 3 } = changes;
  const geometry = {
    frameOfReferenceUID: '1.9',
    position,
    orientation,
    pixelSpacingMm: spacing,
    spacingKind: 'patient',
    sliceThicknessMm: 2,
  } as const;
  return imagePlane({ ...geometry }, rows, columns)!;
}

const target = (over: ImagePlane | null = plane(), sopInstanceUID = '1.1'): OverlayTarget => ({
  sopInstanceUID,
  frame: 1,
  rows: over?.rows ?? 3,
  columns: over?.columns ?? 3,
  frameOfReferenceUID: '1.9',
  plane: over,
});

interface SegmentSpec {
  readonly segment: number;
  readonly position: string;
  readonly sources?: readonly string[];
}

const digits = (text: string): number[] => Array.from(text, Number);

/** A binary segmentation of 3 × 3 pixels: frames of nine bits follow one another inside bytes. */
function segmentation(bits: string, frames: readonly SegmentSpec[], orientation = '1\\0\\0\\0\\1\\0'): Buffer {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  digits(bits).forEach((bit, index) => (bytes[index >> 3]! |= bit << (index & 7)));
  const perFrame = frames.map(({ segment, position, sources = [] }): ElementSpec[] => [
    ...(sources.length === 0
      ? []
      : [
          {
            tag: 0x00089124,
            value: [[{ tag: 0x00082112, value: sources.map((uid) => [{ tag: 0x00081155, value: uid }]) }]],
          },
        ]),
    { tag: 0x00209113, value: [[{ tag: 0x00200032, value: position }]] },
    { tag: 0x0062000a, value: [[{ tag: 0x0062000b, value: segment }]] },
  ]);
  return dicomFile([
    { tag: 0x00080016, value: '1.2.840.10008.5.1.4.1.1.66.4' },
    { tag: 0x00080060, value: 'SEG' },
    { tag: 0x00200052, value: '1.9' },
    { tag: 0x00280002, value: 1 },
    { tag: 0x00280004, value: 'MONOCHROME2' },
    { tag: 0x00280008, value: String(frames.length) },
    { tag: 0x00280010, value: 3 },
    { tag: 0x00280011, value: 3 },
    { tag: 0x00280100, value: 1 },
    { tag: 0x00280101, value: 1 },
    { tag: 0x00280102, value: 0 },
    { tag: 0x00280103, value: 0 },
    { tag: 0x00620001, value: 'BINARY' },
    {
      tag: 0x52009229,
      value: [
        [
          { tag: 0x00209116, value: [[{ tag: 0x00200037, value: orientation }]] },
          { tag: 0x00289110, value: [[{ tag: 0x00280030, value: '1\\1' }]] },
        ],
      ],
    },
    { tag: 0x52009230, value: perFrame },
    { tag: 0x7fe00010, value: bytes, vr: 'OB' },
  ]);
}

async function masks(file: Buffer, on: OverlayTarget): Promise<Record<number, number[]>> {
  const dataset = parseDataset(file);
  const shapes = await segmentationShapes({ dataset, segmentation: segmentationOf(dataset) }, on, openWasmCodecs());
  return Object.fromEntries(shapes.map(({ region, mask }) => [region, [...mask!].map((value) => value / 255)]));
}

describe('a segmentation', () => {
  const first = '110000000';
  const second = '010010010';

  it('shows overlapping segments on the image that their frames name, however the bits lie in bytes', async () => {
    const file = segmentation(first + second, [
      { segment: 1, position: '0\\0\\0', sources: ['1.1'] },
      { segment: 2, position: '0\\0\\0', sources: ['1.1'] },
    ]);
    expect(await masks(file, target())).toEqual({ 1: digits(first), 2: digits(second) });
    expect(await masks(file, target(plane(), '1.2'))).toEqual({});
  });

  it('that names no image is matched by where it lies', async () => {
    const file = segmentation(first + second, [
      { segment: 1, position: '0\\0\\0' },
      { segment: 1, position: '0\\0\\5' },
    ]);
    expect(await masks(file, target())).toEqual({ 1: digits(first) });
    expect(await masks(file, target(plane({ position: [0, 0, 5] })))).toEqual({ 1: digits(second) });
    expect(await masks(file, target(plane({ position: [0, 0, 2.5] })))).toEqual({});
    expect(await masks(file, { ...target(), frameOfReferenceUID: '1.8' })).toEqual({});
  });

  it('that names all images of a series lies only on the one in its plane', async () => {
    const file = segmentation(first, [{ segment: 1, position: '0\\0\\0', sources: ['1.1', '1.2'] }]);
    expect(await masks(file, target())).toEqual({ 1: digits(first) });
    expect(await masks(file, target(plane({ position: [0, 0, 5] }), '1.2'))).toEqual({});
  });

  it('of another pixel grid in the same plane is brought onto the image by the nearest pixel', async () => {
    const file = segmentation('000010000', [{ segment: 1, position: '0\\0\\0', sources: ['1.1'] }]);
    const fine = plane({ position: [-0.25, -0.25, 0], spacing: [0.5, 0.5], rows: 6, columns: 6 });
    const { 1: mask } = await masks(file, target(fine));
    const rows = Array.from({ length: 6 }, (_, row) => mask!.slice(row * 6, row * 6 + 6).join(''));
    expect(rows).toEqual(['000000', '000000', '001100', '001100', '000000', '000000']);
    const mirrored = plane({ position: [2, 0, 0], orientation: [-1, 0, 0, 0, 1, 0] });
    const corner = segmentation(first, [{ segment: 1, position: '0\\0\\0', sources: ['1.1'] }]);
    expect((await masks(corner, target(mirrored)))[1]).toEqual([0, 1, 1, 0, 0, 0, 0, 0, 0]);
  });

  it('in another plane than the image that it names is refused, not shown in the wrong place', async () => {
    const file = segmentation(first, [{ segment: 1, position: '0\\0\\0', sources: ['1.1'] }], '1\\0\\0\\0\\0\\1');
    await expect(masks(file, target())).rejects.toThrow(/another plane/);
  });

  it('of another size is refused where the image does not say where it lies', async () => {
    const file = segmentation(first, [{ segment: 1, position: '0\\0\\0', sources: ['1.1'] }]);
    expect(await masks(file, target(null))).toEqual({ 1: digits(first) });
    await expect(masks(file, { ...target(null), rows: 4 })).rejects.toThrow(/does not say where it lies/);
  });
});

describe('a structure set', () => {
  const contour = (kind: string, data: string, image?: string): ElementSpec[] => [
    ...(image === undefined ? [] : [{ tag: 0x30060016, value: [[{ tag: 0x00081155, value: image }]] }]),
    { tag: 0x30060042, value: kind },
    { tag: 0x30060050, value: data },
  ];
  const structureSet = (...contours: ElementSpec[][]): Buffer =>
    dicomFile([
      { tag: 0x00080016, value: '1.2.840.10008.5.1.4.1.1.481.3' },
      {
        tag: 0x30060020,
        value: [
          [
            { tag: 0x30060022, value: '4' },
            { tag: 0x30060024, value: '1.9' },
          ],
        ],
      },
      {
        tag: 0x30060039,
        value: [
          [
            { tag: 0x30060040, value: contours },
            { tag: 0x30060084, value: '4' },
          ],
        ],
      },
    ]);
  const polygons = (file: Buffer, on: OverlayTarget): number[][] =>
    contourShapes(contoursOf(parseDataset(file)), on).flatMap((shape) => {
      expect(shape.region).toBe(4);
      return shape.polygons.map((polygon) => [...polygon]);
    });

  it('lies on the image in pixels from its outer corner, rows and columns by their own spacing', () => {
    const coronal = plane({ position: [10, 20, 30], orientation: [1, 0, 0, 0, 0, -1], spacing: [2, 0.5] });
    const file = structureSet(contour('CLOSED_PLANAR', '10\\20\\30\\11\\20\\30\\11\\20\\26', '1.1'));
    expect(polygons(file, target(coronal))).toEqual([[0.5, 0.5, 2.5, 0.5, 2.5, 2.5]]);
    expect(polygons(file, target(coronal, '1.2'))).toEqual([]);
  });

  it('keeps a hole as a polygon of its own, goes there and back along open lines, and marks points', () => {
    const outer = contour('CLOSEDPLANAR_XOR', '0\\0\\0\\4\\0\\0\\4\\4\\0', '1.1');
    const inner = contour('CLOSEDPLANAR_XOR', '1\\1\\0\\2\\1\\0\\2\\2\\0', '1.1');
    const open = contour('OPEN_PLANAR', '0\\0\\0\\1\\0\\0\\2\\1\\0', '1.1');
    const point = contour('POINT', '1\\1\\0', '1.1');
    const found = polygons(structureSet(outer, inner, open, point), target());
    expect(found.slice(0, 3)).toEqual([
      [0.5, 0.5, 4.5, 0.5, 4.5, 4.5],
      [1.5, 1.5, 2.5, 1.5, 2.5, 2.5],
      [0.5, 0.5, 1.5, 0.5, 2.5, 1.5, 1.5, 0.5],
    ]);
    expect(found).toHaveLength(5);
  });

  it('that names no image is matched by the plane of all of its points and by its frame of reference', () => {
    const file = structureSet(contour('CLOSED_PLANAR', '0\\0\\0.4\\1\\0\\0.4\\1\\1\\0.4'));
    expect(polygons(file, target())).toHaveLength(1);
    expect(polygons(file, target(plane({ position: [0, 0, 3] })))).toEqual([]);
    expect(polygons(file, { ...target(), frameOfReferenceUID: '1.8' })).toEqual([]);
    const slanted = structureSet(contour('CLOSED_PLANAR', '0\\0\\0\\1\\0\\0\\1\\1\\9'));
    expect(polygons(slanted, target())).toEqual([]);
  });

  it('is refused on an image that does not say where it lies', () => {
    const file = structureSet(contour('CLOSED_PLANAR', '0\\0\\0\\1\\0\\0\\1\\1\\0', '1.1'));
    expect(() => polygons(file, target(null))).toThrow(/does not say where it lies/);
  });
});

describe('a recommended colour', () => {
  const encoded = (lightness: number, a: number, b: number): number[] => [
    (lightness / 100) * 65_535,
    ((a + 128) / 255) * 65_535,
    ((b + 128) / 255) * 65_535,
  ];
  it('comes out as the sRGB colour of that name', () => {
    expect(colorOfCIELab(encoded(100, 0, 0))).toEqual([255, 255, 255]);
    expect(colorOfCIELab(encoded(0, 0, 0))).toEqual([0, 0, 0]);
    // The primaries of sRGB in CIELab under D50.
    const primaries: [number[], number[]][] = [
      [encoded(54.29, 80.8, 69.89), [255, 0, 0]],
      [encoded(87.82, -79.29, 80.99), [0, 255, 0]],
      [encoded(29.57, 68.3, -112.03), [0, 0, 255]],
    ];
    for (const [lab, expected] of primaries) {
      colorOfCIELab(lab).forEach((channel, index) =>
        expect(Math.abs(channel - expected[index]!)).toBeLessThanOrEqual(2),
      );
    }
  });
});
