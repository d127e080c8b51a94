// How the report writes numbers.
import type { Estimate } from '../../contract/metrics.ts';

const minus = '−';

/** Three decimals, as AUC and accuracy are usually given; a dash for null. */
export function figure(value: number | null | undefined, decimals = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  return value.toFixed(decimals).replace('-', minus);
}

/** A difference with its sign. */
export function signedFigure(value: number, decimals = 3): string {
  return value > 0 ? `+${figure(value, decimals)}` : figure(value, decimals);
}

/** "0.912–0.951", or a dash. */
export function interval(estimate: Estimate): string {
  return estimate ? `${figure(estimate.low)}–${figure(estimate.high)}` : '–';
}

/** Bytes in decimal units with three digits. */
export function byteSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const step = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const scaled = bytes / 1000 ** step;
  return `${step === 0 ? scaled : scaled.toPrecision(3)} ${units[step]!}`;
}

/** Seconds as "2 min 43 s". */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min${whole % 60 === 0 ? '' : ` ${whole % 60} s`}`;
}

/** Seconds as "2:43", for an axis. */
export function clockTime(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** A whole number with thin spaces between thousands. */
export function whole(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, '\u202f');
}
