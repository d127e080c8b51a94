// One example of a data set out of DICOM files: image, neighbouring slices, mask. What neighbours need again is kept for a while.
import { statSync } from 'node:fs';
import type { Frame, FrameGeometry } from '../../contract/dicom.ts';
import type { Preprocessing } from '../../contract/preprocessing.ts';
import { type OverlayReader, overlayReader, wholeDataset } from '../annotations/overlay-reader.ts';
import { overlayTargetIn } from '../annotations/overlay-target.ts';
import { polygonMask } from '../annotations/polygon-mask.ts';
import type { DataSet } from '../library/dataset.ts';
import { frameGeometry } from '../library/pixels/geometry.ts';
import { imageDescription } from '../library/pixels/image-description.ts';
import { readFrameOf } from '../library/pixels/read-frame.ts';
import { openWasmCodecs } from '../library/pixels/wasm-codecs.ts';
import { alongNormalMm, placementOf, samePlaceMm } from './placement.ts';
import { preprocess, preprocessMask, type ValueRange, valueRange } from './preprocess.ts';
import type { ExampleTask, Extent, FramePlace } from './shard-task.ts';

export interface Example {
  readonly image: Uint16Array<ArrayBuffer>;
  /** The frame that it came from. */
  readonly place: { readonly rows: number; readonly columns: number; readonly geometry: FrameGeometry };
  /** Null where the example has no masks. */
  readonly mask: Uint8Array | null;
  /** Whether the image was stored with 8 bits. */
  readonly isByte: boolean;
}

export interface ExampleReader {
  /** @throws Fault with the reason why it cannot be read. */
  read(example: ExampleTask, chain: Preprocessing): Promise<Example>;
  /** Null where the frame does not tell its spacing. */
  extent(place: FramePlace): Promise<Extent | null>;
}

const keptDatasetsBytes = 96 * 2 ** 20;
const keptFramesBytes = 64 * 2 ** 20;
/** Slices that a volume's range of values is taken from. */
const rangeSlices = 16;
/** A pixel of a fractional segment is in from half on. */
const half = 128;

export function exampleReader(): ExampleReader {
  const codecs = openWasmCodecs();
  const overlays: OverlayReader = overlayReader(codecs);
  const datasets = recentlyUsed<DataSet>(keptDatasetsBytes, ({ bytes }) => bytes.length);
  const frames = recentlyUsed<Frame>(keptFramesBytes, ({ pixels }) => pixels.length);
  const ranges = recentlyUsed<ValueRange>(64, () => 1);
  const stacks = recentlyUsed<readonly FramePlace[]>(16, () => 1);

  const datasetAt = (path: string): DataSet => datasets.get(versionOf(path), () => wholeDataset(path));
  const frameAt = async ({ path, frame }: FramePlace): Promise<Frame> =>
    frames.getAsync(`${frame} ${versionOf(path)}`, () => readFrameOf(datasetAt(path), frame, codecs));
  const rangeOf = async (example: ExampleTask, stack: readonly FramePlace[], chain: Preprocessing) =>
    ranges.getAsync(
      `${JSON.stringify(chain.window)} ${stack[0]?.path} ${stack.length} ${example.stack === null}`,
      async () => {
        const chosen = Math.min(stack.length, rangeSlices);
        const slices: Frame[] = [];
        for (let index = 0; index < chosen; index += 1) {
          const place = stack[Math.floor(((index + 0.5) * stack.length) / chosen)]!;
          slices.push(await frameAt(place));
        }
        return valueRange(slices, chain);
      },
    );
  const stackOf = (example: ExampleTask): readonly FramePlace[] =>
    example.stack ?? stacks.get(versionOf(example.path), () => framesInOrder(example.path, datasetAt(example.path)));

  return {
    async read(example, chain) {
      const { path } = example;
      // Pictures that nobody asks for again would only push out what is.
      const isAlone = chain.window.of === 'image' && chain.channelsAre === 'repeated' && example.masks.length === 0;
      const dataset = isAlone ? wholeDataset(path) : datasetAt(path);
      const place = { path, frame: example.frame ?? Math.max(1, Math.ceil(imageDescription(dataset).frames / 2)) };
      const frame = isAlone ? await readFrameOf(dataset, place.frame, codecs) : await frameAt(place);
      const isVolume = chain.window.of === 'volume';
      const stack = isVolume || chain.channelsAre === 'neighbouring-slices' ? stackOf(example) : [];
      const range = isVolume && stack.length > 0 ? await rangeOf(example, stack, chain) : undefined;
      const shown =
        chain.channelsAre === 'neighbouring-slices' && chain.channels > 1
          ? await neighboursOf(place, frame, stack, chain.channels, frameAt)
          : [frame];
      const image = preprocess(shown, chain, range);
      const isByte = frame.bits === 8;
      const { rows, columns, geometry } = frame;
      const read = { image, isByte, place: { rows, columns, geometry } };
      if (example.masks.length === 0) return { ...read, mask: null };
      const target = overlayTargetIn(dataset, example.sopInstanceUID, place.frame);
      const mask = new Uint8Array(frame.rows * frame.columns);
      for (const { path: overlayPath, classes } of example.masks) {
        const classOf = new Map(classes);
        for (const { region, mask: pixels, polygons } of await overlays.shapesOn(overlayPath, target)) {
          const label = classOf.get(region);
          if (label === undefined) continue;
          const inside = pixels ?? polygonMask(polygons, frame.rows, frame.columns);
          const least = pixels === null ? 1 : half;
          for (let index = 0; index < mask.length; index += 1) if (inside[index]! >= least) mask[index] = label;
        }
      }
      return { ...read, mask: preprocessMask(mask, frame, chain) };
    },
    async extent({ path, frame }) {
      const dataset = datasetAt(path);
      const { rows, columns } = imageDescription(dataset);
      const geometry = frameGeometry(dataset, frame - 1);
      if (geometry.pixelSpacingMm === null || geometry.spacingKind === 'unknown') return null;
      const asItIs = { orientation: 'canonical', spacingMm: 1, height: rows, width: columns } as const;
      const { isTransposed } = placementOf(rows, columns, geometry, asItIs);
      const [heightMm, widthMm] = [rows * geometry.pixelSpacingMm[0], columns * geometry.pixelSpacingMm[1]];
      const finestSpacingMm = Math.min(...geometry.pixelSpacingMm);
      return isTransposed
        ? { heightMm: widthMm, widthMm: heightMm, finestSpacingMm }
        : { heightMm, widthMm, finestSpacingMm };
    },
  };
}

