// Pure geometry of slices: which lie at one position, where some are missing, whether they are evenly spaced and straight.

export interface Slice {
  /** Along the slice normal, mm. */
  readonly position: number;
  /** Along row and column, mm. */
  readonly alongRow: number;
  readonly alongColumn: number;
  readonly instanceNumber: number | null;
  readonly acquisition: string;
  readonly acquisitionTime: string;
}

export interface StackFindings {
  /** Images beyond the first at a position where nothing tells them apart. */
  readonly duplicates: readonly Slice[];
  readonly gaps: readonly Gap[];
  readonly uneven: Uneven | null;
  /** Degrees between the slice normal and the line on which the slices lie; null where they are straight or too few. */
  readonly shearDegrees: number | null;
}

export interface Gap {
  readonly after: Slice;
  readonly before: Slice;
  readonly missing: number;
}

export interface Uneven {
  readonly spacingMm: number;
  readonly smallestMm: number;
  readonly largestMm: number;
}

/** Two slices nearer than this lie at one position, mm. */
export const samePositionMm = 0.01;
/** A step counts as even within both of these of the median step. */
export const evenWithinMm = 0.05;
export const evenWithinShare = 0.05;
/** A step is a gap of whole slices where it is a multiple of the median step within this share of a step. */
const gapWithinShare = 0.15;
/** With more steps than this share out of rule, there is no rule to speak of: uneven, not incomplete. */
const gapsAtMostShare = 0.25;
const fewestSlices = 4;
export const straightWithinDegrees = 0.5;

/** Looks at slices of one orientation and size. */
export function stackFindings(slices: readonly Slice[]): StackFindings {
  const { volumes, duplicates } = volumesOf(slices);
  const gaps: Gap[] = [];
  let uneven: Uneven | null = null;
  let shearDegrees: number | null = null;
  for (const volume of volumes) {
    if (volume.length < fewestSlices) continue;
    const steps = volume.slice(1).map((slice, index) => slice.position - volume[index]!.position);
    const spacingMm = median(steps);
    const found = gapsIn(volume, steps, spacingMm);
    for (const gap of found.gaps) gaps.push(gap);
    if (found.isUneven) uneven ??= { spacingMm, ...endsOf(steps) };
    shearDegrees ??= shearOf(volume);
  }
  return { duplicates, gaps, uneven, shearDegrees };
}

/** Not by Math.min(…): a call takes some 100,000 arguments. */
function endsOf(steps: readonly number[]): { smallestMm: number; largestMm: number } {
  return steps.reduce(
    ({ smallestMm, largestMm }, step) => ({
      smallestMm: Math.min(smallestMm, step),
      largestMm: Math.max(largestMm, step),
    }),
    { smallestMm: Infinity, largestMm: -Infinity },
  );
}

/**
 * Parts slices into volumes that hold each position once: by acquisition, and by their order in time where one acquisition
 * holds a position several times.
 */
function volumesOf(slices: readonly Slice[]): { volumes: Slice[][]; duplicates: Slice[] } {
  if (!hasRepeats(slices)) return { volumes: [sorted(slices)], duplicates: [] };
  let groups = [...Map.groupBy(slices, (slice) => slice.acquisition).values()];
  // Where every slice is an acquisition of its own, the acquisitions are no volumes.
  if (median(groups.map((group) => group.length)) < 2) groups = [[...slices]];
  const volumes: Slice[][] = [];
  const duplicates: Slice[] = [];
  for (const group of groups) {
    const layers: Slice[][] = [];
    for (const together of atOnePosition(group)) {
      const seen = new Set<string>();
      for (const slice of together) {
        const apart = `${slice.acquisition} ${slice.acquisitionTime}`;
        if (seen.has(apart)) duplicates.push(slice);
        else (layers[seen.size] ??= []).push(slice);
        seen.add(apart);
      }
    }
    for (const layer of layers) volumes.push(layer);
  }
  return { volumes, duplicates };
}

const sorted = (slices: readonly Slice[]): Slice[] =>
  [...slices].sort(
    (a, b) =>
      a.position - b.position ||
      a.acquisitionTime.localeCompare(b.acquisitionTime) ||
      (a.instanceNumber ?? 0) - (b.instanceNumber ?? 0),
  );

function hasRepeats(slices: readonly Slice[]): boolean {
  return atOnePosition(slices).some((together) => together.length > 1);
}

/** Slices by position, in ascending order of it. */
function atOnePosition(slices: readonly Slice[]): Slice[][] {
  const groups: Slice[][] = [];
  let last: Slice[] = [];
  for (const slice of sorted(slices)) {
    const [first] = last;
    if (first !== undefined && slice.position - first.position <= samePositionMm) last.push(slice);
    else groups.push((last = [slice]));
  }
  return groups;
}

function gapsIn(
  volume: readonly Slice[],
  steps: readonly number[],
  spacingMm: number,
): { gaps: Gap[]; isUneven: boolean } {
  const tolerance = Math.max(evenWithinMm, spacingMm * evenWithinShare);
  const gaps: Gap[] = [];
  let odd = 0;
  for (const [index, step] of steps.entries()) {
    if (Math.abs(step - spacingMm) <= tolerance) continue;
    odd += 1;
    const slices = Math.round(step / spacingMm);
    if (slices < 2 || Math.abs(step / spacingMm - slices) > gapWithinShare) continue;
    gaps.push({ after: volume[index]!, before: volume[index + 1]!, missing: slices - 1 });
  }
  if (gaps.length > steps.length * gapsAtMostShare) return { gaps: [], isUneven: true };
  return { gaps, isUneven: odd > gaps.length };
}

/** Degrees; measured from the first slice to the last, and only where the slices between lie on that line. */
function shearOf(volume: readonly Slice[]): number | null {
  const first = volume[0]!;
  const last = volume.at(-1)!;
  const height = last.position - first.position;
  const row = (last.alongRow - first.alongRow) / height;
  const column = (last.alongColumn - first.alongColumn) / height;
  const degrees = (Math.atan(Math.hypot(row, column)) * 180) / Math.PI;
  if (degrees <= straightWithinDegrees) return null;
  const isLine = volume.every((slice) => {
    const up = slice.position - first.position;
    const off = Math.hypot(
      slice.alongRow - first.alongRow - row * up,
      slice.alongColumn - first.alongColumn - column * up,
    );
    return off < 1;
  });
  return isLine ? degrees : null;
}

export function median(values: readonly number[]): number {
  const ordered = [...values].sort((a, b) => a - b);
  return ordered[Math.floor((ordered.length - 1) / 2)] ?? Number.NaN;
}
