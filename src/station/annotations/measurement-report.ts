// What a measurement report (PS3.16 TID 1500) says about images: findings, sites and qualitative evaluations of its groups.
import type { DataSet } from '../library/dataset.ts';
import { itemsAt, uidAt } from './items.ts';
import { objectTags, overlayClasses } from './object-tags.ts';
import { type Code, type ContentItem, everyItem, reportTree } from './report-tree.ts';

export interface ReportGroup {
  /** Concept and value by their meanings; the finding is first where there is one. */
  readonly statements: readonly { readonly concept: string; readonly value: string; readonly isFinding: boolean }[];
  readonly images: readonly string[];
  readonly series: readonly string[];
}

const currentRequestedProcedureEvidence = 0x0040a375;
const referencedSOPSequence = 0x00081199;
const referencedSOPClassUID = 0x00081150;

/** Codes by scheme and value; SRT's of before SNOMED CT beside today's. */
const isCode = (code: Code | null, ...wanted: readonly string[]): boolean =>
  code !== null && wanted.includes(`${code.scheme} ${code.value}`);
const isFinding = (item: ContentItem): boolean => isCode(item.concept, 'DCM 121071');
const isSite = (item: ContentItem): boolean => isCode(item.concept, 'SCT 363698007', 'SRT G-C0E3');
const isGroup = (item: ContentItem): boolean => item.type === 'CONTAINER' && isCode(item.concept, 'DCM 125007');
const isEvaluations = (item: ContentItem): boolean =>
  item.type === 'CONTAINER' && isCode(item.concept, 'UMLS C0034375');
/** Source series for segmentation. */
const isSourceSeries = (item: ContentItem): boolean => item.type === 'UIDREF' && isCode(item.concept, 'DCM 121232');

/** The groups that say something. One that names no image is about the series that the report's evidence lists. */
export function reportGroups(dataset: DataSet): ReportGroup[] {
  const evidence = evidenceSeries(dataset);
  return [...everyItem(reportTree(dataset))]
    .filter((item) => isGroup(item) || isEvaluations(item))
    .map((container) => {
      const statements = statementsOf(container);
      const below = [...everyItem(container)];
      const images = below
        .filter(({ type }) => type === 'IMAGE')
        .flatMap(({ references }) => references)
        .filter(({ sopClassUID, sopInstanceUID }) => sopInstanceUID !== '' && !(sopClassUID in overlayClasses))
        .map(({ sopInstanceUID }) => sopInstanceUID);
      const named = below.filter(isSourceSeries).map(({ uid }) => uid);
      const series = images.length > 0 ? [] : named.length > 0 ? named : evidence;
      return { statements, images: [...new Set(images)], series: [...new Set(series)].filter((uid) => uid !== '') };
    })
    .filter(({ statements }) => statements.length > 0);
}

function statementsOf(container: ContentItem): ReportGroup['statements'] {
  return container.children
    .filter(
      (item) =>
        item.concept !== null &&
        (isSite(item) || ((item.type === 'CODE' || item.type === 'TEXT') && item.relationship === 'CONTAINS')),
    )
    .map((item) => ({
      concept: item.concept!.meaning,
      value: item.code?.meaning || item.text,
      isFinding: isFinding(item),
    }))
    .filter(({ value }) => value !== '')
    .sort((one, other) => Number(other.isFinding) - Number(one.isFinding));
}

/** Series of images in the evidence; those of segmentations and structure sets are no images. */
function evidenceSeries(dataset: DataSet): string[] {
  return itemsAt(dataset, currentRequestedProcedureEvidence)
    .flatMap((study) => itemsAt(study, objectTags.ReferencedSeriesSequence))
    .filter((series) => {
      const [first] = itemsAt(series, referencedSOPSequence);
      return first === undefined || !(uidAt(dataset, first, referencedSOPClassUID) in overlayClasses);
    })
    .map((series) => uidAt(dataset, series, objectTags.SeriesInstanceUID));
}
