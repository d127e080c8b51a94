// How fast a multi-frame object wants to be shown.
import type { DataSet } from '../dataset.ts';
import { numberOf, numbersAt } from './attributes.ts';

const rateTags = {
  RecommendedDisplayFrameRate: 0x00082144,
  CineRate: 0x00180040,
  FrameTime: 0x00181063,
  FrameTimeVector: 0x00181065,
} as const;

/** Most frame times that are read for their mean. */
const timesLimit = 65_536;

/** RecommendedDisplayFrameRate, else CineRate, else by FrameTime or the mean of FrameTimeVector (PS3.3 C.7.6.5); null where none is a rate. */
export function framesPerSecond(dataset: DataSet): number | null {
  const rate =
    positive(numberOf(dataset, dataset, rateTags.RecommendedDisplayFrameRate)) ??
    positive(numberOf(dataset, dataset, rateTags.CineRate));
  if (rate !== null) return rate;
  const frameTimeMs = positive(numberOf(dataset, dataset, rateTags.FrameTime)) ?? meanTimeMs(dataset);
  return frameTimeMs === null ? null : 1_000 / frameTimeMs;
}

/** The first entry is the time before the first frame, 0. */
function meanTimeMs(dataset: DataSet): number | null {
  const times = numbersAt(dataset, dataset, rateTags.FrameTimeVector, timesLimit)?.slice(1) ?? [];
  return positive(times.reduce((sum, time) => sum + time, 0) / times.length);
}

const positive = (value: number | null): number | null =>
  value !== null && Number.isFinite(value) && value > 0 ? value : null;
