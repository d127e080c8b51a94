// The header of a NIfTI-1 or NIfTI-2 file (nifti1.h, nifti2.h; nifti.nimh.nih.gov), as far as images need it.
import { libraryFaults } from '../faults.ts';

export interface NiftiHeader {
  readonly isLittleEndian: boolean;
  /** Voxels along i, j, k; then time and further dimensions, multiplied. */
  readonly size: readonly [number, number, number];
  readonly volumes: number;
  readonly datatype: number;
  /** Where the values begin. */
  readonly offset: number;
  /** value = stored × slope + intercept. */
  readonly slope: number;
  readonly intercept: number;
  /** Values to be shown from black to white; equal where the file does not say. */
  readonly calMin: number;
  readonly calMax: number;
  /** Millimetres along i, j, k; 0 where the file does not say. */
  readonly spacingMm: readonly [number, number, number];
  /** Rows x, y, z (to the right, to the front, up; millimetres) by columns i, j, k, origin; null where unknown. */
  readonly affine: readonly (readonly [number, number, number, number])[] | null;
}

/** @throws Fault 107 where the header is cut, contradicts itself or names what cannot be an image. */
export function niftiHeader(bytes: Uint8Array): NiftiHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 352) throw damaged('it ends inside its header');
  const size = [348, 540].find((one) => view.getInt32(0, true) === one || view.getInt32(0, false) === one);
  if (size === undefined) throw damaged('its header has no length');
  const isLittleEndian = view.getInt32(0, true) === size;
  if (bytes.length < size + 4) throw damaged('it ends inside its header');
  const magic = Buffer.from(bytes.buffer, bytes.byteOffset + (size === 348 ? 344 : 4), 3).toString('latin1');
  if (magic.startsWith('ni'))
    throw libraryFaults.notDicom('One part of a NIfTI pair (.hdr and .img): save it as one .nii file.');
  const fields = size === 348 ? nifti1Fields(view, isLittleEndian) : nifti2Fields(view, isLittleEndian);
  const { dim, pixdim, offset, scale, cal, units, datatype } = fields;
  if (fields.intent >= 3000 && fields.intent < 3100)
    throw libraryFaults.notDicom('A CIFTI file: values on a surface or between regions, and no image.');
  const dimensions = dim[0]!;
  if (dimensions < 1 || dimensions > 7) throw damaged(`it has ${dimensions} dimensions`);
  // Writers exist that count a dimension beyond space and leave it at 0; nifti1_io reads 1, too.
  const extent = (axis: number): number => (axis <= dimensions && (axis < 4 || dim[axis] !== 0) ? dim[axis]! : 1);
  const extents = [1, 2, 3, 4, 5, 6, 7].map(extent);
  if (!extents.every((one) => Number.isInteger(one) && one >= 1 && one <= 1e9)) throw damaged('a dimension is empty');
  // Units of space: 1 metre, 2 millimetre, 3 micrometre; unknown is taken for millimetre, as all readers do.
  const mm = units % 8 === 1 ? 1_000 : units % 8 === 3 ? 0.001 : 1;
  const spacing = (axis: number): number => {
    const one = Math.abs(pixdim[axis]!) * mm;
    return Number.isFinite(one) ? one : 0;
  };
  const rows = fields.sformCode > 0 ? fields.srow : fields.qformCode > 0 ? quaternionRows(fields) : null;
  const affine = rows?.map((row) => row.map((one) => one * mm)) as [number, number, number, number][] | undefined;
  // A slope of 0 means that the values are not scaled.
  const isScaled = scale[0] !== 0 && scale.every(Number.isFinite);
  return {
    isLittleEndian,
    size: [extents[0]!, extents[1]!, extents[2]!],
    volumes: extents[3]! * extents[4]! * extents[5]! * extents[6]!,
    datatype,
    offset: Math.max(size + 4, Number.isFinite(offset) ? Math.trunc(offset) : 0),
    slope: isScaled ? scale[0] : 1,
    intercept: isScaled ? scale[1] : 0,
    calMin: cal[0],
    calMax: cal[1],
    spacingMm: [spacing(1), spacing(2), spacing(3)],
    affine: affine?.flat().every(Number.isFinite) === true ? affine : null,
  };
}

interface Fields {
  readonly dim: readonly number[];
  readonly datatype: number;
  /** NIFTI_INTENT_…: what the values mean; 3000 to 3099 are CIFTI's (nitrc.org/projects/cifti). */
  readonly intent: number;
  readonly pixdim: readonly number[];
  readonly offset: number;
  readonly scale: readonly [number, number];
  readonly cal: readonly [number, number];
  readonly units: number;
  readonly qformCode: number;
  readonly sformCode: number;
  /** Quaternion b, c, d, then the offset x, y, z. */
  readonly quatern: readonly number[];
  readonly srow: readonly (readonly number[])[];
}

const list = (length: number, at: (index: number) => number): number[] =>
  Array.from({ length }, (_, index) => at(index));
const threeRows = (at: (index: number) => number): number[][] =>
  [0, 4, 8].map((first) => list(4, (index) => at(first + index)));

function nifti1Fields(view: DataView, little: boolean): Fields {
  const float = (at: number): number => view.getFloat32(at, little);
  return {
    dim: list(8, (index) => view.getInt16(40 + index * 2, little)),
    datatype: view.getInt16(70, little),
    intent: view.getInt16(68, little),
    pixdim: list(8, (index) => float(76 + index * 4)),
    offset: float(108),
    scale: [float(112), float(116)],
    cal: [float(128), float(124)],
    units: view.getUint8(123),
    qformCode: view.getInt16(252, little),
    sformCode: view.getInt16(254, little),
    quatern: list(6, (index) => float(256 + index * 4)),
    srow: threeRows((index) => float(280 + index * 4)),
  };
}

function nifti2Fields(view: DataView, little: boolean): Fields {
  const double = (at: number): number => view.getFloat64(at, little);
  const long = (at: number): number => Number(view.getBigInt64(at, little));
  return {
    dim: list(8, (index) => long(16 + index * 8)),
    datatype: view.getInt16(12, little),
    intent: view.getInt32(504, little),
    pixdim: list(8, (index) => double(104 + index * 8)),
    offset: long(168),
    scale: [double(176), double(184)],
    cal: [double(200), double(192)],
    units: view.getInt32(500, little),
    qformCode: view.getInt32(344, little),
    sformCode: view.getInt32(348, little),
    quatern: list(6, (index) => double(352 + index * 8)),
    srow: threeRows((index) => double(400 + index * 8)),
  };
}

/** Method 2 of nifti1.h: a rotation as a unit quaternion, the spacings, and a flip of the third axis. */
function quaternionRows({ quatern, pixdim }: Fields): number[][] {
  let [b = 0, c = 0, d = 0] = quatern;
  const square = b * b + c * c + d * d;
  let a = Math.sqrt(Math.max(0, 1 - square));
  if (1 - square < 1e-7) {
    // Half a turn: rounding may have made it longer than one.
    const length = Math.sqrt(square);
    [a, b, c, d] = [0, b / length, c / length, d / length];
  }
  const flip = pixdim[0]! < 0 ? -1 : 1;
  const [x, y, z] = [pixdim[1]!, pixdim[2]!, pixdim[3]! * flip];
  const rotation = [
    [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
    [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
    [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
  ];
  return rotation.map(([i, j, k], row) => [i! * x, j! * y, k! * z, quatern[3 + row]!]);
}

const damaged = (why: string): Error => libraryFaults.notDicom(`The NIfTI volume is damaged: ${why}.`);
