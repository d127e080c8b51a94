// Who goes.

/** `count` of `all`, evenly over fast and slow. */
export function spreadSites(count: number, all: number): ReadonlySet<number> {
  const whole = Math.round(count);
  return new Set(Array.from({ length: whole }, (_, index) => Math.floor(((index + 0.5) * all) / whole)));
}
