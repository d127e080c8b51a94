// A cohort of slices with masks: every slice of the series that a SEG or RTSTRUCT object of the library refers to.
import { Fault } from '../../contract/fault.ts';
import type { Overlay } from '../../contract/annotation.ts';
import {
  type CohortDraft,
  type CohortRequest,
  completed,
  type DraftSite,
  indicesOf,
  selectImages,
} from './cohort-draft.ts';
import type { ItemMask } from './cohort-items.ts';
import type { DraftImage, DraftTable } from './draft-table.ts';
import { cohortFaults } from './faults.ts';
import type { Turns } from './turns.ts';

/** Index 0 of a segmentation's classes: what no region covers. */
export const backgroundClass = 'background';
/** Classes are bytes of a mask, of which the last means that a pixel is not labelled. */
const maxClasses = 254;
/** Slices asked for at once. */
const atOnce = 8;

/** One slice and the names of the regions on it. */
interface Slice {
  readonly image: DraftImage;
  readonly frame: number;
  readonly regions: ReadonlySet<string>;
}

/** SOP Instance UID of an object, and its regions' numbers and names: what masks are told by until all classes are known. */
type NamedRegions = readonly [string, readonly (readonly [number, string | null])[]];

/** @param table empty @throws Fault 206, 208, 209, 221–223, 228 (cancelled) */
export async function draftSegmentation(
  request: CohortRequest,
  site: DraftSite,
  table: DraftTable,
  turns: Turns,
): Promise<CohortDraft> {
  const { labelsFrom = null } = request;
  if (request.labelsFile !== null || (labelsFrom !== null && labelsFrom !== 'SEG' && labelsFrom !== 'RTSTRUCT'))
    throw cohortFaults.labelsNotForMasks();
  const forgotten = await selectImages(request, site, table, turns);
  const seen = { segmentations: 0, slices: 0, empty: 0, several: 0, refused: 0, firstReason: null as string | null };
  const names = new Set<string>();
  const { images, frames } = table.counts();
  const { did: looked } = turns.stage('masks', frames);
  for (const series of table.series()) {
    const own = table.imagesOf(series);
    const found = await site.library.annotations.overlays(own[0]?.seriesInstanceUID ?? '');
    // What a model drew is no truth to learn from.
    const overlays = found.filter(
      ({ kind, isPredicted }) => !isPredicted && (labelsFrom === null || kind === labelsFrom),
    );
    if (overlays.length === 0) {
      looked(own.reduce((sum, one) => sum + one.frames, 0));
      continue;
    }
    seen.segmentations += overlays.length;
    if (overlays.length > 1) seen.several += 1;
    const slices = await slicesOf(own, overlays, site, {
      looked,
      refused(reason) {
        seen.refused += 1;
        seen.firstReason ??= reason;
      },
    });
    // A mask without foreground is no mask: its volume would teach that there is nothing.
    if (!slices.some(({ regions }) => regions.size > 0)) {
      seen.empty += 1;
      continue;
    }
    seen.slices += slices.length;
    const masks = JSON.stringify(overlays.map(namedRegions));
    for (const { image, frame, regions } of slices) {
      table.take({ image: image.id, frame, label: JSON.stringify([...regions]), masks });
      for (const name of regions) names.add(name);
    }
  }
  if (seen.segmentations === 0) throw cohortFaults.noSegmentation(images);
  if (seen.slices === 0) throw cohortFaults.noForeground(seen.segmentations, seen.firstReason);
  if (names.size >= maxClasses) throw cohortFaults.tooManyClasses(names.size);
  const classNames = [backgroundClass, ...[...names].sort()];
  const classIndex = new Map(classNames.map((name, index) => [name, index]));
  return completed(request, site, table, turns, {
    items: seen.slices,
    classNames,
    labelsOf: (label) => indicesOf(JSON.parse(label) as string[], classIndex),
    masksOf: masksReader(classIndex),
    warnings: [...forgotten, ...warningsOf(seen)],
  });
}

/** The slices of one series that its segmentations speak of. */
async function slicesOf(
  images: readonly DraftImage[],
  overlays: readonly Overlay[],
  { library }: DraftSite,
  { looked, refused }: { looked: (frames: number) => void; refused: (reason: string) => void },
): Promise<Slice[]> {
  const places = images.flatMap((image) =>
    Array.from({ length: image.frames }, (_, index) => ({ image, frame: index + 1 })),
  );
  const slices: Slice[] = [];
  for (let start = 0; start < places.length; start += atOnce) {
    const read = await Promise.all(
      places.slice(start, start + atOnce).map(async ({ image, frame }): Promise<Slice | null> => {
        const regions = new Set<string>();
        for (const overlay of overlays) {
          try {
            const { shapes } = await library.annotations.overlayShapes({
              overlayInstanceUID: overlay.sopInstanceUID,
              sopInstanceUID: image.sopInstanceUID,
              frame,
            });
            for (const { region } of shapes) {
              const name = regionName(overlay, region);
              if (name !== null) regions.add(name);
            }
          } catch (error) {
            // What cannot be laid over the image must not pass for background.
            refused(error instanceof Fault ? error.message : 'it cannot be read.');
            return null;
          }
        }
        // A picture without a place is background only where it is one of a volume that the segmentation covers.
        const isOfVolume = image.position !== null || image.frames > 1;
        return regions.size > 0 || isOfVolume ? { image, frame, regions } : null;
      }),
    );
    slices.push(...read.filter((slice) => slice !== null));
    looked(read.length);
  }
  return slices;
}

/** Null for what the object does not describe, and for the background, which some writers list as a segment. */
function regionName({ regions }: Overlay, number: number): string | null {
  const region = regions.find((one) => one.number === number);
  if (region === undefined) return null;
  const name = region.label.trim() || `region ${number}`;
  return name.toLowerCase() === backgroundClass ? null : name.slice(0, 100);
}

const namedRegions = (overlay: Overlay): NamedRegions => [
  overlay.sopInstanceUID,
  overlay.regions.map(({ number }) => [number, regionName(overlay, number)]),
];

/** Masks out of what `namedRegions` says of objects; slices of one volume follow each other and have the same. */
function masksReader(classIndex: ReadonlyMap<string, number>): (text: string) => readonly ItemMask[] {
  let last: { text: string; masks: readonly ItemMask[] } = { text: '', masks: [] };
  return (text) => {
    if (last.text === text) return last.masks;
    const masks = (JSON.parse(text) as NamedRegions[]).map(([sopInstanceUID, regions]) => {
      const classes = regions.flatMap(([number, name]): [number, number][] => {
        const index = classIndex.get(name ?? '');
        return index === undefined ? [] : [[number, index]];
      });
      return { sopInstanceUID, classes };
    });
    last = { text, masks };
    return masks;
  };
}

function warningsOf(seen: { empty: number; several: number; refused: number; firstReason: string | null }): string[] {
  const warnings: string[] = [];
  const warn = (count: number, one: string, many: string): void => {
    if (count > 0) warnings.push(count === 1 ? `1 ${one}` : `${count} ${many}`);
  };
  warn(
    seen.empty,
    'series is left out: its segmentation marks nothing on it.',
    'series are left out: their segmentations mark nothing on them.',
  );
  warn(
    seen.several,
    'series has more than one segmentation: where they overlap, the last one counts.',
    'series have more than one segmentation: where they overlap, the last one counts.',
  );
  const reason = seen.firstReason ?? '';
  warn(
    seen.refused,
    `image is left out, since its segmentation does not fit: ${reason}`,
    `images are left out, since their segmentations do not fit. The first reason: ${reason}`,
  );
  return warnings;
}
