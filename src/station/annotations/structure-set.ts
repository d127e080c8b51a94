// The contours of an RT structure set, and what they are on one frame.
import type { OverlayShape } from '../../contract/annotation.ts';
import type { DataSet } from '../library/dataset.ts';
import { codeOf, numberOf, numbersAt } from '../library/pixels/attributes.ts';
import { numbersOf } from '../library/values.ts';
import { annotationFaults } from './faults.ts';
import { inPlane, type ImagePlane, toleranceMm } from './image-plane.ts';
import { itemsAt, uidAt } from './items.ts';
import { objectTags } from './object-tags.ts';
import type { OverlayTarget } from './overlay-target.ts';

export interface Contour {
  readonly roi: number;
  readonly kind: string;
  /** x, y, z in patient coordinates, mm, one after the other. */
  readonly points: Float64Array;
  /** '' where the contour names no image. */
  readonly sopInstanceUID: string;
  readonly frames: readonly number[];
  /** '' where the structure set does not say. */
  readonly frameOfReferenceUID: string;
}

const pointsLimit = 5_000_000;
const pointsPerFrame = 500_000;
/** Half of the cross that marks a single point, pixels. */
const markPixels = 2;

/** @throws Fault 623 where there are more points than this program shows. */
export function contoursOf(dataset: DataSet): Contour[] {
  const spaces = new Map(
    itemsAt(dataset, objectTags.StructureSetROISequence).map((roi) => [
      numberOf(dataset, roi, objectTags.ROINumber),
      uidAt(dataset, roi, objectTags.ReferencedFrameOfReferenceUID),
    ]),
  );
  const contours: Contour[] = [];
  let count = 0;
  for (const roi of itemsAt(dataset, objectTags.ROIContourSequence)) {
    const number = numberOf(dataset, roi, objectTags.ReferencedROINumber);
    if (number === null) continue;
    for (const contour of itemsAt(roi, objectTags.ContourSequence)) {
      const numbers = numbersOf(dataset, contour.elements.get(objectTags.ContourData), pointsLimit * 3);
      if (numbers.length < 3 || numbers.length % 3 !== 0 || !numbers.every(Number.isFinite)) continue;
      count += numbers.length / 3;
      if (count > pointsLimit) throw annotationFaults.notShown(`it has more than ${pointsLimit} points`);
      const [image] = itemsAt(contour, objectTags.ContourImageSequence);
      contours.push({
        roi: number,
        kind: codeOf(dataset, contour, objectTags.ContourGeometricType),
        points: Float64Array.from(numbers),
        sopInstanceUID: image === undefined ? '' : uidAt(dataset, image, objectTags.ReferencedSOPInstanceUID),
        frames: (image && numbersAt(dataset, image, objectTags.ReferencedFrameNumber, 65_536)) ?? [],
        frameOfReferenceUID: spaces.get(number) ?? '',
      });
    }
  }
  return contours;
}

/** Numbers of the ROIs that list a contour, whatever is in it. */
export function roisWithContours(dataset: DataSet): Set<number | null> {
  const rois = itemsAt(dataset, objectTags.ROIContourSequence).filter(
    (roi) => itemsAt(roi, objectTags.ContourSequence).length > 0,
  );
  return new Set(rois.map((roi) => numberOf(dataset, roi, objectTags.ReferencedROINumber)));
}

/**
 * The polygons of each ROI on the frame, to be filled by the even-odd rule: a contour within another is a hole
 * (CLOSED_PLANAR_XOR, PS3.3 C.8.8.6.3, and how nested CLOSED_PLANAR ones are meant). Open lines go there and back; points are
 * small crosses.
 * @throws Fault 623 where the frame does not say where it lies.
 */
export function contourShapes(contours: readonly Contour[], target: OverlayTarget): OverlayShape[] {
  const { plane } = target;
  if (plane === null) throw annotationFaults.notShown('the image does not say where it lies in the patient');
  const shapes = new Map<number, Float32Array<ArrayBuffer>[]>();
  let count = 0;
  for (const contour of contours) {
    if (!isOf(contour, target, plane)) continue;
    count += contour.points.length / 3;
    if (count > pointsPerFrame) throw annotationFaults.notShown(`more than ${pointsPerFrame} points lie on this frame`);
    const polygons = shapes.get(contour.roi) ?? [];
    shapes.set(contour.roi, polygons);
    polygons.push(...polygonsOf(contour, plane));
  }
  return [...shapes]
    .sort(([one], [other]) => one - other)
    .map(([region, polygons]) => ({ region, mask: null, polygons }));
}

/** What decides whether a contour is on a frame. */
export type ContourTarget = Pick<OverlayTarget, 'sopInstanceUID' | 'frame' | 'frameOfReferenceUID' | 'plane'>;

/** By the image that the contour names; without one, by the plane that all of its points lie in. */
export function isOf(contour: Contour, target: ContourTarget, plane: ImagePlane): boolean {
  if (contour.sopInstanceUID !== '') {
    if (contour.sopInstanceUID !== target.sopInstanceUID) return false;
    return contour.frames.length === 0 || contour.frames.includes(target.frame);
  }
  const { frameOfReferenceUID } = target;
  if (
    frameOfReferenceUID !== null &&
    contour.frameOfReferenceUID !== '' &&
    contour.frameOfReferenceUID !== frameOfReferenceUID
  ) {
    return false;
  }
  const most = Math.max(0.01, toleranceMm(plane));
  const { points } = contour;
  for (let at = 0; at < points.length; at += 3) {
    const { distanceMm } = inPlane(plane, [points[at]!, points[at + 1]!, points[at + 2]!]);
    if (Math.abs(distanceMm) > most) return false;
  }
  return true;
}

/** Image coordinates with 0,0 at the outer corner of the first pixel. */
function polygonsOf({ kind, points }: Contour, plane: ImagePlane): Float32Array<ArrayBuffer>[] {
  const places: [number, number][] = [];
  for (let at = 0; at < points.length; at += 3) {
    const { column, row } = inPlane(plane, [points[at]!, points[at + 1]!, points[at + 2]!]);
    places.push([column + 0.5, row + 0.5]);
  }
  if (kind === 'POINT' || places.length === 1) return places.flatMap(cross);
  const isClosed = kind.startsWith('CLOSED') && places.length > 2;
  const there = isClosed ? places : [...places, ...places.slice(1, -1).reverse()];
  return [Float32Array.from(there.flat())];
}

function cross([column, row]: readonly [number, number]): Float32Array<ArrayBuffer>[] {
  return [
    Float32Array.of(column - markPixels, row, column + markPixels, row),
    Float32Array.of(column, row - markPixels, column, row + markPixels),
  ];
}
