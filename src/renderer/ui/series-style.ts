// How the lines of one plot are told apart: eight colours, then the same again in dashes.

export interface SeriesStyle {
  /** A colour of tokens.css, as CSS takes it. */
  readonly colour: string;
  /** As SVG's `stroke-dasharray`; `none` for a whole line. */
  readonly dashes: string;
}

const colours = 8;
const dashes = ['none', '6 3', '1.5 2.5', '8 3 1.5 3'] as const;

/** @param index of the line within its plot, from 0; repeats after 32 lines */
export function seriesStyle(index: number): SeriesStyle {
  const round = Math.floor(index / colours) % dashes.length;
  return { colour: `var(--series-${(index % colours) + 1})`, dashes: dashes[round]! };
}
