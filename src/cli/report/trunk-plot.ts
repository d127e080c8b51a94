// The trunk over time: each site's validation AUC of the versions that it evaluated, and when the updates arrived.
import type { DemoResult } from './demo-result.ts';
import { clockTime, duration, figure } from './figures.ts';
import { html, type Markup } from './markup.ts';
import { px, roundScale, type Scale, spread } from './scale.ts';

type Evaluation = DemoResult['trunkHistory'][number];
type Arrival = NonNullable<DemoResult['arrivals']>[number];

interface Line {
  readonly name: string;
  readonly style: string;
  readonly points: readonly { readonly x: number; readonly y: number; readonly evaluation: Evaluation }[];
}

const width = 960;
const left = 132;
const right = 796;
const top = 30;
const plotHeight = 260;
const laneHeight = 20;
/** Seconds. */
const timeSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];

/** Which measure the plot shows: the AUC, or the accuracy where no AUC could be computed. */
export function plottedMeasure(history: readonly Evaluation[]): 'auc' | 'accuracy' {
  return history.some(({ auc }) => auc !== null) ? 'auc' : 'accuracy';
}

export function trunkPlot(result: DemoResult): Markup {
  const measure = plottedMeasure(result.trunkHistory);
  const arrivals = result.arrivals ?? [];
  const bottom = top + plotHeight;
  const lanesTop = bottom + 22;
  const lanesBottom = arrivals.length > 0 ? lanesTop + result.sites.length * laneHeight : bottom;
  const moments = [...result.trunkHistory, ...arrivals].map(({ atSeconds }) => atSeconds);
  const time = roundScale(moments, [left, right], { ticks: 9, steps: timeSteps });
  const values = result.trunkHistory.flatMap((evaluation) => evaluation[measure] ?? []);
  const value = roundScale(values, [bottom, top], { ticks: 5, limits: [0, 1] });
  const lines = linesOf(result, measure, time, value);
  return html`<svg viewBox="0 0 ${width} ${lanesBottom + 46}" role="img" aria-labelledby="trunk-title trunk-text">
    <title id="trunk-title">The trunk's ${measure === 'auc' ? 'AUC' : 'accuracy'} at each site over time</title>
    <desc id="trunk-text">
      One line per site; a dashed line is a slower machine. Marks below are updates that the hub accepted. The figures
      stand in the table below.
    </desc>
    <text class="axis-title" x="${left}" y="14">
      ${measure === 'auc' ? 'AUC' : 'Accuracy'} on each site's validation patients
    </text>
    ${axes(time, value, bottom, lanesBottom)}${lines.map(lineMarkup)}${endLabels(lines, bottom)}${
      arrivals.length > 0 ? lanes(result, arrivals, time, lanesTop) : null
    }
    <text class="tick" x="${(left + right) / 2}" y="${lanesBottom + 40}" text-anchor="middle">
      minutes since the start
    </text>
  </svg>`;
}

function linesOf(result: DemoResult, measure: 'auc' | 'accuracy', time: Scale, value: Scale): Line[] {
  const pointsOf = (site: string | null): Line['points'] =>
    result.trunkHistory
      .filter((evaluation) => evaluation.site === site)
      .toSorted((a, b) => a.atSeconds - b.atSeconds)
      .flatMap((evaluation) => {
        const share = evaluation[measure];
        return share === null ? [] : [{ x: time.position(evaluation.atSeconds), y: value.position(share), evaluation }];
      });
  const lines = result.sites.map(({ name, speed }, index) => ({
    name: speed < 1 ? `${name} (${speedText(speed)})` : name,
    style: `site-${(index % 8) + 1}${speed < 1 ? ' slow' : ''}`,
    points: pointsOf(name),
  }));
  lines.push({ name: 'all sites', style: 'pooled', points: pointsOf(null) });
  return lines.filter(({ points }) => points.length > 0);
}

/** "10× slower", or "full speed". */
export function speedText(speed: number): string {
  return speed < 1 ? `${Number((1 / speed).toPrecision(2))}× slower` : 'full speed';
}

function axes(time: Scale, value: Scale, bottom: number, lanesBottom: number): Markup[] {
  return [
    ...value.ticks.map((tick) => {
      const y = value.position(tick);
      return html`<line class="grid" x1="${left}" x2="${right}" y1="${px(y)}" y2="${px(y)}" /><text
          class="tick"
          x="${left - 10}"
          y="${px(y + 4)}"
          text-anchor="end"
          >${figure(tick, value.decimals)}</text
        >`;
    }),
    ...time.ticks.map((tick) => {
      const x = px(time.position(tick));
      return html`<line class="grid light" x1="${x}" x2="${x}" y1="${top}" y2="${lanesBottom}" /><text
          class="tick"
          x="${x}"
          y="${lanesBottom + 19}"
          text-anchor="middle"
          >${clockTime(tick)}</text
        >`;
    }),
    html`<line class="axis" x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}" />`,
  ];
}

function lineMarkup({ name, style, points }: Line): Markup {
  const path = points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${px(x)} ${px(y)}`).join('');
  const dots = points.map(
    ({ x, y, evaluation }) =>
      html`<circle cx="${px(x)}" cy="${px(y)}" r="2.6"
        ><title>
          ${name}: version ${evaluation.version}, AUC ${figure(evaluation.auc)}, accuracy ${figure(evaluation.accuracy)}
        </title></circle
      >`,
  );
  return html`<g class="${style}"><path class="line" d="${path}" />${dots}</g>`;
}

function endLabels(lines: readonly Line[], bottom: number): Markup[] {
  const heights = spread(
    lines.map(({ points }) => points.at(-1)!.y),
    17,
    bottom,
  );
  return lines.map(({ name, style, points }, index) => {
    const { x, y } = points.at(-1)!;
    const at = heights[index]!;
    return html`<g class="${style}"
      ><path class="leader" d="M${px(x + 5)} ${px(y)}L${px(right + 8)} ${px(at)}" /><text
        class="series-label"
        x="${right + 12}"
        y="${px(at + 4)}"
        >${name}</text
      ></g
    >`;
  });
}

function lanes(result: DemoResult, arrivals: readonly Arrival[], time: Scale, lanesTop: number): Markup[] {
  return result.sites.map(({ name }, index) => {
    const y = lanesTop + (index + 0.5) * laneHeight;
    const own = arrivals.filter(({ site }) => site === name);
    const marks = own.map(({ atSeconds, stalenessCommits }) => {
      const x = px(time.position(atSeconds));
      return html`<line class="arrival" x1="${x}" x2="${x}" y1="${px(y - 6)}" y2="${px(y + 6)}"
        ><title>${name}: update after ${duration(atSeconds)}, ${stalenessCommits} commits stale</title></line
      >`;
    });
    return html`<g class="site-${(index % 8) + 1}"
      ><text class="tick" x="${left - 10}" y="${px(y + 4)}" text-anchor="end">${name}</text
      ><line class="lane" x1="${left}" x2="${right}" y1="${px(y)}" y2="${px(y)}" />${marks}<text
        class="tick"
        x="${right + 12}"
        y="${px(y + 4)}"
        >${own.length} ${own.length === 1 ? 'update' : 'updates'}</text
      ></g
    >`;
  });
}
