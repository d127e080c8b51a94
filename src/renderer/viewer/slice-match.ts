// Which slice of one stack lies where a slice of another lies.
import type { FrameGeometry } from '../../contract/dicom.ts';
import { normalOf } from './geometry-notes.ts';
import { dot } from './vectors.ts';

/** Slices whose normals differ by more than about 15° cut the patient differently; positions along them do not compare. */
const minCosine = 0.966;

export interface SliceMatch {
  readonly index: number;
  /** The wanted place lies further from the slice than the stack's slices from one another: there is no image of it. */
  readonly isBeyond: boolean;
}

/**
 * The slice nearest to `wanted` along its normal, among those whose place is known; null where the frames of reference differ, or
 * the slices lie in another orientation, or no place is known.
 */
export function nearestSlice(wanted: FrameGeometry, slices: readonly (FrameGeometry | undefined)[]): SliceMatch | null {
  if (!wanted.orientation || !wanted.position || wanted.frameOfReferenceUID === null) return null;
  const normal = normalOf(wanted.orientation);
  const height = dot(normal, wanted.position);
  let nearest: { readonly index: number; readonly distance: number } | null = null;
  const heights: number[] = [];
  for (const [index, slice] of slices.entries()) {
    if (!slice?.orientation || !slice.position || slice.frameOfReferenceUID !== wanted.frameOfReferenceUID) continue;
    if (Math.abs(dot(normal, normalOf(slice.orientation))) < minCosine) continue;
    const own = dot(normal, slice.position);
    heights.push(own);
    const distance = Math.abs(own - height);
    if (!nearest || distance < nearest.distance) nearest = { index, distance };
  }
  if (!nearest) return null;
  const { index, distance } = nearest;
  return {
    index,
    isBeyond: distance > Math.max(spacingOf(heights), slices[index]?.sliceThicknessMm ?? 0) + toleranceMm,
  };
}

/** Of rounding in positions. */
const toleranceMm = 0.01;

/** The median distance from one place to the next; 0 of a single one. Slices of several times lie at one place. */
function spacingOf(heights: readonly number[]): number {
  const sorted = heights.toSorted((a, b) => a - b);
  const gaps = sorted.slice(1).flatMap((one, at) => {
    const gap = one - (sorted[at] ?? one);
    return gap > toleranceMm ? [gap] : [];
  });
  return gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0;
}
