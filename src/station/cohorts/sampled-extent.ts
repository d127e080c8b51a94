// How large the images of a cohort are, from a sample of its patients: what the size and the spacing of a data set are chosen by.
import type { CohortItem } from './cohort-items.ts';
import type { LibraryForCohorts } from './cohort-library.ts';
import type { Extent, FramePlace } from './shard-task.ts';
import { openShardThreads, type ShardThreads } from './shard-threads.ts';

/** Volumes that the common spacing is taken from. */
const measuredPatients = 32;

export interface SampledParts {
  /** Items of patients whose pseudonym is at least `from` and less than `to`, in the order of patients. */
  itemsBetween(from: string, to: string): readonly CohortItem[];
  readonly library: LibraryForCohorts;
}

/**
 * The finest spacing of 2^(n/4) mm at which the largest of some volumes still fits into the network's size: one scale for all, and
 * for similar cohorts of several sites the same one. Null where none tells its spacing.
 */
export async function commonSpacingMm(
  threads: ShardThreads,
  parts: SampledParts & { readonly height: number; readonly width: number },
): Promise<number | null> {
  const { height, width } = parts;
  const extent = await sampledExtent(threads, parts);
  if (extent === null) return null;
  const needed = Math.max(extent.heightMm / height, extent.widthMm / width);
  return 2 ** (Math.ceil(4 * Math.log2(needed) - 1e-6) / 4);
}

/** How many pixels the larger side of a cohort's images has at their finest spacing; null where none tells its spacing. */
export async function largestSidePixels(parts: SampledParts): Promise<number | null> {
  const threads = openShardThreads({ count: 1 });
  try {
    const extent = await sampledExtent(threads, parts);
    return extent && Math.round(Math.max(extent.heightMm, extent.widthMm) / extent.finestSpacingMm);
  } finally {
    await threads.close();
  }
}

async function sampledExtent(threads: ShardThreads, { itemsBetween, library }: SampledParts): Promise<Extent | null> {
  const places: FramePlace[] = [];
  const patients = new Set<string>();
  // Pseudonyms are evenly spread: the first ones are a sample.
  for (let prefix = 0; prefix < 256 && patients.size < measuredPatients; prefix += 1) {
    for (const item of itemsBetween(hexOf(prefix), prefix === 255 ? 'g' : hexOf(prefix + 1))) {
      if (patients.has(item.patient)) continue;
      patients.add(item.patient);
      const found = library.instanceFile(item.sopInstanceUID);
      if (found !== null) places.push({ path: found.path, frame: item.frame ?? 1 });
    }
  }
  return threads.measure({ measure: places.slice(0, measuredPatients) });
}

const hexOf = (byte: number): string => byte.toString(16).padStart(2, '0');
