// The four-way comparison: local-only, trunk, ensemble and central on the pooled test set, as tiles and as a table.
import type { Estimate } from '../../contract/metrics.ts';
import { modelTitles } from './comparison-plot.ts';
import { comparedModels, type ComparedModel, type DemoResult } from './demo-result.ts';
import { figure, interval, signedFigure } from './figures.ts';
import { html, type Markup } from './markup.ts';

type Row = DemoResult['pooled']['rows'][number];

/** One tile per kind of model: its AUC, or the mean over the sites where each has its own. */
export function scoreTiles({ pooled, localMean }: DemoResult): Markup {
  const tiles = comparedModels.flatMap((model) => {
    const rows = pooled.rows.filter((row) => row.model === model);
    return rows.length > 0 ? [tile(model, rows, localMean.auc)] : [];
  });
  return html`<div class="tiles">${tiles}</div>`;
}

function tile(model: ComparedModel, rows: readonly Row[], reference: number | null): Markup {
  const auc = meanOf(rows.map(({ metrics }) => metrics.auc));
  const accuracy = meanOf(rows.map(({ metrics }) => metrics.accuracy));
  const only = rows.length === 1 ? rows[0]! : null;
  const gain =
    model === 'local-only' || auc === null || reference === null
      ? null
      : `AUC ${signedFigure(auc - reference)} to the local mean`;
  return html`<div class="tile model-${model}">
    <h3>${modelTitles[model]}${only ? '' : `, mean of ${rows.length} sites`}</h3>
    <div class="value">${figure(auc)}<small>AUC</small></div>
    <p>${only?.metrics.auc ? `95 % CI ${interval(only.metrics.auc)}` : aucRange(rows)}</p>
    <p>accuracy ${figure(accuracy)}</p>
    ${gain === null ? null : html`<p>${gain}</p>`}
  </div>`;
}

function aucRange(rows: readonly Row[]): string {
  const values = rows.flatMap(({ metrics }) => (metrics.auc ? [metrics.auc.value] : []));
  return values.length > 0
    ? `between ${figure(Math.min(...values))} and ${figure(Math.max(...values))}`
    : 'not computable';
}

function meanOf(estimates: readonly Estimate[]): number | null {
  const values = estimates.flatMap((estimate) => (estimate ? [estimate.value] : []));
  return values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
}

export function scoreboardTable({ pooled }: DemoResult): Markup {
  const rows = pooled.rows.map(({ model, site, metrics }, index) => {
    const isFirst = index > 0 && pooled.rows[index - 1]!.model !== model;
    return html`<tr class="model-${model}${isFirst ? ' first' : ''}${site === null ? ' whole' : ''}">
      <th scope="row">
        <span class="name"><span class="key"></span>${modelTitles[model]}</span>
      </th>
      <td>${site ?? 'all sites'}</td>
      ${estimateCell(metrics.auc)}${estimateCell(metrics.accuracy)}
      <td class="number">${figure(metrics.balancedAccuracy)}</td>
      <td class="number">${figure(metrics.loss)}</td>
      <td class="number">${figure(metrics.calibrationError)}</td>
    </tr>`;
  });
  return html`<div class="wide" tabindex="0" role="region" aria-label="Scoreboard">
    <table>
      <thead>
        <tr>
          <th scope="col">Model</th>
          <th scope="col">Site</th>
          <th scope="col" class="number">AUC (95 % CI)</th>
          <th scope="col" class="number">Accuracy (95 % CI)</th>
          <th scope="col" class="number">Balanced accuracy</th>
          <th scope="col" class="number">Log loss</th>
          <th scope="col" class="number">Calibration error</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}

function estimateCell(estimate: Estimate): Markup {
  return html`<td class="number">${figure(estimate?.value)}<span class="interval">${interval(estimate)}</span></td>`;
}
