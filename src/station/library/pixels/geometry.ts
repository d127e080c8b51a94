// Where a frame lies in the patient and what its pixels measure. Numbers that cannot be right (zero, negative, no number,
// directions that are not perpendicular) are left out, never mended: a reader must hear that a length is unknown.
import type { FrameGeometry } from '../../../contract/dicom.ts';
import type { DataSet, Item } from '../dataset.ts';
import { codeOf, codesOf, numberOf, numbersAt } from './attributes.ts';
import { functionalGroup } from './functional-groups.ts';
import { ultrasoundSpacingMm } from './ultrasound-regions.ts';

const geometryTags = {
  ImageType: 0x00080008,
  Modality: 0x00080060,
  SliceThickness: 0x00180050,
  ImagerPixelSpacing: 0x00181164,
  NominalScannedPixelSpacing: 0x00182010,
  PatientOrientation: 0x00200020,
  ImagePositionPatient: 0x00200032,
  ImageOrientationPatient: 0x00200037,
  FrameOfReferenceUID: 0x00200052,
  PlanePositionSequence: 0x00209113,
  PlaneOrientationSequence: 0x00209116,
  PixelSpacing: 0x00280030,
  PixelAspectRatio: 0x00280034,
  PixelSpacingCalibrationType: 0x00280a02,
  PixelMeasuresSequence: 0x00289110,
  FramePixelDataPropertiesSequence: 0x00289443,
  GridFrameOffsetVector: 0x3004000c,
} as const;

type Triple = [number, number, number];
type Orientation = NonNullable<FrameGeometry['orientation']>;
type Spacing = Pick<FrameGeometry, 'pixelSpacingMm' | 'spacingKind'>;

/** Modalities whose PixelSpacing is measured in the patient, not at a detector in front of which the patient stands. */
const crossSectional = new Set(['CT', 'MR', 'PT', 'NM', 'OPT', 'RTDOSE']);
/** How far direction cosines may be from unit length and from perpendicular: writers round to three digits. */
const cosineTolerance = 0.01;

/** @param frame counted from 0. */
export function frameGeometry(dataset: DataSet, frame: number): FrameGeometry {
  const plane = functionalGroup(dataset, frame, geometryTags.PlaneOrientationSequence) ?? dataset;
  const orientation = orientationOf(dataset, plane);
  const measures = functionalGroup(dataset, frame, geometryTags.PixelMeasuresSequence);
  const spacing = spacingOf(dataset, frame, measures, orientation !== null);
  const thickness = numberOf(dataset, measures ?? dataset, geometryTags.SliceThickness);
  return {
    frameOfReferenceUID: uidOf(codeOf(dataset, dataset, geometryTags.FrameOfReferenceUID)),
    position: positionOf(dataset, frame, orientation),
    orientation,
    ...(orientation === null ? patientOrientationOf(dataset) : {}),
    ...(orientation === null && isOrientationTold(dataset, plane) ? { isOrientationInvalid: true } : {}),
    ...spacing,
    ...(spacing.pixelSpacingMm === null ? aspectRatioOf(dataset) : {}),
    sliceThicknessMm: thickness !== null && thickness > 0 ? thickness : null,
    ...(codesOf(dataset, dataset, geometryTags.ImageType).includes('MOSAIC') ? { isMosaic: true } : {}),
  };
}

const uidOf = (text: string): string | null => {
  const uid = text.replace(/[\0 ]+$/, '');
  return /^[0-9.]{1,64}$/.test(uid) ? uid : null;
};

const isOrientationTold = (dataset: DataSet, plane: Item): boolean =>
  codesOf(dataset, plane, geometryTags.ImageOrientationPatient).some((cosine) => cosine !== '');

function orientationOf(dataset: DataSet, plane: Item): Orientation | null {
  const cosines = numbersAt(dataset, plane, geometryTags.ImageOrientationPatient, 6);
  if (cosines?.length !== 6) return null;
  const [a, b, c, d, e, f] = cosines as Orientation;
  const isUnit = [Math.hypot(a, b, c), Math.hypot(d, e, f)].every((length) => Math.abs(length - 1) <= cosineTolerance);
  if (!isUnit || Math.abs(a * d + b * e + c * f) > cosineTolerance) return null;
  return [a, b, c, d, e, f];
}

