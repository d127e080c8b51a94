// Dots with whiskers: AUC and accuracy of every model on the pooled test set, against the mean of the local-only models.
import type { Estimate } from '../../contract/metrics.ts';
import type { ComparedModel, DemoResult } from './demo-result.ts';
import { figure } from './figures.ts';
import { html, type Markup } from './markup.ts';
import { px, roundScale, type Scale } from './scale.ts';

export const modelTitles: Readonly<Record<ComparedModel, string>> = {
  'local-only': 'Local only',
  trunk: 'Trunk',
  ensemble: 'Ensemble',
  central: 'Central',
};

type Row = DemoResult['pooled']['rows'][number];

const width = 960;
const rowHeight = 27;
const labelWidth = 176;
const panelGap = 64;
const top = 44;
const measures = ['auc', 'accuracy'] as const;
const measureTitles = { auc: 'AUC', accuracy: 'Accuracy' } as const;

export function comparisonPlot({ pooled, localMean }: DemoResult): Markup {
  const height = top + pooled.rows.length * rowHeight + 40;
  const panelWidth = (width - labelWidth - panelGap - 16) / 2;
  const bottom = height - 36;
  const panels = measures.map((measure, index) => {
    const left = labelWidth + index * (panelWidth + panelGap);
    return panel(pooled.rows, measure, localMean[measure], { left, right: left + panelWidth, bottom });
  });
  const labels = pooled.rows.map(
    ({ model, site }, index) =>
      html`<text class="label" x="${labelWidth - 18}" y="${px(rowCentre(index) + 4)}" text-anchor="end"
        >${site === null ? html`<tspan class="strong">${modelTitles[model]}</tspan>` : rowTitle(model, site)}</text
      >`,
  );
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="comparison-title comparison-text">
    <title id="comparison-title">AUC and accuracy of each model on the pooled test set</title>
    <desc id="comparison-text">
      Dots are estimates, whiskers 95 % confidence intervals; the dashed line is the mean of the local-only models. The
      same figures stand in the scoreboard table.
    </desc>
    ${labels}${panels}
  </svg>`;
}

function rowTitle(model: ComparedModel, site: string): Markup {
  return html`<tspan class="faint">${modelTitles[model]} · </tspan>${site}`;
}

function rowCentre(index: number): number {
  return top + (index + 0.5) * rowHeight;
}

function panel(
  rows: readonly Row[],
  measure: (typeof measures)[number],
  reference: number | null,
  place: { readonly left: number; readonly right: number; readonly bottom: number },
): Markup {
  const { left, right, bottom } = place;
  const values = rows.flatMap(({ metrics }) => (metrics[measure] ? [metrics[measure].low, metrics[measure].high] : []));
  if (reference !== null) values.push(reference);
  const scale = roundScale(values, [left, right], { ticks: 5, limits: [0, 1] });
  const grid = scale.ticks.map((tick) => {
    const x = px(scale.position(tick));
    return html`<line class="grid" x1="${x}" x2="${x}" y1="${top}" y2="${bottom}" /><text
        class="tick"
        x="${x}"
        y="${bottom + 18}"
        text-anchor="middle"
        >${figure(tick, scale.decimals)}</text
      >`;
  });
  const dots = rows.map((row, index) => dot(row.model, row.metrics[measure], scale, rowCentre(index)));
  const at = reference === null ? null : scale.position(reference);
  return html`<text class="axis-title" x="${left}" y="16">${measureTitles[measure]}</text>${grid}${
      at === null
        ? null
        : html`<line class="reference" x1="${px(at)}" x2="${px(at)}" y1="${top - 6}" y2="${bottom}" /><text
              class="tick"
              x="${px(Math.min(at, right - 56))}"
              y="${top - 11}"
              text-anchor="middle"
              >local mean ${figure(reference)}</text
            >`
    }${dots}`;
}

function dot(model: ComparedModel, estimate: Estimate, scale: Scale, y: number): Markup | null {
  if (!estimate) return null;
  const [low, high] = [px(scale.position(estimate.low)), px(scale.position(estimate.high))];
  return html`<g class="model-${model}"
    ><line class="whisker" x1="${low}" x2="${high}" y1="${px(y)}" y2="${px(y)}" /><line
      class="whisker"
      x1="${low}"
      x2="${low}"
      y1="${px(y - 4)}"
      y2="${px(y + 4)}" /><line class="whisker" x1="${high}" x2="${high}" y1="${px(y - 4)}" y2="${px(y + 4)}" /><circle
      cx="${px(scale.position(estimate.value))}"
      cy="${px(y)}"
      r="${model === 'local-only' ? 4.5 : 5.5}"
  /></g>`;
}
