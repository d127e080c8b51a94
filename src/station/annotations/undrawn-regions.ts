// Which ROIs of a structure set are on no frame of a series, and why: what a reader would look for in vain.
import type { CallOutput } from '../../contract/calls.ts';
import type { DataSet } from '../library/dataset.ts';
import { numberOf } from '../library/pixels/attributes.ts';
import { imagePlane } from './image-plane.ts';
import { itemsAt } from './items.ts';
import { objectTags } from './object-tags.ts';
import { type Contour, type ContourTarget, contoursOf, isOf, roisWithContours } from './structure-set.ts';

export type SeriesFrames = CallOutput<'series-geometry'>['frames'];
export type UndrawnRegions = CallOutput<'undrawn-regions'>['regions'];

/** In the order of the structure set. @throws Fault 623 where it has more points than this program shows. */
export function undrawnRegions(dataset: DataSet, frames: SeriesFrames): UndrawnRegions {
  const targets = frames.map(({ sopInstanceUID, frame, geometry }) => ({
    sopInstanceUID,
    frame,
    frameOfReferenceUID: geometry.frameOfReferenceUID,
    // The pixel grid plays no part in what lies in a plane.
    plane: imagePlane(geometry, 0, 0),
  }));
  const targetsOf = Map.groupBy(targets, ({ sopInstanceUID }) => sopInstanceUID);
  const byRoi = Map.groupBy(contoursOf(dataset), ({ roi }) => roi);
  const listed = roisWithContours(dataset);
  return itemsAt(dataset, objectTags.StructureSetROISequence).flatMap((roi) => {
    const region = Math.trunc(numberOf(dataset, roi, objectTags.ROINumber) ?? 0);
    const contours = byRoi.get(region) ?? [];
    const candidates = ({ sopInstanceUID }: Contour): readonly ContourTarget[] =>
      sopInstanceUID === '' ? targets : (targetsOf.get(sopInstanceUID) ?? []);
    const isDrawn = contours.some((contour) =>
      candidates(contour).some((target) => target.plane !== null && isOf(contour, target, target.plane)),
    );
    if (isDrawn) return [];
    if (contours.length === 0) {
      const reason = listed.has(region) ? 'its contours have no points that can be read' : 'it has no contours';
      return [{ region, reason }];
    }
    return [{ region, reason: whyOnNone(contours, targets, (contour) => candidates(contour).length > 0) }];
  });
}

function whyOnNone(
  contours: readonly Contour[],
  targets: readonly ContourTarget[],
  hasImage: (contour: Contour) => boolean,
): string {
  if (targets.every(({ plane }) => plane === null)) return 'the images of this series do not say where they lie';
  const here = contours.filter(hasImage);
  if (here.length === 0) return 'it is drawn on images that are not in this series';
  const isElsewhere = ({ frameOfReferenceUID }: Contour): boolean =>
    frameOfReferenceUID !== '' &&
    targets.every((target) => (target.frameOfReferenceUID ?? frameOfReferenceUID) !== frameOfReferenceUID);
  if (here.every(isElsewhere)) return 'it is drawn in another frame of reference than this series has';
  return 'no image of this series lies in the plane that it is drawn in';
}
