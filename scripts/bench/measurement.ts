// One line of a bench: ours, the peers measured in the same run, and the ratio that matters.
export interface Measurement {
  readonly what: string;
  readonly ours: number;
  readonly unit: string;
  readonly peers: readonly { readonly name: string; readonly value: number }[];
  /** Ours over the first peer where more is better, the reverse where less is; null without a peer. Above 1 is better. */
  readonly ratio: number | null;
  readonly note?: string;
}

/** A measurement where more is better, for example files/s. */
export function moreIsBetter(
  what: string,
  unit: string,
  ours: number,
  peers: Measurement['peers'],
  note?: string,
): Measurement {
  const [first] = peers;
  return { what, unit, ours, peers, ratio: first ? ours / first.value : null, ...(note !== undefined && { note }) };
}

/** A measurement where less is better, for example MB of memory. */
export function lessIsBetter(
  what: string,
  unit: string,
  ours: number,
  peers: Measurement['peers'],
  note?: string,
): Measurement {
  const [first] = peers;
  return { what, unit, ours, peers, ratio: first ? first.value / ours : null, ...(note !== undefined && { note }) };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
