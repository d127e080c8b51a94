// A structured report as lines to be read, in the order of its content tree.
import type { Report, ReportLine } from '../../contract/annotation.ts';
import type { DataSet } from '../library/dataset.ts';
import { codeOf } from '../library/pixels/attributes.ts';
import { overlayClasses } from './object-tags.ts';
import { type ContentItem, reportTree } from './report-tree.ts';

const reportTags = { CompletionFlag: 0x0040a491, VerificationFlag: 0x0040a493 } as const;
/** More than anybody reads, and what a window can hold. */
const linesLimit = 5_000;

/** What the report says, without what is only about its making: language, template and the like are lines as all others. */
export function reportText(dataset: DataSet): Report {
  const root = reportTree(dataset);
  const lines: ReportLine[] = [];
  let isCut = false;
  const walk = (item: ContentItem, depth: number): void => {
    for (const child of item.children) {
      if (lines.length >= linesLimit) {
        isCut = true;
        return;
      }
      lines.push(lineOf(child, depth));
      walk(child, depth + 1);
    }
  };
  walk(root, 0);
  return {
    title: root.concept?.meaning ?? '',
    isComplete: flag(codeOf(dataset, dataset, reportTags.CompletionFlag), 'COMPLETE'),
    isVerified: flag(codeOf(dataset, dataset, reportTags.VerificationFlag), 'VERIFIED'),
    lines,
    isCut,
  };
}

function lineOf({ relationship, type, concept, value, references }: ContentItem, depth: number): ReportLine {
  return {
    depth,
    relationship,
    type,
    concept: concept?.meaning || concept?.value || '',
    value,
    images: references
      .filter(({ sopInstanceUID }) => sopInstanceUID !== '')
      .map(({ sopClassUID, sopInstanceUID, frame }) => ({
        sopInstanceUID,
        frame,
        kind: overlayClasses[sopClassUID] ?? null,
      })),
  };
}

/** Null where the file does not say. */
function flag(written: string, yes: string): boolean | null {
  return written === '' ? null : written === yes;
}
