// What the Image Pixel module (PS3.3 C.7.6.3) says about the pixels, checked before anything is allocated.
import type { DataSet } from '../dataset.ts';
import { codeOf, numberOf } from './attributes.ts';
import { pixelFaults } from './faults.ts';

const pixelTags = {
  SamplesPerPixel: 0x00280002,
  PhotometricInterpretation: 0x00280004,
  PlanarConfiguration: 0x00280006,
  NumberOfFrames: 0x00280008,
  Rows: 0x00280010,
  Columns: 0x00280011,
  BitsAllocated: 0x00280100,
  BitsStored: 0x00280101,
  HighBit: 0x00280102,
  PixelRepresentation: 0x00280103,
} as const;

export interface ImageDescription {
  readonly rows: number;
  readonly columns: number;
  readonly samples: 1 | 3;
  readonly frames: number;
  readonly bitsAllocated: 1 | 8 | 16 | 32;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly isSigned: boolean;
  readonly photometric: string;
  readonly isPlanar: boolean;
}

/** Most bytes that one decoded frame may take: a radiograph of 14,000 × 14,000 in 16 bits. */
export const frameLimitBytes = 384 * 1024 * 1024;

/** @throws Fault 152, 153 or 156 where the description contradicts itself, is of no supported kind, or too large. */
export function imageDescription(dataset: DataSet): ImageDescription {
  const read = (keyword: keyof typeof pixelTags): number | null => numberOf(dataset, dataset, pixelTags[keyword]);
  const whole = (keyword: keyof typeof pixelTags, least: number, most: number, absent?: number): number => {
    const value = read(keyword) ?? absent;
    if (value === undefined) throw pixelFaults.badDescription(`${keyword} is absent or empty`);
    if (!Number.isInteger(value) || value < least || value > most) {
      throw pixelFaults.badDescription(`${keyword} is ${value}`);
    }
    return value;
  };
  const rows = whole('Rows', 1, 65535);
  const columns = whole('Columns', 1, 65535);
  const samples = whole('SamplesPerPixel', 1, 4, 1);
  if (samples !== 1 && samples !== 3) throw pixelFaults.unsupported(`${samples} samples per pixel`);
  const bitsAllocated = whole('BitsAllocated', 1, 64);
  if (bitsAllocated !== 1 && bitsAllocated !== 8 && bitsAllocated !== 16 && bitsAllocated !== 32) {
    throw pixelFaults.unsupported(`${bitsAllocated} bits per sample`);
  }
  const bitsStored = whole('BitsStored', 1, bitsAllocated, bitsAllocated);
  const frameBytes = rows * columns * samples * Math.max(1, bitsAllocated / 8);
  if (frameBytes > frameLimitBytes) throw pixelFaults.tooLarge(`${columns} × ${rows} pixels`);
  // A number of frames that is no number is one frame (IS text goes wrong in old exports): the pixel data decides.
  const frames = read('NumberOfFrames') ?? 1;
  return {
    rows,
    columns,
    samples,
    frames: Number.isInteger(frames) && frames >= 1 && frames <= 0x7fffffff ? frames : 1,
    bitsAllocated,
    bitsStored,
    highBit: whole('HighBit', bitsStored - 1, bitsAllocated - 1, bitsStored - 1),
    isSigned: whole('PixelRepresentation', 0, 1, 0) === 1,
    photometric:
      codeOf(dataset, dataset, pixelTags.PhotometricInterpretation) || (samples === 3 ? 'RGB' : 'MONOCHROME2'),
    isPlanar: samples > 1 && whole('PlanarConfiguration', 0, 1, 0) === 1,
  };
}
