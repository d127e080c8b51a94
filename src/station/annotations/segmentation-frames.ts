// Which frames of a segmentation show which segment on which image: by the source images that it names, or by where it lies.
import type { DataSet, Item } from '../library/dataset.ts';
import { codeOf, numberOf, numbersAt } from '../library/pixels/attributes.ts';
import { functionalGroup } from '../library/pixels/functional-groups.ts';
import { itemsAt, uidAt } from './items.ts';
import { objectTags } from './object-tags.ts';

export interface SourceImage {
  readonly sopInstanceUID: string;
  /** From 1; empty for the whole instance. */
  readonly frames: readonly number[];
}

export interface SegmentFrame {
  /** From 1. */
  readonly frame: number;
  /** Null for a label map, whose pixel values are segment numbers. */
  readonly segment: number | null;
  readonly sources: readonly SourceImage[];
}

export type SegmentationKind = 'BINARY' | 'FRACTIONAL' | 'LABELMAP';

export interface Segmentation {
  readonly kind: SegmentationKind;
  readonly frames: readonly SegmentFrame[];
  /** Of FRACTIONAL. */
  readonly maximum: number;
  /** Slides cut in tiles whose place only their order tells (PS3.3 C.7.6.17.3). */
  readonly isTiledFull: boolean;
}

const framesLimit = 200_000;
/** Source images that are read of one frame; a writer that lists more says nothing about this frame. */
const sourcesLimit = 4_096;

export function segmentationOf(dataset: DataSet): Segmentation {
  const type = codeOf(dataset, dataset, objectTags.SegmentationType);
  const kind = type === 'FRACTIONAL' || type === 'LABELMAP' ? type : 'BINARY';
  const count = Math.max(1, Math.min(framesLimit, numberOf(dataset, dataset, objectTags.NumberOfFrames) ?? 1));
  const segments = itemsAt(dataset, objectTags.SegmentSequence);
  const only = segments.length === 1 ? numberOf(dataset, segments[0]!, objectTags.SegmentNumber) : null;
  const frames: SegmentFrame[] = [];
  for (let frame = 0; frame < count; frame += 1) {
    const identification = functionalGroup(dataset, frame, objectTags.SegmentIdentificationSequence);
    const segment =
      identification === null ? only : numberOf(dataset, identification, objectTags.ReferencedSegmentNumber);
    if (kind !== 'LABELMAP' && segment === null) continue;
    frames.push({
      frame: frame + 1,
      segment: kind === 'LABELMAP' ? null : segment,
      sources: sourcesOf(dataset, functionalGroup(dataset, frame, objectTags.DerivationImageSequence)),
    });
  }
  const maximum = numberOf(dataset, dataset, objectTags.MaximumFractionalValue) ?? 255;
  const isTiledFull = codeOf(dataset, dataset, objectTags.DimensionOrganizationType) === 'TILED_FULL';
  return { kind, frames, maximum: maximum > 0 ? maximum : 255, isTiledFull };
}

function sourcesOf(dataset: DataSet, derivation: Item | null): SourceImage[] {
  if (derivation === null) return [];
  return itemsAt(derivation, objectTags.SourceImageSequence)
    .slice(0, sourcesLimit)
    .map((source) => ({
      sopInstanceUID: uidAt(dataset, source, objectTags.ReferencedSOPInstanceUID),
      frames: numbersAt(dataset, source, objectTags.ReferencedFrameNumber, 65_536) ?? [],
    }))
    .filter(({ sopInstanceUID }) => sopInstanceUID !== '');
}
