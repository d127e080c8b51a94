// Which slices are of one volume, in which order and how far apart: what distances in millimetres are measured by.
import { mostSlices } from '../../contract/dataset.ts';
import type { BuiltColumns } from './dataset-columns.ts';
import { samePlaceMm } from './placement.ts';

export interface SlicePlaces {
  /** By example: counts from 0, −1 where the place is not known. */
  readonly volumes: Int32Array;
  /** By example: its number in its volume; a gap where slices are missing. */
  readonly slices: Int32Array;
  /** By example: distances of neighbouring slices, rows and columns of the network's image. */
  readonly spacingMm: Float32Array;
}

export function slicePlaces(columns: readonly Pick<BuiltColumns, 'places' | 'volumes'>[]): SlicePlaces {
  const examples: { key: string; alongMm: number; rowMm: number; columnMm: number }[] = [];
  for (const { places, volumes } of columns)
    for (let at = 0; at * 2 < volumes.length; at += 1) {
      const [alongMm, rowMm, columnMm] = places.subarray(at * 3, at * 3 + 3);
      examples.push({
        key: `${volumes[at * 2]} ${volumes[at * 2 + 1]}`,
        alongMm: alongMm!,
        rowMm: rowMm!,
        columnMm: columnMm!,
      });
    }
  const found: SlicePlaces = {
    volumes: new Int32Array(examples.length).fill(-1),
    slices: new Int32Array(examples.length),
    spacingMm: new Float32Array(examples.length * 3),
  };
  let count = 0;
  for (const own of Map.groupBy(examples.keys(), (example) => examples[example]!.key).values()) {
    if (own.some((example) => !isPlaced(examples[example]!))) continue;
    const along = own.map((example) => examples[example]!.alongMm);
    const distanceMm = sliceDistanceMm(along);
    const first = Math.min(...along);
    if ((Math.max(...along) - first) / distanceMm >= mostSlices - 1) continue;
    // Of several images at one place (time points) each begins a volume of its own.
    const seen = new Map<number, number>();
    let repetitions = 1;
    for (const example of own) {
      const { alongMm, rowMm, columnMm } = examples[example]!;
      const slice = Math.round((alongMm - first) / distanceMm);
      const repetition = seen.get(slice) ?? 0;
      seen.set(slice, repetition + 1);
      repetitions = Math.max(repetitions, repetition + 1);
      found.volumes[example] = count + repetition;
      found.slices[example] = slice;
      found.spacingMm.set([distanceMm, rowMm, columnMm], example * 3);
    }
    count += repetitions;
  }
  return found;
}

const isPlaced = (one: { alongMm: number; rowMm: number; columnMm: number }): boolean =>
  Number.isFinite(one.alongMm) && one.rowMm > 0 && one.columnMm > 0;

/** The middle one of the distances between neighbouring places; 1 where there is one place alone. */
function sliceDistanceMm(along: readonly number[]): number {
  const places = along.toSorted((a, b) => a - b);
  const gaps = places.slice(1).flatMap((place, index) => {
    const gap = place - places[index]!;
    return gap > samePlaceMm ? [gap] : [];
  });
  return gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 1;
}
