// A segmentation's counts on their way to a file and back, bit for bit: JSON keeps every finite double.
import { z } from 'zod';
import { reliabilityBins } from './calibration.ts';
import type { TallyState } from './tally-state.ts';

/** Where an image lies in its patient's volume, at the size that the network sees. */
export interface SlicePlace {
  /** Tells volumes apart; the images of one come one after the other. */
  readonly volume: number;
  /** Number of the slice in its volume. */
  readonly slice: number;
  /** Distances of neighbouring slices, rows and columns. */
  readonly spacingMm: readonly [number, number, number];
}

/** What is counted of one patient. */
export interface PatientTally {
  right: number;
  labelled: number;
  images: number;
  /** By class: pixels that are true and called, called only, true only. */
  readonly both: Float64Array;
  readonly called: Float64Array;
  readonly missed: Float64Array;
  /** By class: a distance of each volume (or image) that has both surfaces. */
  readonly distances: number[][];
  /** Structures of volumes of which only one surface is there. */
  unmatched: number;
}

/** The volume whose slices are coming in: by slice number its true and its predicted mask. */
export interface OpenVolume {
  readonly place: SlicePlace;
  readonly patient: number;
  readonly slices: Map<number, [Uint8Array, Uint8Array]>;
}

export interface SegmentationState {
  readonly patients: ReadonlyMap<number, PatientTally>;
  /** [true class][called class], pixels. */
  readonly confusion: readonly ArrayLike<number>[];
  readonly calibration: readonly (readonly number[])[];
  readonly lossSum: number;
  readonly inMm: boolean | null;
  readonly images: number;
  readonly volume: OpenVolume | null;
}

export function encodeSegmentationState(state: SegmentationState): TallyState {
  const { patients, confusion, volume, ...rest } = state;
  const slices = volume === null ? [] : [...volume.slices];
  const pixels = slices[0]?.[1][0].length ?? 0;
  const masks = new Uint8Array(slices.length * 2 * pixels);
  slices.forEach(([, pair], at) => pair.forEach((mask, side) => masks.set(mask, (2 * at + side) * pixels)));
  const counts = {
    ...rest,
    confusion: confusion.map((row) => Array.from(row)),
    patients: [...patients].map(([patient, { both, called, missed, ...tally }]) => ({
      ...tally,
      patient,
      both: [...both],
      called: [...called],
      missed: [...missed],
    })),
    volume: volume && { place: volume.place, patient: volume.patient, slices: slices.map(([slice]) => slice) },
  };
  return {
    counts,
    tensors: new Map([['masks', { elementType: 'U8', shape: [slices.length, 2, pixels], bytes: masks }]]),
  };
}

/** Null where the state is not one of so many classes and pixels. */
export function decodeSegmentationState(
  { counts, tensors }: TallyState,
  { classes, pixels }: { classes: number; pixels: number },
): SegmentationState | null {
  const decoded = stateSchema(classes).safeParse(counts);
  const masks = tensors.get('masks');
  if (!decoded.success || masks === undefined) return null;
  const { patients, volume, ...rest } = decoded.data;
  if (masks.bytes.length !== (volume?.slices.length ?? 0) * 2 * pixels) return null;
  const maskAt = (at: number): Uint8Array => masks.bytes.slice(at * pixels, (at + 1) * pixels);
  return {
    ...rest,
    patients: new Map(
      patients.map(({ patient, both, called, missed, ...tally }) => [
        patient,
        {
          ...tally,
          both: Float64Array.from(both),
          called: Float64Array.from(called),
          missed: Float64Array.from(missed),
        },
      ]),
    ),
    volume: volume && {
      ...volume,
      slices: new Map(volume.slices.map((slice, at) => [slice, [maskAt(2 * at), maskAt(2 * at + 1)]])),
    },
  };
}

function stateSchema(classes: number) {
  const byClass = z.array(z.number().min(0)).length(classes);
  return z.object({
    lossSum: z.number(),
    inMm: z.boolean().nullable(),
    images: z.number().int().min(0),
    confusion: z.array(byClass).length(classes),
    calibration: z.array(z.array(z.number()).length(reliabilityBins)).length(3),
    patients: z.array(
      z.object({
        patient: z.number().int(),
        right: z.number(),
        labelled: z.number(),
        images: z.number(),
        unmatched: z.number(),
        both: byClass,
        called: byClass,
        missed: byClass,
        distances: z.array(z.array(z.number())).length(classes),
      }),
    ),
    volume: z
      .object({
        place: z.object({
          volume: z.number(),
          slice: z.number(),
          spacingMm: z.tuple([z.number(), z.number(), z.number()]),
        }),
        patient: z.number().int(),
        slices: z.array(z.number().int()),
      })
      .nullable(),
  });
}
