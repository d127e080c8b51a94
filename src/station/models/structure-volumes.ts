// How large the structures are that a model drew in a series: pixels times their area times the distance of the slices.
import { alongNormal, type DrawnFrame, median } from './predicted-segmentation.ts';

export interface StructureVolume {
  readonly name: string;
  readonly cm3: number;
}

/**
 * Empty where the images do not tell it: where they lie, how large their pixels are in the patient, or that they are slices of one
 * volume, each at its own place and none missing between them: what it held would be missing from the volume. A single slice has no volume.
 * @param names of the classes after the background
 */
export function structureVolumes(names: readonly string[], frames: readonly DrawnFrame[]): StructureVolume[] {
  const [first] = frames;
  const isPlaced = frames.every(
    ({ geometry }) =>
      geometry.position !== null &&
      geometry.pixelSpacingMm !== null &&
      geometry.spacingKind !== 'unknown' &&
      geometry.orientation !== null &&
      String(geometry.orientation) === String(first?.geometry.orientation),
  );
  if (!isPlaced || first === undefined) return [];
  const places = frames.map(({ geometry }) => alongNormal(geometry)).sort((one, other) => one - other);
  const gapsMm = places.slice(1).map((place, index) => place - places[index]!);
  const betweenMm = median(gapsMm);
  if (betweenMm === undefined || gapsMm.some((gap) => gap < betweenMm / 2 || gap > betweenMm * 1.5)) return [];
  return names.map((name, index) => {
    const mm3 = frames.reduce((sum, { drawn, geometry }) => {
      const [rowMm, columnMm] = geometry.pixelSpacingMm!;
      return sum + drawn[index]!.length * rowMm * columnMm * betweenMm;
    }, 0);
    return { name, cm3: mm3 / 1_000 };
  });
}
