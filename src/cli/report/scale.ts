// From values to positions: the arithmetic of axes.

export interface Scale {
  readonly ticks: readonly number[];
  /** Decimals that tell neighbouring ticks apart. */
  readonly decimals: number;
  position(value: number): number;
}

/**
 * A linear scale whose ends are round numbers around the values.
 * @param limits values never shown beyond, such as 0 and 1 of a share.
 */
export function roundScale(
  values: readonly number[],
  range: readonly [number, number],
  options: {
    readonly ticks: number;
    readonly limits?: readonly [number, number];
    /** The distances between ticks to choose from, ascending, instead of 1, 2, 5 × a power of ten. */
    readonly steps?: readonly number[];
  },
): Scale {
  const finite = values.filter(Number.isFinite);
  const low = finite.length > 0 ? Math.min(...finite) : 0;
  const high = finite.length > 0 ? Math.max(...finite) : 1;
  const least = (high - low || 0.1) / options.ticks;
  const step = options.steps?.find((one) => one >= least) ?? roundStep(least);
  const [floor, ceiling] = options.limits ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const start = Math.max(floor, Math.floor(low / step + 1e-9) * step);
  let end = Math.min(ceiling, Math.ceil(high / step - 1e-9) * step);
  if (end <= start) end = start + step;
  const ticks: number[] = [];
  for (let index = 0; start + index * step <= end + step * 1e-6; index += 1) ticks.push(start + index * step);
  return {
    ticks,
    decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)),
    position: (value) => range[0] + ((value - start) / (end - start)) * (range[1] - range[0]),
  };
}

/** The smallest of 1, 2, 5 × a power of ten that is at least `size`. */
function roundStep(size: number): number {
  const power = 10 ** Math.floor(Math.log10(size));
  return power * ([1, 2, 5, 10].find((digit) => digit * power >= size * (1 - 1e-9)) ?? 10);
}

/** The positions moved apart to at least `gap`, in their order, each as near to its own as that allows. */
export function spread(positions: readonly number[], gap: number, limit: number): number[] {
  const order = positions.map((position, index) => ({ position, index })).sort((a, b) => a.position - b.position);
  for (let index = 1; index < order.length; index += 1) {
    order[index]!.position = Math.max(order[index]!.position, order[index - 1]!.position + gap);
  }
  for (let index = order.length - 1, most = limit; index >= 0; index -= 1, most -= gap) {
    order[index]!.position = Math.min(order[index]!.position, most);
    most = order[index]!.position;
  }
  const placed: number[] = [];
  for (const { position, index } of order) placed[index] = position;
  return placed;
}

/** Coordinates with one decimal keep the file small. */
export function px(value: number): string {
  return value.toFixed(1);
}
