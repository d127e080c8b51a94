// What the index keeps of a header for the validation report alone.
import type { DataSet } from '../dataset.ts';
import { tags } from '../tags.ts';
import { latin1Of, numbersOf } from '../values.ts';
import { missingAttributes } from './required-attributes.ts';

export interface CheckedAttributes {
  /** Equal for images of one acquisition, time point, echo, and so on; see `acquisitionTags`. */
  readonly acquisition: string;
  readonly acquisitionTime: string;
  /** PixelSpacing, else ImagerPixelSpacing, as written; empty where neither is. */
  readonly pixelSpacing: string;
  /** ImagePositionPatient along the row and the column, mm; null without position or orientation. */
  readonly alongRow: number | null;
  readonly alongColumn: number | null;
  /** GantryDetectorTilt, degrees. */
  readonly gantryTilt: number | null;
  /** BurnedInAnnotation; empty where absent, null where no text can be in the pixels, as in a wrapped volume. */
  readonly burnedIn: string | null;
  /** Keywords of required attributes that are absent or empty, joined by a backslash. */
  readonly missing: string;
}

/** Attributes by which a series may legally hold several images at one position (PS3.3 C.7.6.2, C.8.3.1, C.8.13.5). */
const acquisitionTags = [
  tags.AcquisitionNumber,
  tags.TemporalPositionIdentifier,
  tags.ImageType,
  tags.EchoNumbers,
  tags.EchoTime,
  tags.InversionTime,
  tags.FlipAngle,
  tags.SequenceName,
  tags.DiffusionBValue,
  tags.DiffusionGradientOrientation,
  tags.NominalPercentageOfCardiacPhase,
  tags.ConvolutionKernel,
] as const;
/** These differ between slices of one acquisition, too. */
const timeTags = [tags.AcquisitionDateTime, tags.AcquisitionTime, tags.TriggerTime] as const;
/** DiffusionGradientOrientation, the longest binary one, has three FD. */
const keyValueBytes = 128;

export function checkedAttributes(dataSet: DataSet, sopClassUID: string, modality: string): CheckedAttributes {
  const at = numbersOf(dataSet, dataSet.elements.get(tags.ImagePositionPatient), 3);
  const axes = numbersOf(dataSet, dataSet.elements.get(tags.ImageOrientationPatient), 6);
  const along = (axis: number): number | null => {
    if (at.length !== 3 || axes.length !== 6) return null;
    const length = at[0]! * axes[axis]! + at[1]! * axes[axis + 1]! + at[2]! * axes[axis + 2]!;
    return Number.isFinite(length) ? length : null;
  };
  const [tilt] = numbersOf(dataSet, dataSet.elements.get(tags.GantryDetectorTilt), 1);
  return {
    acquisition: keyOf(dataSet, acquisitionTags),
    acquisitionTime: keyOf(dataSet, timeTags),
    pixelSpacing: short(dataSet, tags.PixelSpacing) || short(dataSet, tags.ImagerPixelSpacing),
    alongRow: along(0),
    alongColumn: along(3),
    gantryTilt: tilt !== undefined && Number.isFinite(tilt) ? tilt : null,
    burnedIn: short(dataSet, tags.BurnedInAnnotation).toUpperCase(),
    missing: missingAttributes(dataSet, sopClassUID, modality).join('\\'),
  };
}

const keyOf = (dataSet: DataSet, wanted: readonly number[]): string =>
  wanted
    .map((tag) => short(dataSet, tag))
    .join('|')
    .replace(/\|+$/, '');

/** A value for comparing: text as it is, binary as hexadecimal digits. */
function short(dataSet: DataSet, tag: number): string {
  const element = dataSet.elements.get(tag);
  if (element === undefined || element.length === 0 || element.items !== null) return '';
  const text = latin1Of(dataSet, element, keyValueBytes);
  return element.vr === 'FD' || element.vr === 'FL'
    ? Buffer.from(text, 'latin1').toString('hex')
    : text.trim().replace(/\0+$/, '');
}
