// Frames and masks through a preprocessing chain (contract/preprocessing.ts), and masks back onto the frame that they belong to.
// Pure functions: data sets and predictions on a site's own studies go through the same ones.
import { fullScale } from '../../contract/dataset.ts';
import type { Frame } from '../../contract/dicom.ts';
import type { Task } from '../../contract/network.ts';
import type { Preprocessing } from '../../contract/preprocessing.ts';
import { isColour, rgbOf } from '../library/pixels/colour.ts';
import { modalityUnits } from '../library/pixels/modality-values.ts';
import { storedValuesOf } from '../library/pixels/frame-values.ts';
import { nearestOf, resample } from './resample.ts';
import { type Placement, placementOf, turned, turnedBack } from './placement.ts';

/** Enough values for a stable percentile. */
const sampledValues = 65_536;

/** The chain that needs no tuning: for classifications the whole image as large as it fits, for segmentations one scale for all volumes. */
export function defaultPreprocessing(
  task: Task,
  { height, width, channels }: { height: number; width: number; channels: number },
  spacingMm: number | null,
): Preprocessing {
  const isSegmentation = task === 'segmentation';
  return {
    version: 2,
    rescale: 'modality',
    // CT from air over lung and soft tissue to the softer bone.
    window: { ct: { low: -1_000, high: 400 }, cutShare: 0.01, of: isSegmentation ? 'volume' : 'image' },
    orientation: 'canonical',
    spacingMm,
    height,
    width,
    channels,
    channelsAre: isSegmentation ? 'neighbouring-slices' : 'repeated',
    normalise: 'training-split',
  };
}

/** Values between which a frame is shown, in modality units. */
export interface ValueRange {
  readonly low: number;
  readonly high: number;
}

/**
 * The range that these frames are windowed to: fixed for CT, else between percentiles of all of them together.
 * @param frames of one image, or slices of one volume where the chain windows volumes
 */
export function valueRange(frames: readonly Frame[], { window }: Preprocessing): ValueRange {
  const [first] = frames;
  if (first === undefined) return { low: 0, high: 1 };
  if (first.modality === 'CT' && first.samples === 1) return window.ct;
  if (isColour(first)) return { low: 0, high: 255 };
  const sampled = frames.map((frame) => {
    const values = modalityValues(frame);
    const step = Math.max(1, Math.floor((values.length * frames.length) / sampledValues));
    return values.filter((_, index) => index % step === 0);
  });
  const sorted = new Float32Array(sampled.reduce((total, { length }) => total + length, 0));
  let position = 0;
  for (const values of sampled) {
    sorted.set(values, position);
    position += values.length;
  }
  sorted.sort();
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  let [low, high] = [at(window.cutShare), at(1 - window.cutShare)];
  // Nearly all is background: the extremes are all there is.
  if (high <= low) [low, high] = [at(0), at(1)];
  return high > low ? { low, high } : { low, high: low + 1 };
}

/**
 * Frames as row-major H×W×C values 0…65535.
 * @param frames one, or as many as there are channels: the slices z−k…z+k in the order of `canonicalSliceStep`
 * @param range of `valueRange`; by default that of the middle frame
 * @throws RangeError when a frame has fewer pixels than rows × columns
 */
export function preprocess(
  frames: readonly Frame[],
  chain: Preprocessing,
  range: ValueRange = valueRange([middleOf(frames)], chain),
): Uint16Array<ArrayBuffer> {
  const { height, width, channels } = chain;
  const place = framePlacement(middleOf(frames), chain);
  const image = new Uint16Array(height * width * channels);
  frames.forEach((frame, at) => {
    const values = turned(windowed(frame, range), frame.rows, frame.columns, place);
    const fitted = resample(values, place.turnedRows, place.turnedColumns, place.height, place.width);
    eachPlaced(place, chain, (source, target) => {
      const value = Math.round((fitted[source] ?? 0) * fullScale);
      if (frames.length === 1) image.fill(value, target * channels, (target + 1) * channels);
      else image[target * channels + at] = value;
    });
  });
  return image;
}