/** A file as it is now: one that changes is read again. */
function versionOf(path: string): string {
  const { size, mtimeMs } = statSync(path);
  return `${size} ${mtimeMs} ${path}`;
}

/** Frames of one file by their place along the normal, in canonical direction; as they come where they tell no place. */
function framesInOrder(path: string, dataset: DataSet): FramePlace[] {
  const { frames } = imageDescription(dataset);
  const places = Array.from({ length: frames }, (_, index) => {
    return { frame: index + 1, along: alongNormalMm(frameGeometry(dataset, index)) };
  });
  if (places.some(({ along }) => along === null)) return places.map(({ frame }) => ({ path, frame }));
  return places.sort((a, b) => a.along! - b.along! || a.frame - b.frame).map(({ frame }) => ({ path, frame }));
}

/** The slices z−k…z+k; at the ends of the volume the last one again. Of several at one place (time points) the one numbered nearest. */
async function neighboursOf(
  place: FramePlace,
  frame: Frame,
  stack: readonly FramePlace[],
  channels: number,
  frameAt: (place: FramePlace) => Promise<Frame>,
): Promise<Frame[]> {
  const at = stack.findIndex((one) => one.path === place.path && one.frame === place.frame);
  const reach = Math.floor(channels / 2);
  const towards = async (step: 1 | -1): Promise<Frame[]> => {
    const found: Frame[] = [];
    let last = frame;
    let index = at;
    while (found.length < reach) {
      const next = await nextPlace(index, step);
      if (next !== null) {
        index = next.index;
        last = next.frame;
      }
      found.push(last);
    }
    return found;
  };
  const distance = (one: Frame, other: Frame): number | null => {
    const { orientation } = one.geometry;
    const [a, b] = [alongNormalMm(one.geometry), alongNormalMm({ ...other.geometry, orientation })];
    return a === null || b === null ? null : Math.abs(a - b);
  };
  const nextPlace = async (from: number, step: 1 | -1): Promise<{ index: number; frame: Frame } | null> => {
    if (at < 0) return null;
    const own = await frameAt(stack[from]!);
    let index = from + step;
    while (index >= 0 && index < stack.length) {
      const candidate = await frameAt(stack[index]!);
      const apart = distance(own, candidate);
      const fits = candidate.rows === frame.rows && candidate.columns === frame.columns;
      if (fits && (apart === null || apart > samePlaceMm)) return nearestNumbered(index, step, candidate);
      index += step;
    }
    return null;
  };
  const nearestNumbered = async (
    index: number,
    step: 1 | -1,
    first: Frame,
  ): Promise<{ index: number; frame: Frame }> => {
    let best = { index, frame: first };
    const apartInNumber = (one: number): number => Math.abs(stack[one]!.frame - place.frame);
    for (let other = index + step; other >= 0 && other < stack.length; other += step) {
      const candidate = await frameAt(stack[other]!);
      const apart = distance(first, candidate);
      if (apart === null || apart > samePlaceMm) break;
      if (apartInNumber(other) < apartInNumber(best.index)) best = { index: other, frame: candidate };
    }
    return best;
  };
  const before = await towards(-1);
  const after = await towards(1);
  return [...before.reverse(), frame, ...after];
}

interface RecentlyUsed<Value> {
  get(key: string, make: () => Value): Value;
  getAsync(key: string, make: () => Promise<Value>): Promise<Value>;
}

/** Keeps what was used last, up to a total size; one value larger than that is not kept. */
function recentlyUsed<Value>(limit: number, sizeOf: (value: Value) => number): RecentlyUsed<Value> {
  const kept = new Map<string, Value>();
  let total = 0;
  const keep = (key: string, value: Value): Value => {
    const size = sizeOf(value);
    if (size > limit) return value;
    kept.set(key, value);
    total += size;
    for (const [oldest, dropped] of kept) {
      if (total <= limit) break;
      kept.delete(oldest);
      total -= sizeOf(dropped);
    }
    return value;
  };
  const known = (key: string): Value | undefined => {
    const value = kept.get(key);
    if (value === undefined) return undefined;
    kept.delete(key);
    kept.set(key, value);
    return value;
  };
  return {
    get: (key, make) => known(key) ?? keep(key, make()),
    getAsync: async (key, make) => known(key) ?? keep(key, await make()),
  };
}
