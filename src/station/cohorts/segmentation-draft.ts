// A cohort of slices with masks: every slice of the series that a SEG or RTSTRUCT object of the library refers to.
import { Fault } from '../../contract/fault.ts';
import type { CohortProgress } from '../../contract/cohort.ts';
import type { Overlay } from '../../contract/annotation.ts';
import { type CohortDraft, type CohortRequest, completed, type DraftSite, selectedFor } from './cohort-draft.ts';
import { type CohortItem, type ItemMask, pseudonymOf } from './cohort-items.ts';
import type { SelectedInstance } from './cohort-library.ts';
import { cohortFaults } from './faults.ts';

/** Index 0 of a segmentation's classes: what no region covers. */
export const backgroundClass = 'background';
/** Classes are bytes of a mask, of which the last means that a pixel is not labelled. */
const maxClasses = 254;
const progressEveryMs = 100;
/** Slices asked for at once. */
const atOnce = 8;

/** One slice and the names of the regions on it. */
interface Slice {
  readonly instance: SelectedInstance;
  readonly frame: number;
  readonly regions: ReadonlySet<string>;
  readonly overlays: readonly Overlay[];
}

export interface SegmentationReading {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: CohortProgress) => void;
}

/** @throws Fault 206, 208, 209, 221–223, 228 (cancelled) */
export async function draftSegmentation(
  request: CohortRequest,
  site: DraftSite,
  { signal, onProgress = () => {} }: SegmentationReading,
): Promise<CohortDraft> {
  const { labelsFrom = null } = request;
  if (request.labelsFile !== null || (labelsFrom !== null && labelsFrom !== 'SEG' && labelsFrom !== 'RTSTRUCT'))
    throw cohortFaults.labelsNotForMasks();
  const { selected, forgotten } = selectedFor(request, site);
  const seen = { segmentations: 0, empty: 0, several: 0, refused: 0, firstReason: null as string | null };
  const slices: Slice[] = [];
  const total = selected.reduce((sum, { frames }) => sum + frames, 0);
  let done = 0;
  let toldMs = Number.NEGATIVE_INFINITY;
  const looked = (frames: number): void => {
    if (signal?.aborted === true) throw cohortFaults.cancelled();
    done += frames;
    if (done < total && performance.now() - toldMs < progressEveryMs) return;
    toldMs = performance.now();
    onProgress({ done, total });
  };
  looked(0);
  for (const [series, instances] of Map.groupBy(selected, ({ seriesInstanceUID }) => seriesInstanceUID)) {
    const found = await site.library.annotations.overlays(series);
    // What a model drew is no truth to learn from.
    const overlays = found.filter(
      ({ kind, isPredicted }) => !isPredicted && (labelsFrom === null || kind === labelsFrom),
    );
    const frames = instances.reduce((sum, one) => sum + one.frames, 0);
    if (overlays.length === 0) {
      looked(frames);
      continue;
    }
    seen.segmentations += overlays.length;
    if (overlays.length > 1) seen.several += 1;
    const own = await slicesOf(instances, overlays, site, {
      looked,
      refused(reason) {
        seen.refused += 1;
        seen.firstReason ??= reason;
      },
    });
    // A mask without foreground is no mask: its volume would teach that there is nothing.
    if (own.some(({ regions }) => regions.size > 0)) slices.push(...own);
    else seen.empty += 1;
  }
  if (seen.segmentations === 0) throw cohortFaults.noSegmentation(selected.length);
  if (slices.length === 0) throw cohortFaults.noForeground(seen.segmentations, seen.firstReason);
  const names = [...new Set(slices.flatMap(({ regions }) => [...regions]))].sort();
  if (names.length >= maxClasses) throw cohortFaults.tooManyClasses(names.length);
  const classNames = [backgroundClass, ...names];
  const items = itemsOf(slices, classNames, site.key);
  const chosen = [...new Set(slices.map(({ instance }) => instance))];
  return completed({ ...request, task: 'segmentation' }, site, {
    items,
    classNames,
    chosen,
    unlabelled: selected.length - chosen.length,
    warnings: [...forgotten, ...warningsOf(seen)],
  });
}

/** The slices of one series that its segmentations speak of. */
async function slicesOf(
  instances: readonly SelectedInstance[],
  overlays: readonly Overlay[],
  { library }: DraftSite,
  { looked, refused }: { looked: (frames: number) => void; refused: (reason: string) => void },
): Promise<Slice[]> {
  const places = instances.flatMap((instance) =>
    Array.from({ length: instance.frames }, (_, index) => ({ instance, frame: index + 1 })),
  );
  const slices: Slice[] = [];
  for (let start = 0; start < places.length; start += atOnce) {
    const read = await Promise.all(
      places.slice(start, start + atOnce).map(async ({ instance, frame }): Promise<Slice | null> => {
        const regions = new Set<string>();
        for (const overlay of overlays) {
          try {
            const { shapes } = await library.annotations.overlayShapes({
              overlayInstanceUID: overlay.sopInstanceUID,
              sopInstanceUID: instance.sopInstanceUID,
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
        const isOfVolume = instance.position !== null || instance.frames > 1;
        return regions.size > 0 || isOfVolume ? { instance, frame, regions, overlays } : null;
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

function itemsOf(
  slices: readonly Slice[],
  classNames: readonly string[],
  key: Uint8Array,
): Omit<CohortItem, 'split'>[] {
  const classIndex = new Map(classNames.map((name, index) => [name, index]));
  const masks = new Map<Overlay, ItemMask>();
  const maskOf = (overlay: Overlay): ItemMask => {
    const classes = overlay.regions.flatMap(({ number }): [number, number][] => {
      const index = classIndex.get(regionName(overlay, number) ?? '');
      return index === undefined ? [] : [[number, index]];
    });
    const mask = masks.get(overlay) ?? { sopInstanceUID: overlay.sopInstanceUID, classes };
    masks.set(overlay, mask);
    return mask;
  };
  return slices.map(({ instance, frame, regions, overlays }) => ({
    sopInstanceUID: instance.sopInstanceUID,
    patient: pseudonymOf(instance.patientKey, key),
    labels: [...regions].map((name) => classIndex.get(name) ?? 0).sort((a, b) => a - b),
    frames: instance.frames,
    frame,
    masks: overlays.map(maskOf),
  }));
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
