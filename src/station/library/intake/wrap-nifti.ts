// NIfTI volumes as multi-frame Secondary Capture objects with functional groups (PS3.3 A.8.3 to A.8.5, C.7.6.16): one
// frame for each slice, in its place in the patient, with the file's values behind slope and intercept.
import { constants, gunzipSync } from 'node:zlib';
import { libraryFaults } from '../faults.ts';
import type { Element } from '../encode-part10.ts';
import { fileKind } from './file-kind.ts';
import { type NiftiHeader, niftiHeader } from './nifti-header.ts';
import { isByte, isColoured, niftiPixels, type NiftiPixels, voxelLimitBytes } from './nifti-values.ts';
import { type Grid, readingWay, type Vector } from './reading-way.ts';
import { imagePixelElements } from './wrap-picture.ts';
import {
  decimalString,
  derivedUid,
  element,
  secondaryCapture,
  type Wrapped,
  type WrappedFile,
  wrappedObject,
} from './wrapped-object.ts';

const explicitLittleEndian = '1.2.840.10008.1.2.1';
const headerBytes = 65_536;
/** Directions whose cosine is above this are no right angle: DICOM has no word for such a pixel grid. */
const skewCosine = 1e-3;
const framesLimit = 65_536;

/** @throws Fault 107 where the file is no whole NIfTI volume of a kind that can be imported. */
export function wrapNifti(file: WrappedFile): Wrapped {
  const { header, rows, columns, values, problem, groups } = openNifti(file.bytes);
  const frames = header.size[2] * header.volumes;
  const { samples, pixels } = values;
  const isWord = pixels instanceof Uint16Array;
  const bits = isWord ? 16 : 8;
  const photometric = samples === 3 ? 'RGB' : 'MONOCHROME2';
  const comment = [values.derivation, problem].filter((sentence) => sentence !== '').join(' ');
  const isRounded = samples === 1 && values.derivation !== '';
  const object = wrappedObject(file, {
    sopClassUID: multiFrameClassOf(header),
    transferSyntaxUID: explicitLittleEndian,
    elements: [
      ...imagePixelElements({ rows, columns, samples, bitsAllocated: bits, bitsStored: bits, photometric }),
      ...(comment === '' ? [] : [element('00204000', 'LT', comment)]),
      ...groups.frameOfReference,
      element('00280008', 'IS', String(frames)),
      // Frames are told apart by their functional groups.
      element('00280009', 'AT', { bytes: Uint8Array.of(0x00, 0x52, 0x30, 0x92) }),
      ...(samples === 1 ? [...rescale(values), element('20500020', 'CS', 'IDENTITY')] : []),
      element('52009229', 'SQ', { items: [[...groups.shared, ...valueGroups(values)]] }),
      element('52009230', 'SQ', { items: Array.from({ length: frames }, (_, at) => groups.frame(at)) }),
      element('7FE00010', 'OW', isWord ? { pixels } : { bytes: pixels }),
    ],
  });
  return isRounded ? { object, remark: { kind: 'rounded-values', what: values.derivation } } : { object };
}

export interface OpenNifti {
  readonly header: NiftiHeader;
  /** Of a slice as readers look at it: they may be the file's columns and rows. */
  readonly rows: number;
  readonly columns: number;
  readonly values: NiftiPixels;
  /** Why the file's place in the patient is left out; empty where it is not. */
  readonly problem: string;
  /** What places the frames, for an image and for its mask alike. */
  readonly groups: {
    readonly frameOfReference: readonly Element[];
    readonly shared: readonly Element[];
    readonly frame: (frame: number) => Element[];
  };
}

/**
 * A volume with its place in the patient. What turns voxels does so here: an image and its mask stay on one grid.
 * @param placedAs the header of the volume that lies in the same place; else the file's own
 * @throws Fault 107 where the file is no whole NIfTI volume of a kind that can be imported.
 */
export function openNifti(file: Uint8Array, placedAs?: NiftiHeader): OpenNifti {
  const bytes = unpacked(file);
  const header = niftiHeader(bytes);
  const [iCount, jCount, slices] = header.size;
  if (iCount > 65_535 || jCount > 65_535 || slices * header.volumes > framesLimit)
    throw libraryFaults.notDicom(
      `The NIfTI volume is too large: ${[...header.size, header.volumes].join(' × ')} voxels.`,
    );
  const place = placedAs ?? header;
  const { grid: stored, problem } = gridOf(place);
  const values = niftiPixels(bytes, header);
  const { pixels, samples } = values;
  const turned = readingWay({ pixels, samples, rows: jCount, columns: iCount, grid: stored });
  const { rows, columns, grid } = turned;
  return {
    header,
    rows,
    columns,
    values: { ...values, pixels: turned.pixels },
    problem,
    groups: {
      frameOfReference:
        grid === null ? [] : [element('00200052', 'UI', frameOfReference(place)), element('00201040', 'LO', '')],
      shared: placeGroups(place, grid),
      frame: (frame) => frameGroups(frame, slices, grid),
    },
  };
}

