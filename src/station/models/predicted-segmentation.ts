// What a segmentation model drew on a series, as a binary DICOM Segmentation (PS3.3 A.51, C.8.20): on the grid and in the frame of
// reference of its images, each frame naming the one that it was drawn on. Binary rather than a label map: every reader knows it.
import type { FrameGeometry } from '../../contract/dicom.ts';
import type { Model } from '../../contract/model.ts';
import { type Element, encodePart10 } from '../library/encode-part10.ts';
import { imagePixelElements } from '../library/intake/wrap-picture.ts';
import { decimalString, derivedUid, element, textValue } from '../library/intake/wrapped-object.ts';
import { normalOf } from '../library/pixels/geometry.ts';
import { code, imageReference, resultElements, resultNote, type ResultSource, weightsNote } from './result-object.ts';

const segmentationStorage = '1.2.840.10008.5.1.4.1.1.66.4';

/** One image of the series that the model was run on. */
export interface DrawnFrame {
  readonly sopInstanceUID: string;
  /** Counts from 1; null for an instance of one frame. */
  readonly frame: number | null;
  readonly geometry: FrameGeometry;
  /** By class after the background, its pixels' indices in rows × columns; ascending. */
  readonly drawn: readonly Uint32Array[];
}

export interface DrawnSeries {
  readonly rows: number;
  readonly columns: number;
  /** In the order of the series; of one frame of reference. */
  readonly frames: readonly DrawnFrame[];
}

/** One object for each grid of a series: nearly always one. */
export function segmentationUid({ weightsHash }: Model, seriesInstanceUID: string, grid: string): string {
  return derivedUid('predicted segmentation', weightsHash, seriesInstanceUID, grid);
}

/** Part-10 bytes; frames on which nothing was drawn are left out, but for one where nothing was drawn at all. */
export function predictedSegmentation(
  model: Model,
  { rows, columns, frames }: DrawnSeries,
  sopInstanceUID: string,
  source: ResultSource,
  now: Date,
): Uint8Array {
  const names = model.classes.slice(1);
  const place = placing(frames);
  const parts = names.flatMap((_, index) =>
    frames.flatMap((frame, at) => (frame.drawn[index]!.length > 0 ? [{ segment: index + 1, frame, at }] : [])),
  );
  if (parts.length === 0) parts.push({ segment: 1, frame: frames[0]!, at: 0 });
  const object = {
    sopClassUID: segmentationStorage,
    sopInstanceUID,
    seriesInstanceUID: derivedUid('series of a predicted segmentation', sopInstanceUID),
    seriesNumber: 9_002,
    instanceNumber: 1,
    modality: 'SEG',
    description: `${model.network} ${model.id}, research only`,
  };
  const references = [...new Set(frames.map((frame) => frame.sopInstanceUID))];
  const dimensions = derivedUid('dimensions of a predicted segmentation', sopInstanceUID);
  const elements = [
    ...resultElements(model, object, source, now),
    ...imagePixelElements({ rows, columns, samples: 1, bitsAllocated: 1, bitsStored: 1, photometric: 'MONOCHROME2' }),
    element('00080008', 'CS', 'DERIVED\\PRIMARY'),
    element('00081115', 'SQ', {
      items: [
        [
          element('0008114A', 'SQ', { items: references.map((uid) => imageReference(uid, source)) }),
          element('0020000E', 'UI', source.seriesInstanceUID),
        ],
      ],
    }),
    ...place.frameOfReference,
    element('00209221', 'SQ', { items: [[element('00209164', 'UI', dimensions)]] }),
    element('00209222', 'SQ', {
      items: [dimension(dimensions, segmentNumber), dimension(dimensions, place.dimension)],
    }),
    element('00280008', 'IS', String(parts.length)),
    ...lossy(source),
    element('00620001', 'CS', 'BINARY'),
    element('00620002', 'SQ', { items: names.map((name, index) => segment(model, name, index + 1)) }),
    element('00700080', 'CS', 'MODEL_RESULT'),
    element('00700081', 'LO', textValue(resultNote)),
    element('00700084', 'PN', ''),
    element('52009229', 'SQ', { items: [place.shared] }),
    element('52009230', 'SQ', {
      items: parts.map(({ segment: number, frame, at }) => [
        group('00209111', [
          element('00209057', 'UL', { ul: [place.stackPosition[at]!] }),
          element('00209056', 'SH', '1'),
          element('00209157', 'UL', { ul: [number, place.stackPosition[at]!] }),
        ]),
        ...place.frame(frame),
        group('0062000A', [element('0062000B', 'US', { us: number })]),
        group('00089124', derivation(frame, source)),
      ]),
    }),
    element('7FE00010', 'OB', {
      bytes: packedBits(
        parts.map(({ segment: number, frame }) => frame.drawn[number - 1]!),
        rows * columns,
      ),
    }),
  ];
  return encodePart10(elements, segmentationStorage, sopInstanceUID, { versionName: 'IMAGIQ_MODEL' });
}

