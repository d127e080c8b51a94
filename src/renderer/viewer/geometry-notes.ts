import type { Frame, FrameGeometry } from '../../contract/dicom.ts';

/** Modalities whose images lie in the patient's coordinates; of others nobody expects it. */
const lyingInThePatient = new Set(['CT', 'MR', 'PT', 'NM']);

/** What the reader must know about lengths and directions of an image, as sentences; empty where all is well. */
export function geometryNotes({ geometry, modality }: Pick<Frame, 'geometry' | 'modality'>): string[] {
  const notes: string[] = [];
  if (geometry.pixelSpacingMm === null) notes.push('No pixel spacing: lengths in pixels');
  else if (geometry.spacingKind === 'detector') notes.push('Spacing at the detector: not corrected for magnification');
  else if (geometry.spacingKind === 'calibrated') notes.push('Spacing calibrated');
  else if (geometry.spacingKind === 'unknown') notes.push('Kind of pixel spacing unknown');
  if (geometry.isOrientationInvalid) notes.push('Orientation in the file is invalid');
  else if (geometry.orientation === null && lyingInThePatient.has(modality)) notes.push('No orientation in the file');
  if (geometry.isMosaic) notes.push('Mosaic: many slices on one image');
  return notes;
}

/** The distance of a slice from the origin of its frame of reference, along its normal, mm; null where unknown. */
export function slicePositionMm({ position, orientation, isMosaic }: FrameGeometry): number | null {
  if (!position || !orientation || isMosaic) return null;
  const normal = normalOf(orientation);
  return position[0] * normal[0] + position[1] * normal[1] + position[2] * normal[2];
}

/** Of a row's and a column's direction cosines. */
export function normalOf(orientation: NonNullable<FrameGeometry['orientation']>): [number, number, number] {
  const [rx, ry, rz, cx, cy, cz] = orientation;
  return [ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx];
}
