// The frame of an image that an overlay is drawn on.
import type { DataSet } from '../library/dataset.ts';
import { readHeaderFile } from '../library/header-file.ts';
import { numberOf } from '../library/pixels/attributes.ts';
import { frameGeometry } from '../library/pixels/geometry.ts';
import { annotationFaults } from './faults.ts';
import { type ImagePlane, imagePlane } from './image-plane.ts';
import { objectTags } from './object-tags.ts';

export interface OverlayTarget {
  readonly sopInstanceUID: string;
  /** From 1. */
  readonly frame: number;
  readonly rows: number;
  readonly columns: number;
  readonly frameOfReferenceUID: string | null;
  /** Null where the file does not say where the frame lies. */
  readonly plane: ImagePlane | null;
}

/** @throws Fault 623 where the file has no image. */
export function overlayTarget(path: string, sopInstanceUID: string, frame: number): OverlayTarget {
  return overlayTargetIn(readHeaderFile(path, { keepItems: true }).dataSet, sopInstanceUID, frame);
}

/** As `overlayTarget`, of a data set read with its items. */
export function overlayTargetIn(dataSet: DataSet, sopInstanceUID: string, frame: number): OverlayTarget {
  const rows = numberOf(dataSet, dataSet, objectTags.Rows) ?? 0;
  const columns = numberOf(dataSet, dataSet, objectTags.Columns) ?? 0;
  if (rows < 1 || columns < 1) throw annotationFaults.notShown('the instance below it has no image');
  const geometry = frameGeometry(dataSet, frame - 1);
  const { frameOfReferenceUID } = geometry;
  return { sopInstanceUID, frame, rows, columns, frameOfReferenceUID, plane: imagePlane(geometry, rows, columns) };
}
