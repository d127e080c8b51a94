// Which bars of a distribution a card has room for, and which of them are labelled.
import { type Distribution, notStated } from '../../contract/browse.ts';

type Bars = Distribution['bars'];

/** The first of a chart that is cut short. How many say nothing is never cut off: it tells what the rest is worth. */
export function shownBars(bars: Bars, most: number): Bars {
  if (bars.length <= most) return bars;
  const last = bars.at(-1);
  return last?.label === notStated ? [...bars.slice(0, most - 1), last] : bars.slice(0, most);
}

/** Labels under standing bars that fit beside each other in a card of 254 pixels, the narrowest that there is. */
export function mostTicks(bars: Bars): number {
  const longest = Math.max(1, ...bars.map(({ label }) => label.replace(' mm', '').length));
  return Math.max(1, Math.min(7, Math.floor(254 / (8 + 6.2 * longest))));
}

/** The words under a standing bar; empty under most, where all would not fit. */
export function tickOf(bars: Bars, index: number, most: number): string {
  const every = Math.ceil(bars.length / most);
  return index % every === 0 ? (bars[index]?.label.replace(' mm', '') ?? '') : '';
}