/** The header alone, of a file that may be compressed. @throws Fault 107 */
export function niftiHead(file: Uint8Array): NiftiHeader {
  if (fileKind(file) !== 'gzip') return niftiHeader(file);
  let bytes: Uint8Array;
  try {
    bytes = gunzipSync(file.subarray(0, headerBytes), { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    throw libraryFaults.notDicom('The compressed file is damaged: it cannot be expanded.');
  }
  return niftiHeader(bytes);
}

/** What a volume is wrapped as. */
export function multiFrameClassOf({ datatype }: NiftiHeader): string {
  if (isColoured(datatype)) return secondaryCapture.multiFrameColor;
  return isByte(datatype) ? secondaryCapture.multiFrameByte : secondaryCapture.multiFrameWord;
}

function unpacked(bytes: Uint8Array): Uint8Array {
  if (fileKind(bytes) !== 'gzip') return bytes;
  try {
    const whole = gunzipSync(bytes, { maxOutputLength: voxelLimitBytes + headerBytes });
    if (fileKind(whole) === 'nifti') return whole;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE')
      throw libraryFaults.notDicom('The compressed file is too large when expanded (over 512 MB).');
    throw libraryFaults.notDicom('The compressed file is damaged: it cannot be expanded.');
  }
  throw libraryFaults.notDicom('Not a DICOM file: of compressed files, only NIfTI volumes (.nii.gz) can be imported.');
}

/** A volume and its label map come as two files on one grid: of one grid is one frame of reference, within 0.1 µm. */
function frameOfReference({ affine, size }: NiftiHeader): string {
  const rounded = affine?.map((row) => row.map((value) => Math.round(value * 1e4)));
  return derivedUid('frame of reference of a grid', JSON.stringify({ size, rounded }));
}

/** Where the voxels lie. NIfTI's x and y run to the right and to the front, DICOM's the other way (PS3.3 C.7.6.2.1.1). */
function gridOf({ affine, spacingMm }: NiftiHeader): { grid: Grid | null; problem: string } {
  if (affine === null) return { grid: null, problem: 'The file does not say where in the patient it lies.' };
  const column = (index: number): Vector => [-affine[0]![index]!, -affine[1]![index]!, affine[2]![index]!];
  const [i, j, k, origin] = [column(0), column(1), column(2), column(3)];
  const [iMm, jMm] = [lengthOf(i), lengthOf(j)];
  if (!(iMm > 0) || !(jMm > 0))
    return { grid: null, problem: 'The place in the patient that the file tells is impossible.' };
  const alongRow = scaled(i, 1 / iMm);
  const alongColumn = scaled(j, 1 / jMm);
  if (Math.abs(dot(alongRow, alongColumn)) > skewCosine)
    return { grid: null, problem: 'Rows and columns are not at right angles: the place in the patient is left out.' };
  const normal = cross(alongRow, alongColumn);
  const between = Math.abs(dot(normal, k));
  return {
    problem: '',
    grid: {
      alongRow,
      alongColumn,
      pixelSpacingMm: [jMm, iMm],
      sliceSpacingMm: between > 0 ? between : spacingMm[2],
      origin,
      sliceStep: k,
    },
  };
}

/** Where a reader looks for them: in the data set for those that know no functional groups. */
function rescale({ slope, intercept }: Pick<NiftiPixels, 'slope' | 'intercept'>): Element[] {
  return [
    element('00281052', 'DS', decimalString(intercept)),
    element('00281053', 'DS', decimalString(slope)),
    element('00281054', 'LO', 'US'),
  ];
}

function placeGroups(header: NiftiHeader, grid: Grid | null): Element[] {
  const [columnMm, rowMm, sliceMm] = header.spacingMm;
  const spacing = grid?.pixelSpacingMm ?? (rowMm > 0 && columnMm > 0 ? [rowMm, columnMm] : null);
  const between = grid?.sliceSpacingMm ?? sliceMm;
  const measures = [
    ...(between > 0
      ? [element('00180050', 'DS', decimalString(between)), element('00180088', 'DS', decimalString(between))]
      : []),
    ...(spacing === null ? [] : [element('00280030', 'DS', decimals(spacing))]),
  ];
  return [
    ...(measures.length === 0 ? [] : [group('00289110', measures)]),
    ...(grid === null
      ? []
      : [group('00209116', [element('00200037', 'DS', decimals([...grid.alongRow, ...grid.alongColumn]))])]),
  ];
}

/** What grey values mean, and how they are shown. */
function valueGroups({ samples, slope, intercept, low, high }: NiftiPixels): Element[] {
  if (samples === 3) return [];
  return [
    group('00289145', rescale({ slope, intercept })),
    group('00289132', [
      element('00281050', 'DS', decimalString((low + high) / 2)),
      element('00281051', 'DS', decimalString(Math.max(high - low, Math.abs(slope)) || 1)),
      // A LINEAR window of 1 or less is a step, or not allowed (PS3.3 C.11.2.1.2.1): values from 0 to 1 are common.
      element('00281056', 'CS', 'LINEAR_EXACT'),
    ]),
  ];
}

const group = (tag: string, item: Element[]): Element => element(tag, 'SQ', { items: [item] });

function frameGroups(frame: number, slices: number, grid: Grid | null): Element[] {
  const slice = frame % slices;
  const volume = Math.floor(frame / slices);
  const content = [
    element('00209056', 'SH', '1'),
    element('00209057', 'UL', { ul: [slice + 1] }),
    element('00209128', 'UL', { ul: [volume + 1] }),
  ];
  if (grid === null) return [element('00209111', 'SQ', { items: [content] })];
  const position = [0, 1, 2].map((axis) => grid.origin[axis]! + grid.sliceStep[axis]! * slice);
  return [
    element('00209111', 'SQ', { items: [content] }),
    element('00209113', 'SQ', { items: [[element('00200032', 'DS', decimals(position))]] }),
  ];
}

const decimals = (numbers: readonly number[]): string => numbers.map((one) => decimalString(one + 0)).join('\\');
const lengthOf = (vector: Vector): number => Math.hypot(...vector);
const scaled = ([x, y, z]: Vector, by: number): Vector => [x * by, y * by, z * by];
const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: Vector, b: Vector): Vector => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
