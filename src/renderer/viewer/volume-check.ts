// Whether the slices of a series make a volume that can be cut in any direction without guessing.
import type { Frame, FrameGeometry } from '../../contract/dicom.ts';
import { normalOf } from './geometry-notes.ts';
import { dot, minus, type Vector } from './vectors.ts';

export interface Slice {
  readonly rows: number;
  readonly columns: number;
  readonly isInColour: boolean;
  readonly geometry: FrameGeometry;
}

export function sliceOf({ rows, columns, samples, palette, geometry }: Frame): Slice {
  return { rows, columns, geometry, isInColour: samples >= 3 || palette !== undefined };
}

/** What a volume may take in the window's memory: values once, and once more as a texture. */
const maxVolumeBytes = 1_500 * 1024 * 1024;
const bytesPerVoxel = 6;

export function volumeBytes(slices: readonly Slice[]): number {
  return slices.reduce((sum, { rows, columns }) => sum + rows * columns * bytesPerVoxel, 0);
}

/** Slices may be missing: said on the images too, not only where a volume is wanted. */
export const unevenSpacing = 'Uneven slice spacing: no MPR';

/** Why the slices make no volume, as a sentence; null where they do. */
export function volumeProblem(slices: readonly Slice[]): string | null {
  const [first] = slices;
  if (!first || slices.length < 3) return 'Fewer than three slices: no MPR';
  if (slices.some(({ isInColour }) => isInColour)) return 'Images in colour: no MPR';
  /** With the first image that is not as it has to be; null where all are. */
  const unlike = (what: string, isUnlike: (slice: Slice) => boolean): string | null => {
    const at = slices.findIndex(isUnlike);
    return at < 0 ? null : `${what} (image ${at + 1}): no MPR`;
  };
  const unlikeSize = unlike(
    'Images of different sizes',
    ({ rows, columns }) => rows !== first.rows || columns !== first.columns,
  );
  if (unlikeSize) return unlikeSize;
  if (slices.some(({ geometry }) => geometry.isMosaic)) return 'Mosaic images: no MPR';
  const { orientation, pixelSpacingMm: spacing } = first.geometry;
  if (!spacing) return 'No pixel spacing: no MPR';
  const unplaced = unlike(
    'Slices without position or orientation',
    ({ geometry }) => !geometry.orientation || !geometry.position,
  );
  if (!orientation || unplaced) return unplaced;
  const unlikePlane =
    unlike(
      'Slices of several orientations',
      ({ geometry }) => !isClose(geometry.orientation ?? [], orientation, 1e-3),
    ) ??
    unlike(
      'Slices of several pixel spacings',
      ({ geometry }) => !isClose(geometry.pixelSpacingMm ?? [], spacing, 1e-3),
    );
  if (unlikePlane) return unlikePlane;
  const bytes = volumeBytes(slices);
  if (bytes > maxVolumeBytes) {
    return `The volume would take ${Math.round(bytes / 1e6)} MB, more than this window allows: no MPR`;
  }
  return spacingProblem(
    slices.map(({ geometry }) => geometry.position ?? [0, 0, 0]),
    normalOf(orientation),
  );
}

function spacingProblem(positions: readonly Vector[], normal: Vector): string | null {
  const sorted = [...positions].sort((a, b) => dot(a, normal) - dot(b, normal));
  const steps = sorted.slice(1).map((position, index) => minus(position, sorted[index] ?? position));
  const heights = steps.map((step) => dot(step, normal));
  const mean = heights.reduce((sum, height) => sum + height, 0) / heights.length;
  if (heights.some((height) => height < 1e-3)) return 'Several slices at one position: no MPR';
  if (heights.some((height) => Math.abs(height - mean) > Math.max(0.02 * mean, 0.01))) {
    return unevenSpacing;
  }
  // Along a tilted gantry the slices are sheared against each other (PS3.3 C.8.2.1.1.5).
  const isSheared = steps.some((step) => Math.hypot(...step) - dot(step, normal) > 0.01 * mean);
  return isSheared ? 'Slices shifted against each other (tilted gantry): no MPR' : null;
}

function isClose(a: readonly number[], b: readonly number[], tolerance: number): boolean {
  return a.length === b.length && a.every((value, index) => Math.abs(value - (b[index] ?? 0)) <= tolerance);
}
