// What a SEG or RTSTRUCT instance is about: its regions, and the series and images that it refers to.
import type { Overlay } from '../../contract/annotation.ts';
import type { DataSet, Item } from '../library/dataset.ts';
import { codeOf, numberOf, numbersAt } from '../library/pixels/attributes.ts';
import { decoderOf, topDecoder } from '../library/values.ts';
import { itemsAt, textAt, uidAt } from './items.ts';
import { objectTags, overlayClasses } from './object-tags.ts';
import { colorByNumber, colorOfCIELab } from './region-color.ts';

export interface OverlayDescription extends Omit<Overlay, 'sopInstanceUID' | 'isPredicted' | 'problem'> {
  /** Series Instance UIDs. */
  readonly series: readonly string[];
  /** SOP Instance UIDs that it refers to where it names no series; at most `instancesLimit`. */
  readonly instances: readonly string[];
}

export const regionsLimit = 4_096;
const instancesLimit = 10_000;

/** Null where the data set is neither. */
export function overlayDescription(dataset: DataSet): OverlayDescription | null {
  const kind = overlayClasses[codeOf(dataset, dataset, objectTags.SOPClassUID)];
  if (kind === undefined) return null;
  return kind === 'SEG' ? segmentation(dataset) : structureSet(dataset);
}

function segmentation(dataset: DataSet): OverlayDescription {
  const decode = topDecoder(dataset);
  const regions = itemsAt(dataset, objectTags.SegmentSequence)
    .slice(0, regionsLimit)
    .map((segment) => {
      const number = numberOf(dataset, segment, objectTags.SegmentNumber) ?? 0;
      const lab = numbersAt(dataset, segment, objectTags.RecommendedDisplayCIELabValue, 3);
      return {
        number: Math.trunc(number),
        label: textAt(dataset, segment, objectTags.SegmentLabel, decoderOf(dataset, segment, decode), 64),
        color: lab?.length === 3 ? colorOfCIELab(lab) : colorByNumber(number),
      };
    });
  const series = uids(dataset, itemsAt(dataset, objectTags.ReferencedSeriesSequence), objectTags.SeriesInstanceUID);
  const description =
    textAt(dataset, dataset, objectTags.SeriesDescription, decode) ||
    textAt(dataset, dataset, objectTags.ContentLabel, decode);
  const instances = series.length > 0 ? [] : referencedBySegments(dataset);
  return { kind: 'SEG', description, regions, series, instances };
}

function referencedBySegments(dataset: DataSet): string[] {
  const found = new Set<string>();
  for (const frame of itemsAt(dataset, objectTags.PerFrameFunctionalGroupsSequence)) {
    for (const derivation of itemsAt(frame, objectTags.DerivationImageSequence)) {
      for (const source of itemsAt(derivation, objectTags.SourceImageSequence)) {
        found.add(uidAt(dataset, source, objectTags.ReferencedSOPInstanceUID));
      }
    }
    if (found.size >= instancesLimit) break;
  }
  found.delete('');
  return [...found];
}

function structureSet(dataset: DataSet): OverlayDescription {
  const decode = topDecoder(dataset);
  const contours = itemsAt(dataset, objectTags.ROIContourSequence);
  const colors = new Map<number, readonly number[]>();
  for (const roi of contours) {
    const number = numberOf(dataset, roi, objectTags.ReferencedROINumber);
    const color = numbersAt(dataset, roi, objectTags.ROIDisplayColor, 3);
    if (number !== null && color?.length === 3) colors.set(number, color);
  }
  const regions = itemsAt(dataset, objectTags.StructureSetROISequence)
    .slice(0, regionsLimit)
    .map((roi) => {
      const number = numberOf(dataset, roi, objectTags.ROINumber) ?? 0;
      const color = colors.get(number)?.map((channel) => Math.max(0, Math.min(255, Math.round(channel))));
      return {
        number: Math.trunc(number),
        label: textAt(dataset, roi, objectTags.ROIName, decoderOf(dataset, roi, decode), 64),
        color:
          color === undefined ? colorByNumber(number) : ([color[0]!, color[1]!, color[2]!] as [number, number, number]),
      };
    });
  const series = itemsAt(dataset, objectTags.ReferencedFrameOfReferenceSequence)
    .flatMap((frame) => itemsAt(frame, objectTags.RTReferencedStudySequence))
    .flatMap((study) => itemsAt(study, objectTags.RTReferencedSeriesSequence));
  const found = uids(dataset, series, objectTags.SeriesInstanceUID);
  const description =
    textAt(dataset, dataset, objectTags.StructureSetLabel, decode) ||
    textAt(dataset, dataset, objectTags.SeriesDescription, decode);
  const instances = found.length > 0 ? [] : referencedByContours(dataset, contours);
  return { kind: 'RTSTRUCT', description, regions, series: found, instances };
}

function referencedByContours(dataset: DataSet, rois: readonly Item[]): string[] {
  const found = new Set<string>();
  for (const roi of rois) {
    for (const contour of itemsAt(roi, objectTags.ContourSequence)) {
      for (const image of itemsAt(contour, objectTags.ContourImageSequence)) {
        found.add(uidAt(dataset, image, objectTags.ReferencedSOPInstanceUID));
      }
      if (found.size >= instancesLimit) break;
    }
  }
  found.delete('');
  return [...found];
}

function uids(dataset: DataSet, items: readonly Item[], tag: number): string[] {
  const found = new Set(items.map((item) => uidAt(dataset, item, tag)));
  found.delete('');
  return [...found];
}
