// Which bars of a distribution a card has room for, and which of them are labelled.
import { type Distribution, notStated } from '../../contract/browse.ts';

type Bars = Distribution['bars'];

/** The first of a chart that is cut short. How many say nothing is never cut off: it tells what the rest is worth. */
export function shownBars(bars: Bars, most: number): Bars {
  if (bars.length <= most) return bars;
  const last = bars.at(-1);
  return last?.label === notStated ? [...bars.slice(0, most - 1), last] : bars.slice(0, most);
}

/** The words under a standing bar; empty under most, where all would not fit. What is not stated has its own. */
export function tickOf(bars: Bars, index: number, most: number): string {
  const every = Math.ceil(bars.length / most);
  const label = bars[index]?.label ?? '';
  if (label === notStated) return label;
  // Its words reach to the left, over the bars before it.
  const end = bars.at(-1)?.label === notStated ? bars.length - 2 * every : bars.length;
  return index % every === 0 && index < end ? label.replace(' mm', '') : '';
}