/** Of people; animals have other letters (PS3.3 C.7.6.1.1.1). */
function patientOrientationOf(dataset: DataSet): Pick<FrameGeometry, 'patientOrientation'> {
  const [row = '', column = ''] = codesOf(dataset, dataset, geometryTags.PatientOrientation);
  const areKnown = [row, column].every((letters) => /^[APRLHF]{1,3}$/.test(letters));
  return areKnown ? { patientOrientation: [row, column] } : {};
}

/** A position at the top of a multi-frame object belongs to its first frame; only RT doses say how the others follow. */
function positionOf(dataset: DataSet, frame: number, orientation: Orientation | null): Triple | null {
  const group = functionalGroup(dataset, frame, geometryTags.PlanePositionSequence);
  const position = triple(numbersAt(dataset, group ?? dataset, geometryTags.ImagePositionPatient, 3));
  if (position === null || group !== null || frame === 0) return position;
  // Relative offsets along the normal (PS3.3 C.8.8.3.2): the first is 0.
  const offsets = numbersAt(dataset, dataset, geometryTags.GridFrameOffsetVector, 65_536);
  const offset = offsets?.[frame];
  if (offset === undefined || offsets?.[0] !== 0 || orientation === null) return null;
  const normal = normalOf(orientation);
  return [position[0] + offset * normal[0], position[1] + offset * normal[1], position[2] + offset * normal[2]];
}

const triple = (numbers: number[] | null): Triple | null => {
  const [x, y, z] = numbers ?? [];
  return x === undefined || y === undefined || z === undefined ? null : [x, y, z];
};

/** The slice normal: the cross product of the direction of a row and of a column. */
export function normalOf([a, b, c, d, e, f]: Orientation): Triple {
  return [b * f - c * e, c * d - a * f, a * e - b * d];
}

/** What the spacing means by PS3.3 10.7.1: in the patient, calibrated for magnification, or at the detector or film. */
function spacingOf(dataset: DataSet, frame: number, measures: Item | null, isOriented: boolean): Spacing {
  const modality = codeOf(dataset, dataset, geometryTags.Modality);
  if (modality === 'US' || modality === 'IVUS') {
    const fromRegion = ultrasoundSpacingMm(dataset);
    if (fromRegion !== null) return { pixelSpacingMm: fromRegion, spacingKind: 'patient' };
  }
  const spacing = pairAt(dataset, measures ?? dataset, geometryTags.PixelSpacing);
  const properties = functionalGroup(dataset, frame, geometryTags.FramePixelDataPropertiesSequence);
  const detector =
    pairAt(dataset, properties ?? dataset, geometryTags.ImagerPixelSpacing) ??
    pairAt(dataset, dataset, geometryTags.NominalScannedPixelSpacing);
  if (spacing === null) {
    return { pixelSpacingMm: detector, spacingKind: detector === null ? 'unknown' : 'detector' };
  }
  const calibration = codeOf(dataset, dataset, geometryTags.PixelSpacingCalibrationType);
  if (calibration === 'GEOMETRY' || calibration === 'FIDUCIAL') {
    return { pixelSpacingMm: spacing, spacingKind: 'calibrated' };
  }
  if (detector !== null) {
    // The same numbers twice: nothing was corrected. Others: somebody did.
    return { pixelSpacingMm: spacing, spacingKind: isSame(spacing, detector) ? 'detector' : 'calibrated' };
  }
  const isInPatient = measures !== null || isOriented || crossSectional.has(modality);
  return { pixelSpacingMm: spacing, spacingKind: isInPatient ? 'patient' : 'unknown' };
}

function aspectRatioOf(dataset: DataSet): Pick<FrameGeometry, 'pixelAspectRatio'> {
  const [height, width] = pairAt(dataset, dataset, geometryTags.PixelAspectRatio) ?? [1, 1];
  return height === width ? {} : { pixelAspectRatio: height / width };
}

function pairAt(dataset: DataSet, item: Item, tag: number): [number, number] | null {
  const [rows, columns] = numbersAt(dataset, item, tag, 2) ?? [];
  return rows !== undefined && columns !== undefined && rows > 0 && columns > 0 ? [rows, columns] : null;
}

const isSame = (one: [number, number], other: [number, number]): boolean =>
  one.every((value, index) => Math.abs(value - other[index]!) <= 1e-4 * value);
