// The anatomy of one phantom patient. Nothing here comes from a person: shapes are ellipses with irregular outlines,
// positions and sizes are drawn from a seed.
import type { Blob, Mask } from './canvas.ts';
import { openRandom, type Random } from './random.ts';

export const practiceClasses = ['effusion', 'nodule', 'normal', 'pneumothorax'] as const;
export type PracticeClass = (typeof practiceClasses)[number];

/** What stays the same in all slices of one phantom patient. Lengths in millimetres. */
export interface Anatomy {
  readonly seed: string;
  readonly finding: PracticeClass;
  readonly halfWidthMm: number;
  readonly halfDepthMm: number;
  readonly fatMm: number;
  readonly lungHu: number;
  /** The side of the finding: −1 the patient's right (left in the image), 1 the left. */
  readonly side: -1 | 1;
  /** Extent of the finding: nodule diameter, depth of the fluid or air. */
  readonly findingMm: number;
  /** Where a nodule lies in its lung, each −1…1. */
  readonly nodules: readonly { side: -1 | 1; u: number; v: number; diameterMm: number }[];
  readonly rotation: number;
  readonly shiftXMm: number;
  readonly shiftYMm: number;
}

/** Both lungs of one slice. */
export interface Lung {
  readonly blob: Blob;
  readonly mask: Mask;
}

/** Draws a patient from `seed`; the same seed and finding give the same patient. */
export function anatomyOf(seed: string, finding: PracticeClass): Anatomy {
  const random = openRandom(`${seed}/anatomy`);
  const halfWidthMm = random.between(138, 172);
  const side = random.chance(0.5) ? 1 : -1;
  const nodule = (): Anatomy['nodules'][number] => ({
    side: random.chance(0.5) ? 1 : -1,
    u: random.between(-0.55, 0.55),
    v: random.between(-0.65, 0.65),
    diameterMm: random.between(32, 50),
  });
  return {
    seed,
    finding,
    side,
    halfWidthMm,
    halfDepthMm: halfWidthMm * random.between(0.64, 0.74),
    fatMm: random.between(5, 20),
    lungHu: random.between(-890, -800),
    findingMm: random.between(32, 72),
    nodules: random.chance(0.25) ? [nodule(), nodule()] : [nodule()],
    rotation: random.between(-0.07, 0.07),
    shiftXMm: random.between(-10, 10),
    shiftYMm: random.between(-8, 8),
  };
}

/** `count` harmonics of an irregular outline, each of about `amplitude`. */
export function wobble(random: Random, count: number, amplitude: number): { amplitude: number; phase: number }[] {
  return Array.from({ length: count }, () => ({
    amplitude: amplitude * random.between(0.4, 1),
    phase: random.between(0, 2 * Math.PI),
  }));
}