/** A mask of the frame (rows × columns) as the network sees the frame: each pixel takes its nearest one's value; beyond the frame it is 0. */
export function preprocessMask(mask: Uint8Array, frame: FramePlace, chain: Preprocessing): Uint8Array<ArrayBuffer> {
  const place = framePlacement(frame, chain);
  const values = turned(mask, frame.rows, frame.columns, place);
  const rows = nearestOf(place.turnedRows, place.height);
  const columns = nearestOf(place.turnedColumns, place.width);
  const out = new Uint8Array(chain.height * chain.width);
  eachPlaced(place, chain, (source, target) => {
    const row = rows[Math.floor(source / place.width)]!;
    out[target] = values[row * place.turnedColumns + columns[source % place.width]!]!;
  });
  return out;
}

/** The other way: a network's mask (H × W of the chain) on the frame's own rows × columns; what the network did not see is 0. */
export function maskOnFrame(mask: Uint8Array, frame: FramePlace, chain: Preprocessing): Uint8Array<ArrayBuffer> {
  const place = framePlacement(frame, chain);
  const rows = nearestOf(place.height, place.turnedRows);
  const columns = nearestOf(place.width, place.turnedColumns);
  const out = new Uint8Array(place.turnedRows * place.turnedColumns);
  for (let row = 0; row < place.turnedRows; row += 1) {
    const y = rows[row]! + place.top;
    if (y < 0 || y >= chain.height) continue;
    for (let column = 0; column < place.turnedColumns; column += 1) {
      const x = columns[column]! + place.left;
      if (x >= 0 && x < chain.width) out[row * place.turnedColumns + column] = mask[y * chain.width + x]!;
    }
  }
  return turnedBack(out, frame.rows, frame.columns, place);
}

type FramePlace = Pick<Frame, 'rows' | 'columns' | 'geometry'>;

const framePlacement = ({ rows, columns, geometry }: FramePlace, chain: Preprocessing): Placement =>
  placementOf(rows, columns, geometry, chain);

/** Calls back for each pixel of the fitted image that lies within the network's size: its index there, and in the network's image. */
function eachPlaced(
  { height, width, top, left }: Placement,
  chain: Preprocessing,
  visit: (source: number, target: number) => void,
): void {
  for (let row = Math.max(0, -top); row < Math.min(height, chain.height - top); row += 1) {
    for (let column = Math.max(0, -left); column < Math.min(width, chain.width - left); column += 1) {
      visit(row * width + column, (row + top) * chain.width + column + left);
    }
  }
}

function middleOf(frames: readonly Frame[]): Frame {
  const middle = frames[Math.floor(frames.length / 2)];
  if (middle === undefined) throw new RangeError('no frames are given');
  return middle;
}

/** Values 0…1, bright where MONOCHROME2 would be bright. */
function windowed(frame: Frame, { low, high }: ValueRange): Float32Array {
  const values = modalityValues(frame);
  const invert = frame.photometric === 'MONOCHROME1';
  for (let index = 0; index < values.length; index += 1) {
    const value = Math.min(1, Math.max(0, ((values[index] ?? 0) - low) / (high - low)));
    values[index] = invert ? 1 - value : value;
  }
  return values;
}

/** One value for each pixel: the modality LUT applied (PS3.3 C.11.1), colours (palettes too) as luminance 0…255. */
function modalityValues(frame: Frame): Float32Array {
  const values = new Float32Array(frame.rows * frame.columns);
  const stored = isColour(frame) ? rgbOf(frame) : storedValuesOf(frame);
  const samples = isColour(frame) ? 3 : frame.samples;
  if (stored.length < values.length * samples) throw new RangeError('the frame has fewer pixels than rows × columns');
  const units = modalityUnits(frame);
  for (let index = 0; index < values.length; index += 1) {
    const at = index * samples;
    values[index] = isColour(frame)
      ? // ITU-R BT.601, as in PS3.3 C.7.6.3.1.2.
        0.299 * stored[at]! + 0.587 * stored[at + 1]! + 0.114 * stored[at + 2]!
      : units(stored[at]!);
  }
  return values;
}
