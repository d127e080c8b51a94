// Which slice of one stack lies where a slice of another lies.
import type { FrameGeometry } from '../../contract/dicom.ts';
import { normalOf } from './geometry-notes.ts';
import { dot } from './vectors.ts';

/** Slices whose normals differ by more than about 15° cut the patient differently; positions along them do not compare. */
const minCosine = 0.966;

/**
 * The index of the slice nearest to `wanted` along its normal, among those whose place is known; null where the frames of
 * reference differ, or the slices lie in another orientation, or no place is known.
 */
export function nearestSlice(wanted: FrameGeometry, slices: readonly (FrameGeometry | undefined)[]): number | null {
  if (!wanted.orientation || !wanted.position || wanted.frameOfReferenceUID === null) return null;
  const normal = normalOf(wanted.orientation);
  const height = dot(normal, wanted.position);
  let nearest: { readonly index: number; readonly distance: number } | null = null;
  for (const [index, slice] of slices.entries()) {
    if (!slice?.orientation || !slice.position || slice.frameOfReferenceUID !== wanted.frameOfReferenceUID) continue;
    if (Math.abs(dot(normal, normalOf(slice.orientation))) < minCosine) continue;
    const distance = Math.abs(dot(normal, slice.position) - height);
    if (!nearest || distance < nearest.distance) nearest = { index, distance };
  }
  return nearest?.index ?? null;
}
