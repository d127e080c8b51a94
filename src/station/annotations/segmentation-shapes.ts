// The masks of a segmentation on one frame of the image that it was made from.
import type { Frame } from '../../contract/dicom.ts';
import type { OverlayShape } from '../../contract/annotation.ts';
import type { DataSet } from '../library/dataset.ts';
import { frameGeometry } from '../library/pixels/geometry.ts';
import { type StoredValues, storedValuesOf } from '../library/pixels/frame-values.ts';
import { numberOf } from '../library/pixels/attributes.ts';
import { readFrameOf } from '../library/pixels/read-frame.ts';
import type { WasmCodecs } from '../library/pixels/wasm-codecs.ts';
import { annotationFaults } from './faults.ts';
import { type ImagePlane, imagePlane, inPatient, inPlane, isParallel, isSameGrid, isSamePlane } from './image-plane.ts';
import { objectTags } from './object-tags.ts';
import type { OverlayTarget } from './overlay-target.ts';
import type { Segmentation, SegmentFrame } from './segmentation-frames.ts';

/** Most bytes of the masks of one frame. */
const masksLimitBytes = 256 * 1024 * 1024;

export interface OpenSegmentation {
  readonly dataset: DataSet;
  readonly segmentation: Segmentation;
}

/**
 * One mask for each segment that has something on the frame.
 * @throws Fault 623 where the segments cannot be brought onto the frame, with the reason; the pixels' own.
 */
export async function segmentationShapes(
  { dataset, segmentation }: OpenSegmentation,
  target: OverlayTarget,
  codecs: WasmCodecs,
): Promise<OverlayShape[]> {
  if (segmentation.isTiledFull) throw annotationFaults.notShown('segments of tiled slides are not supported');
  const masks = new Map<number, Uint8Array<ArrayBuffer>>();
  for (const part of segmentation.frames) {
    const named = isNamed(part, target);
    if (named === false) continue;
    const grid = gridOf(dataset, part, target, named === true);
    if (grid === null) continue;
    const frame = await readFrameOf(dataset, part.frame, codecs);
    const places = grid === 'same' ? null : nearestPlaces(grid, target.plane!);
    addMasks(masks, segmentation, part, frame, places, target);
  }
  return [...masks]
    .filter(([, mask]) => mask.some((value) => value > 0))
    .sort(([one], [other]) => one - other)
    .map(([region, mask]) => ({ region, mask, polygons: [] }));
}

/** Whether the segment's frame names the target as its source; null where it names none. */
export function isNamed({ sources }: SegmentFrame, { sopInstanceUID, frame }: OverlayTarget): boolean | null {
  if (sources.length === 0) return null;
  return sources.some(
    (source) =>
      source.sopInstanceUID === sopInstanceUID && (source.frames.length === 0 || source.frames.includes(frame)),
  );
}

/** The segment's own grid where it lies in the target's plane, 'same' where it is the target's, null where it lies elsewhere. */
function gridOf(
  dataset: DataSet,
  { frame, sources }: SegmentFrame,
  target: OverlayTarget,
  isNamedSource: boolean,
): ImagePlane | 'same' | null {
  const rows = numberOf(dataset, dataset, objectTags.Rows) ?? 0;
  const columns = numberOf(dataset, dataset, objectTags.Columns) ?? 0;
  const geometry = frameGeometry(dataset, frame - 1);
  const plane = imagePlane(geometry, rows, columns);
  if (plane === null || target.plane === null) {
    if (!isNamedSource) return null;
    if (rows === target.rows && columns === target.columns) return 'same';
    throw annotationFaults.notShown(
      `a segment of ${columns} × ${rows} pixels does not say where it lies on the image of ${target.columns} × ${target.rows}`,
    );
  }
  const isOtherSpace =
    geometry.frameOfReferenceUID !== null &&
    target.frameOfReferenceUID !== null &&
    geometry.frameOfReferenceUID !== target.frameOfReferenceUID;
  if (!isNamedSource && isOtherSpace) return null;
  if (!isSamePlane(target.plane, plane)) {
    // A frame made from several images lists them all, and lies in the plane of one; made from this one alone, it must lie here.
    if (!isNamedSource || sources.length > 1) return null;
    if (isParallel(target.plane, plane)) return null;
    throw annotationFaults.notShown('a segment lies in another plane than the image that it names');
  }
  return isSameGrid(target.plane, plane) ? 'same' : plane;
}

/** For every pixel of the target the index of the nearest one of the segment's grid, -1 outside of it. */
function nearestPlaces(grid: ImagePlane, target: ImagePlane): Int32Array {
  const places = new Int32Array(target.rows * target.columns).fill(-1);
  for (let row = 0; row < target.rows; row += 1) {
    for (let column = 0; column < target.columns; column += 1) {
      const met = inPlane(grid, inPatient(target, column, row));
      const [x, y] = [Math.round(met.column), Math.round(met.row)];
      if (x >= 0 && y >= 0 && x < grid.columns && y < grid.rows) {
        places[row * target.columns + column] = y * grid.columns + x;
      }
    }
  }
  return places;
}

function addMasks(
  masks: Map<number, Uint8Array<ArrayBuffer>>,
  { kind, maximum }: Segmentation,
  { segment }: SegmentFrame,
  frame: Frame,
  places: Int32Array | null,
  { rows, columns }: OverlayTarget,
): void {
  const values: StoredValues = storedValuesOf(frame);
  const size = rows * columns;
  const maskOf = (region: number): Uint8Array<ArrayBuffer> => {
    const known = masks.get(region);
    if (known !== undefined) return known;
    if ((masks.size + 1) * size > masksLimitBytes) {
      throw annotationFaults.notShown(`more than ${masks.size} segments lie on this frame of ${columns} × ${rows}`);
    }
    const mask = new Uint8Array(size);
    masks.set(region, mask);
    return mask;
  };
  const shade = kind === 'FRACTIONAL' ? (value: number) => Math.min(255, Math.round((value / maximum) * 255)) : null;
  const mask = segment === null ? null : maskOf(segment);
  for (let index = 0; index < size; index += 1) {
    const place = places === null ? index : places[index]!;
    const value = place < 0 ? 0 : values[place]!;
    // 0 is what lies outside of all segments (PS3.3 C.8.20.2.3).
    if (value <= 0) continue;
    if (mask === null) maskOf(value)[index] = 255;
    else mask[index] = Math.max(mask[index]!, shade === null ? 255 : shade(value));
  }
}