const group = (tag: string, item: readonly Element[]): Element => element(tag, 'SQ', { items: [item] });

/** Bits follow one another without a gap between frames, the first in the lowest place (PS3.5 8.1.1, D.1). */
function packedBits(frames: readonly Uint32Array[], size: number): Uint8Array {
  const bits = new Uint8Array(Math.ceil((frames.length * size) / 8));
  frames.forEach((drawn, frame) => {
    for (const pixel of drawn) {
      const at = frame * size + pixel;
      bits[at >> 3]! |= 1 << (at & 7);
    }
  });
  return bits;
}

/** CIELab as DICOM encodes it (PS3.3 C.10.7.1.1): other colours than a reader's own regions are shown in by number. */
const colours = [
  [36984, 51969, 23692],
  [51481, 18840, 38603],
  [43588, 45744, 47484],
  [34999, 41613, 14258],
  [56234, 29607, 50736],
  [48909, 25607, 24883],
] as const;

function segment(model: Model, name: string, number: number): readonly Element[] {
  // Anatomical structure: what it is the name tells, which no code list stands behind.
  const structure = code('91723000', 'SCT', 'Anatomical Structure');
  const algorithm = textValue(`${model.network} ${model.id}`);
  return [
    element('00620003', 'SQ', { items: [structure] }),
    element('00620004', 'US', { us: number }),
    element('00620005', 'LO', textValue(name)),
    element('00620007', 'SQ', {
      items: [
        [
          element('0066002F', 'SQ', { items: [code('123110', 'DCM', 'Artificial Intelligence')] }),
          element('00660031', 'LO', textValue(model.id)),
          element('00660032', 'LT', weightsNote(model)),
          element('00660036', 'LO', algorithm),
          element('00240202', 'LO', 'ImagiQ'),
        ],
      ],
    }),
    element('00620008', 'CS', 'AUTOMATIC'),
    element('00620009', 'LO', algorithm),
    element('0062000D', 'US', { pixels: Uint16Array.from(colours[(number - 1) % colours.length]!) }),
    element('0062000F', 'SQ', { items: [structure] }),
  ];
}

interface Dimension {
  readonly pointer: string;
  readonly group: string;
  readonly label: string;
}
const segmentNumber: Dimension = { pointer: '0062000B', group: '0062000A', label: 'Segment Number' };

const dimension = (organization: string, { pointer, group: inGroup, label }: Dimension): readonly Element[] => [
  element('00209164', 'UI', organization),
  element('00209165', 'AT', { bytes: tagBytes(pointer) }),
  element('00209167', 'AT', { bytes: tagBytes(inGroup) }),
  element('00209421', 'LO', label),
];

function tagBytes(tag: string): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0);
  bytes.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2);
  return bytes;
}

interface Placing {
  readonly frameOfReference: readonly Element[];
  readonly shared: readonly Element[];
  frame(frame: DrawnFrame): readonly Element[];
  readonly dimension: Dimension;
  /** By frame of the series, from 1, along the normal where that is known. */
  readonly stackPosition: readonly number[];
}

