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
  const places = joined(columns, 'places', Float32Array);
  const keys = new BigUint64Array(joined(columns, 'volumes', Int32Array).buffer);
  const found: SlicePlaces = {
    volumes: new Int32Array(keys.length).fill(-1),
    slices: new Int32Array(keys.length),
    spacingMm: new Float32Array(keys.length * 3),
  };
  let count = 0;
  for (const own of examplesByVolume(keys)) {
    if (own.some((example) => !isPlaced(places.subarray(example * 3, example * 3 + 3)))) continue;
    const along = Array.from(own, (example) => places[example * 3]!);
    const distanceMm = sliceDistanceMm(along);
    const first = Math.min(...along);
    if ((Math.max(...along) - first) / distanceMm >= mostSlices - 1) continue;
    // Of several images at one place (time points) each begins a volume of its own.
    const seen = new Map<number, number>();
    let repetitions = 1;
    for (const example of own) {
      const [alongMm, rowMm, columnMm] = places.subarray(example * 3, example * 3 + 3);
      const slice = Math.round((alongMm! - first) / distanceMm);
      const repetition = seen.get(slice) ?? 0;
      seen.set(slice, repetition + 1);
      repetitions = Math.max(repetitions, repetition + 1);
      found.volumes[example] = count + repetition;
      found.slices[example] = slice;
      found.spacingMm.set([distanceMm, rowMm!, columnMm!], example * 3);
    }
    count += repetitions;
  }
  return found;
}

function joined<Values extends Float32Array | Int32Array>(
  columns: readonly Pick<BuiltColumns, 'places' | 'volumes'>[],
  name: 'places' | 'volumes',
  Kind: new (length: number) => Values,
): Values {
  const values = new Kind(columns.reduce((length, column) => length + column[name].length, 0));
  let at = 0;
  for (const column of columns) {
    values.set(column[name], at);
    at += column[name].length;
  }
  return values;
}

/** Examples of one volume after the other, ascending; the volume of the first example first. */
function* examplesByVolume(keys: BigUint64Array): Generator<Uint32Array> {
  const order = Uint32Array.from(keys.keys()).sort((a, b) =>
    keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : a - b,
  );
  const starts = Uint32Array.from(order.keys()).filter((at) => at === 0 || keys[order[at]!] !== keys[order[at - 1]!]);
  for (const start of starts.sort((a, b) => order[a]! - order[b]!)) {
    let end = start;
    while (end < order.length && keys[order[end]!] === keys[order[start]!]) end += 1;
    yield order.subarray(start, end);
  }
}

const isPlaced = ([alongMm, rowMm, columnMm]: Float32Array): boolean =>
  Number.isFinite(alongMm) && rowMm! > 0 && columnMm! > 0;

/** The middle one of the distances between neighbouring places; 1 where there is one place alone. */
function sliceDistanceMm(along: readonly number[]): number {
  const places = along.toSorted((a, b) => a - b);
  const gaps = places.slice(1).flatMap((place, index) => {
    const gap = place - places[index]!;
    return gap > samePlaceMm ? [gap] : [];
  });
  return gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 1;
}
