// From a decoded frame to the numbers that a network sees: modality values, a window by modality, a fixed size.
import type { Frame } from '../../contract/dicom.ts';
import { isColour, rgbOf } from '../library/pixels/colour.ts';
import { modalityUnits } from '../library/pixels/modality-values.ts';

/** Range of CT values shown to networks, HU: from air over lung and soft tissue to the softer bone. */
const ctWindow = { low: -1_000, high: 400 } as const;
/** Share of values cut off at each end where the modality has no absolute scale. */
const cutShare = 0.01;
/** Enough values for a stable percentile. */
const sampledValues = 65_536;
const scale = 65_535;

/**
 * The image as row-major H×W×C values 0…65535, for contract/dataset.ts. The whole frame is kept: a frame of another
 * aspect is centred and padded with black.
 */
export function imageValues(stored: Frame, shape: { height: number; width: number; channels: number }): Uint16Array {
  const frame = inColours(stored);
  const values = windowed(frame);
  const { height, width, channels } = shape;
  const zoom = Math.min(height / frame.rows, width / frame.columns);
  const fittedHeight = Math.min(height, Math.max(1, Math.round(frame.rows * zoom)));
  const fittedWidth = Math.min(width, Math.max(1, Math.round(frame.columns * zoom)));
  const fitted = resample(values, frame.rows, frame.columns, fittedHeight, fittedWidth);
  const top = Math.floor((height - fittedHeight) / 2);
  const left = Math.floor((width - fittedWidth) / 2);
  const image = new Uint16Array(height * width * channels);
  for (let row = 0; row < fittedHeight; row += 1) {
    for (let column = 0; column < fittedWidth; column += 1) {
      const value = Math.round((fitted[row * fittedWidth + column] ?? 0) * scale);
      const at = ((row + top) * width + column + left) * channels;
      image.fill(value, at, at + channels);
    }
  }
  return image;
}

/** A palette's indices say nothing about brightness: its colours take their place. Other frames stay as they are. */
function inColours(frame: Frame): Frame {
  if (frame.samples !== 1 || !isColour(frame)) return frame;
  const pixels = rgbOf(frame);
  return {
    ...frame,
    samples: 3,
    bits: 8,
    signed: false,
    photometric: 'RGB',
    pixels,
    rescaleSlope: 1,
    rescaleIntercept: 0,
  };
}

/** Values 0…1, bright where MONOCHROME2 would be bright. */
function windowed(frame: Frame): Float32Array {
  const values = modalityValues(frame);
  const { low, high } = rangeOf(frame, values);
  const invert = frame.photometric === 'MONOCHROME1';
  for (let index = 0; index < values.length; index += 1) {
    const value = Math.min(1, Math.max(0, ((values[index] ?? 0) - low) / (high - low)));
    values[index] = invert ? 1 - value : value;
  }
  return values;
}

/** One value for each pixel: the modality LUT applied (PS3.3 C.11.1), colours as luminance. */
function modalityValues(frame: Frame): Float32Array {
  const { samples, photometric } = frame;
  const units = modalityUnits(frame);
  const stored = storedValues(frame);
  const values = new Float32Array(frame.rows * frame.columns);
  if (stored.length < values.length * samples) throw new RangeError('the frame has fewer pixels than rows × columns');
  for (let index = 0; index < values.length; index += 1) {
    const at = index * samples;
    const value =
      samples >= 3 && photometric === 'RGB'
        ? // ITU-R BT.601, as in PS3.3 C.7.6.3.1.2.
          0.299 * (stored[at] ?? 0) + 0.587 * (stored[at + 1] ?? 0) + 0.114 * (stored[at + 2] ?? 0)
        : // The first sample of YBR is the luminance.
          (stored[at] ?? 0);
    values[index] = units(value);
  }
  return values;
}

function storedValues({ bits, signed, pixels }: Frame): ArrayLike<number> {
  const bytes = bits / 8;
  // A typed array needs an aligned start; a copy has one (`slice` of a Buffer would not copy).
  const aligned = pixels.byteOffset % bytes === 0 ? pixels : new Uint8Array(pixels);
  const { buffer, byteOffset } = aligned;
  const length = Math.floor(aligned.byteLength / bytes);
  if (bits === 8) return signed ? new Int8Array(buffer, byteOffset, length) : aligned;
  if (bits === 16)
    return signed ? new Int16Array(buffer, byteOffset, length) : new Uint16Array(buffer, byteOffset, length);
  return signed ? new Int32Array(buffer, byteOffset, length) : new Uint32Array(buffer, byteOffset, length);
}

function rangeOf(frame: Frame, values: Float32Array): { low: number; high: number } {
  if (frame.modality === 'CT' && frame.samples === 1) return ctWindow;
  if (frame.samples >= 3 && frame.bits === 8) return { low: 0, high: 255 };
  const step = Math.max(1, Math.floor(values.length / sampledValues));
  const sorted = values.filter((_, index) => index % step === 0).sort();
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  let low = at(cutShare);
  let high = at(1 - cutShare);
  if (high <= low) {
    // Nearly all is background: the extremes are all there is.
    low = at(0);
    high = at(1);
  }
  return high > low ? { low, high } : { low, high: low + 1 };
}

/** Separable resampling: the mean over the covered area where it shrinks, linear between centres where it grows. */
function resample(values: Float32Array, rows: number, columns: number, height: number, width: number): Float32Array {
  const across = tapsOf(columns, width);
  const narrow = new Float32Array(rows * width);
  for (let row = 0; row < rows; row += 1) {
    across.forEach(({ start, weights }, column) => {
      let sum = 0;
      for (let tap = 0; tap < weights.length; tap += 1) {
        sum += (weights[tap] ?? 0) * (values[row * columns + start + tap] ?? 0);
      }
      narrow[row * width + column] = sum;
    });
  }
  const out = new Float32Array(height * width);
  tapsOf(rows, height).forEach(({ start, weights }, row) => {
    for (let tap = 0; tap < weights.length; tap += 1) {
      const weight = weights[tap] ?? 0;
      const from = (start + tap) * width;
      for (let column = 0; column < width; column += 1) {
        const at = row * width + column;
        out[at] = (out[at] ?? 0) + weight * (narrow[from + column] ?? 0);
      }
    }
  });
  return out;
}

interface Taps {
  start: number;
  weights: number[];
}

function tapsOf(from: number, to: number): Taps[] {
  const step = from / to;
  return Array.from({ length: to }, (_, index) =>
    step > 1 ? areaTaps(index * step, step, from) : linearTaps((index + 0.5) * step - 0.5, from),
  );
}

function areaTaps(begin: number, length: number, from: number): Taps {
  const start = Math.floor(begin);
  const end = Math.min(from, Math.ceil(begin + length - 1e-9));
  const weights = Array.from({ length: end - start }, (_, tap) => {
    const covered = Math.min(begin + length, start + tap + 1) - Math.max(begin, start + tap);
    return covered / length;
  });
  return { start, weights };
}

function linearTaps(centre: number, from: number): Taps {
  const clamped = Math.min(from - 1, Math.max(0, centre));
  const start = Math.min(Math.floor(clamped), Math.max(0, from - 2));
  const share = clamped - start;
  return { start, weights: from === 1 ? [1] : [1 - share, share] };
}