/** Where the frames lie in the patient (PS3.3 C.7.6.16.2); images that do not tell it are placed by the image they name alone. */
function placing(frames: readonly DrawnFrame[]): Placing {
  const inOrder = frames.map((_, index) => index + 1);
  const [first] = frames;
  const isPlaced = frames.every(
    ({ geometry }) => geometry.position !== null && geometry.orientation !== null && geometry.pixelSpacingMm !== null,
  );
  if (!isPlaced || first === undefined || first.geometry.frameOfReferenceUID === null) {
    return {
      frameOfReference: [],
      shared: [],
      frame: () => [],
      dimension: { pointer: '00209057', group: '00209111', label: 'In-Stack Position Number' },
      stackPosition: inOrder,
    };
  }
  const along = frames.map(({ geometry }) => alongNormal(geometry));
  const places = [...new Set(along.map((value) => Math.round(value * 1e3)))].sort((a, b) => a - b);
  const gaps = places.slice(1).map((value, index) => (value - places[index]!) / 1e3);
  const betweenMm = median(gaps);
  const thicknessMm = first.geometry.sliceThicknessMm ?? betweenMm;
  const isOneDirection = frames.every(
    ({ geometry }) => String(geometry.orientation) === String(first.geometry.orientation),
  );
  const orientation = ({ geometry }: DrawnFrame): Element =>
    group('00209116', [element('00200037', 'DS', decimals(geometry.orientation ?? []))]);
  const measures = [
    ...(thicknessMm === undefined ? [] : [element('00180050', 'DS', decimalString(thicknessMm))]),
    ...(betweenMm === undefined ? [] : [element('00180088', 'DS', decimalString(betweenMm))]),
    element('00280030', 'DS', decimals(first.geometry.pixelSpacingMm ?? [])),
  ];
  return {
    frameOfReference: [element('00200052', 'UI', first.geometry.frameOfReferenceUID), element('00201040', 'LO', '')],
    shared: [group('00289110', measures), ...(isOneDirection ? [orientation(first)] : [])],
    frame: (frame) => [
      group('00209113', [element('00200032', 'DS', decimals(frame.geometry.position ?? []))]),
      ...(isOneDirection ? [] : [orientation(frame)]),
    ],
    dimension: { pointer: '00200032', group: '00209113', label: 'Image Position Patient' },
    stackPosition: along.map((value) => places.indexOf(Math.round(value * 1e3)) + 1),
  };
}

/** The upper one of two in the middle; undefined of none. */
export function median(numbers: readonly number[]): number | undefined {
  return [...numbers].sort((one, other) => one - other)[Math.floor(numbers.length / 2)];
}

/** In mm; of a geometry that has both. */
export function alongNormal({ position, orientation }: FrameGeometry): number {
  const normal = normalOf(orientation!);
  return position![0] * normal[0] + position![1] * normal[1] + position![2] * normal[2];
}

const decimals = (numbers: readonly number[]): string => numbers.map((one) => decimalString(one + 0)).join('\\');

/** Derivation Image macro (PS3.3 C.7.6.16.2.6). */
function derivation({ sopInstanceUID, frame }: DrawnFrame, source: ResultSource): readonly Element[] {
  const image = [
    ...imageReference(sopInstanceUID, source),
    ...(frame === null ? [] : [element('00081160', 'IS', String(frame))]),
    element('0028135A', 'CS', 'YES'),
    element('0040A170', 'SQ', { items: [code('121322', 'DCM', 'Source image for image processing operation')] }),
  ];
  return [
    element('00089215', 'SQ', { items: [code('113076', 'DCM', 'Segmentation')] }),
    element('00082112', 'SQ', { items: [image] }),
  ];
}

/** What was drawn on images that were compressed with loss says so (PS3.3 C.8.20.2). */
export function lossy({ text }: ResultSource): readonly Element[] {
  if (text('LossyImageCompression') !== '01') return [element('00282110', 'CS', '00')];
  return [
    element('00282110', 'CS', '01'),
    element('00282112', 'DS', text('LossyImageCompressionRatio') || '1'),
    element('00282114', 'CS', text('LossyImageCompressionMethod') || 'ISO_10918_1'),
  ];
}
