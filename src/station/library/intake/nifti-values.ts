// The voxels of a NIfTI file as pixels that DICOM can hold: unsigned, 8 or 16 bits, with slope and intercept; or RGB.
import { libraryFaults } from '../faults.ts';
import type { NiftiHeader } from './nifti-header.ts';

export interface NiftiPixels {
  readonly samples: 1 | 3;
  readonly pixels: Uint8Array | Uint16Array;
  /** modality value = pixel × slope + intercept */
  readonly slope: number;
  readonly intercept: number;
  /** Modality values to be shown from black to white. */
  readonly low: number;
  readonly high: number;
  /** What the pixels do not tell exactly, for a person; empty where they are the file's own values. */
  readonly derivation: string;
}

/** Of the values in the file, and of the pixels made of them. */
export const voxelLimitBytes = 2 ** 29;

type Reader = (view: DataView, at: number, little: boolean) => number;
const scalars: Readonly<Record<number, { readonly bytes: number; readonly read: Reader }>> = {
  2: { bytes: 1, read: (view, at) => view.getUint8(at) },
  4: { bytes: 2, read: (view, at, little) => view.getInt16(at, little) },
  8: { bytes: 4, read: (view, at, little) => view.getInt32(at, little) },
  16: { bytes: 4, read: (view, at, little) => view.getFloat32(at, little) },
  64: { bytes: 8, read: (view, at, little) => view.getFloat64(at, little) },
  256: { bytes: 1, read: (view, at) => view.getInt8(at) },
  512: { bytes: 2, read: (view, at, little) => view.getUint16(at, little) },
  768: { bytes: 4, read: (view, at, little) => view.getUint32(at, little) },
  1024: { bytes: 8, read: (view, at, little) => Number(view.getBigInt64(at, little)) },
  1280: { bytes: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) },
};
/** Bytes for one voxel of interleaved colours. */
const colours: Readonly<Record<number, number>> = { 128: 3, 2304: 4 };
/** Of the pixels that a datatype becomes. */
export const isColoured = (datatype: number): boolean => colours[datatype] !== undefined;
export const isByte = (datatype: number): boolean => datatype === 2;
const unsupported: Readonly<Record<number, string>> = {
  1: 'one bit',
  32: 'complex numbers',
  1536: 'floating-point numbers of 128 bits',
  1792: 'complex numbers',
  2048: 'complex numbers',
};
const wordMost = 65_535;

/**
 * Whole numbers that span at most 65,536 values are kept exactly; all others are spread over 16 bits.
 * @throws Fault 107 where the type cannot be read, or the file holds fewer voxels than it says.
 */
export function niftiPixels(bytes: Uint8Array, header: NiftiHeader): NiftiPixels {
  const { datatype, size, volumes, offset } = header;
  const voxelBytes = colours[datatype] ?? scalars[datatype]?.bytes;
  if (voxelBytes === undefined) {
    const what = unsupported[datatype] ?? `values of an unknown type (${datatype})`;
    throw libraryFaults.notDicom(`The NIfTI volume holds ${what}, which cannot be imported.`);
  }
  const voxels = size[0] * size[1] * size[2] * volumes;
  if (voxels * Math.max(2, voxelBytes) > voxelLimitBytes) {
    throw libraryFaults.notDicom(`The NIfTI volume is too large: ${[...size, volumes].join(' × ')} voxels.`);
  }
  if (offset + voxels * voxelBytes > bytes.length)
    throw libraryFaults.notDicom('The NIfTI volume is damaged: it ends before its last voxel.');
  const colourBytes = colours[datatype];
  if (colourBytes !== undefined) return colourPixels(bytes, header, voxels, colourBytes);
  return greyPixels(bytes, header, voxels);
}

function colourPixels(bytes: Uint8Array, { offset }: NiftiHeader, voxels: number, stride: number): NiftiPixels {
  const pixels = new Uint8Array(voxels * 3);
  for (let voxel = 0; voxel < voxels; voxel += 1) {
    for (let sample = 0; sample < 3; sample += 1) pixels[voxel * 3 + sample] = bytes[offset + voxel * stride + sample]!;
  }
  const derivation = stride === 4 ? 'Opacity was left out.' : '';
  return { samples: 3, pixels, slope: 1, intercept: 0, low: 0, high: 255, derivation };
}

function greyPixels(bytes: Uint8Array, header: NiftiHeader, voxels: number): NiftiPixels {
  const { datatype, isLittleEndian, offset } = header;
  const { read, bytes: stride } = scalars[datatype]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let least = Infinity;
  let most = -Infinity;
  let isWhole = true;
  let strange = 0;
  for (let voxel = 0, at = offset; voxel < voxels; voxel += 1, at += stride) {
    const value = read(view, at, isLittleEndian);
    if (!Number.isFinite(value)) strange += 1;
    else {
      if (value < least) least = value;
      if (value > most) most = value;
      if (isWhole && !Number.isInteger(value)) isWhole = false;
    }
  }
  if (most < least) [least, most] = [0, 0];
  const isExact = isWhole && most - least <= wordMost;
  const step = isExact || most === least ? 1 : (most - least) / wordMost;
  const first = isExact && least >= 0 && most <= wordMost ? 0 : least;
  const pixels = isByte(datatype) ? new Uint8Array(voxels) : new Uint16Array(voxels);
  for (let voxel = 0, at = offset; voxel < voxels; voxel += 1, at += stride) {
    const value = read(view, at, isLittleEndian);
    pixels[voxel] = Number.isFinite(value) ? Math.round((value - first) / step) : 0;
  }
  const modality = (value: number): number => value * header.slope + header.intercept;
  const [low, high] = shownRange(header, pixels, (pixel) => modality(pixel * step + first));
  return {
    samples: 1,
    pixels,
    slope: header.slope * step,
    intercept: modality(first),
    low,
    high,
    derivation: [
      isExact ? '' : `Values were spread over 16 bits, in steps of ${(header.slope * step).toPrecision(3)}.`,
      strange === 0 ? '' : `Voxels that are no numbers (${strange}) were set to the lowest value.`,
    ]
      .filter((sentence) => sentence !== '')
      .join(' '),
  };
}

/** What the file says, else all values of a label map, else all but the most extreme 0.5 % at each end. */
function shownRange(
  { calMin, calMax }: NiftiHeader,
  pixels: Uint8Array | Uint16Array,
  modality: (pixel: number) => number,
): [number, number] {
  if (calMax > calMin && Number.isFinite(calMax - calMin)) return [calMin, calMax];
  const counts = new Uint32Array(wordMost + 1);
  for (const pixel of pixels) counts[pixel]! += 1;
  const used = counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
  const cut = used <= 256 ? 0 : pixels.length * 0.005;
  const at = (share: number): number => {
    let passed = 0;
    for (let pixel = 0; pixel <= wordMost; pixel += 1) {
      passed += counts[pixel]!;
      if (passed > share) return pixel;
    }
    return wordMost;
  };
  const ends = [modality(at(cut)), modality(at(pixels.length - cut - 1))].sort((a, b) => a - b);
  return [ends[0]!, ends[1]!];
}
