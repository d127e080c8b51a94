// The four practice hospitals: their scanners, their habits, and which patients they see. Makers and models are invented.
import type { PracticeClass } from './anatomy.ts';

export interface Scanner {
  readonly manufacturer: string;
  readonly model: string;
  readonly kernel: string;
  readonly kilovolts: number;
  readonly tubeCurrentMa: number;
  /** Side of the reconstructed square in millimetres. */
  readonly fieldMm: number;
  readonly sliceThicknessMm: number;
  /** Standard deviation of the noise before the kernel, HU. */
  readonly noiseHu: number;
  /** Sharpening (above 0) or smoothing (below 0) of the reconstruction kernel. */
  readonly sharpness: number;
  /** Factor of contrast against water, by tube voltage and beam hardening; and a calibration error in HU. */
  readonly contrast: number;
  readonly offsetHu: number;
  /** Strength of horizontal streaks where dose is short, HU. */
  readonly streaksHu: number;
  /** How values are stored: PixelRepresentation, RescaleIntercept, and the value outside of the measured circle. */
  readonly signed: boolean;
  readonly rescaleIntercept: number;
  readonly paddingValue: number | null;
}

export interface PracticeSite {
  /** Name of the site: lower case, one word. */
  readonly name: string;
  readonly institution: string;
  /** What a person is told about the scanner. */
  readonly description: string;
  readonly scanner: Scanner;
  /** How many patients of each class this hospital sees: strongly skewed on purpose. */
  readonly patients: Readonly<Record<PracticeClass, number>>;
  /** Instances of each patient. */
  readonly slices: number;
}

export const practiceSites: readonly PracticeSite[] = [
  {
    name: 'lyon',
    institution: 'Practice Hospital Lyon',
    description: 'Aurora A64, soft kernel, 120 kV: little noise, mostly nodules',
    scanner: {
      manufacturer: 'Aurora Imaging (invented)',
      model: 'A64',
      kernel: 'SOFT30',
      kilovolts: 120,
      tubeCurrentMa: 260,
      fieldMm: 360,
      sliceThicknessMm: 5,
      noiseHu: 45,
      sharpness: -0.8,
      contrast: 1,
      offsetHu: 0,
      streaksHu: 0,
      signed: false,
      rescaleIntercept: -1024,
      paddingValue: null,
    },
    patients: { effusion: 10, nodule: 36, normal: 24, pneumothorax: 10 },
    slices: 5,
  },
  {
    name: 'oslo',
    institution: 'Practice Hospital Oslo',
    description: 'Fjord F16, sharp kernel, 100 kV: grainy, narrow field, mostly effusions',
    scanner: {
      manufacturer: 'Fjord Medical (invented)',
      model: 'F16',
      kernel: 'SHARP70',
      kilovolts: 100,
      tubeCurrentMa: 140,
      fieldMm: 315,
      sliceThicknessMm: 3,
      noiseHu: 70,
      sharpness: 0.7,
      contrast: 1.12,
      offsetHu: 25,
      streaksHu: 0,
      signed: true,
      rescaleIntercept: 0,
      paddingValue: null,
    },
    patients: { effusion: 32, nodule: 9, normal: 12, pneumothorax: 9 },
    slices: 5,
  },
  {
    name: 'quito',
    institution: 'Practice Hospital Quito',
    description: 'Andes X4, low dose, 80 kV: streaks, wide field, mostly pneumothorax',
    scanner: {
      manufacturer: 'Andes Systems (invented)',
      model: 'X4',
      kernel: 'STANDARD',
      kilovolts: 80,
      tubeCurrentMa: 60,
      fieldMm: 440,
      sliceThicknessMm: 8,
      noiseHu: 85,
      sharpness: -0.3,
      contrast: 0.86,
      offsetHu: 70,
      streaksHu: 55,
      signed: true,
      rescaleIntercept: -1024,
      paddingValue: -2000,
    },
    patients: { effusion: 8, nodule: 8, normal: 10, pneumothorax: 26 },
    slices: 5,
  },
  {
    name: 'kyoto',
    institution: 'Practice Hospital Kyoto',
    description: 'Sakura S320, iterative soft kernel, 140 kV: smooth, mostly normal',
    scanner: {
      manufacturer: 'Sakura Tomography (invented)',
      model: 'S320',
      kernel: 'ITER20',
      kilovolts: 140,
      tubeCurrentMa: 320,
      fieldMm: 385,
      sliceThicknessMm: 5,
      noiseHu: 25,
      sharpness: -1.3,
      contrast: 0.93,
      offsetHu: -40,
      streaksHu: 0,
      signed: true,
      rescaleIntercept: 0,
      paddingValue: -3024,
    },
    patients: { effusion: 9, nodule: 9, normal: 34, pneumothorax: 9 },
    slices: 5,
  },
];
