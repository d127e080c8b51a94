// The tables below the scoreboard: trunk by class, trunk by version, sites, ledger heads.
import type { Metrics } from '../../contract/metrics.ts';
import type { DemoResult } from './demo-result.ts';
import { byteSize, duration, figure, whole } from './figures.ts';
import { html, type Content, type Markup } from './markup.ts';
import { speedText } from './trunk-plot.ts';

function wideTable(label: string, heads: readonly Markup[], rows: readonly Markup[]): Markup {
  return html`<div class="wide" tabindex="0" role="region" aria-label="${label}">
    <table>
      <thead>
        <tr>
          ${heads}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}

const head = (title: Content): Markup => html`<th scope="col">${title}</th>`;
const numberHead = (title: Content): Markup => html`<th scope="col" class="number">${title}</th>`;
const numberCell = (content: Content): Markup => html`<td class="number">${content}</td>`;

export function sitesTable({ sites }: DemoResult): Markup {
  const rows = sites.map((site, index) => {
    const { train, validation, test } = site.examples;
    return html`<tr class="site-${(index % 8) + 1}">
      <th scope="row"><span class="key"></span>${site.name} <span class="sub">${site.scanner}</span></th>
      <td><span class="badge">${speedText(site.speed)}</span></td>
      ${numberCell(whole(site.studies))}${numberCell(`${whole(train)} / ${whole(validation)} / ${whole(test)}`)}
      ${numberCell(whole(site.updates))}${numberCell(figure(site.meanStaleness, 1))}${numberCell(byteSize(site.bytesSent))}
      ${numberCell(byteSize(site.bytesReceived))}
    </tr>`;
  });
  const heads = [
    head('Site and scanner'),
    head('Machine'),
    numberHead('Studies'),
    numberHead('Train / validation / test'),
    numberHead('Updates accepted'),
    numberHead('Mean staleness'),
    numberHead('Sent'),
    numberHead('Received'),
  ];
  return wideTable('Sites', heads, rows);
}

export function trunkVersionsTable({ trunkHistory, sites }: DemoResult): Markup {
  const rows = trunkHistory
    .toSorted((a, b) => a.version - b.version || a.atSeconds - b.atSeconds)
    .map(({ version, site, atSeconds, auc, accuracy, loss }) => {
      const index = sites.findIndex(({ name }) => name === site);
      return html`<tr class="${index < 0 ? 'pooled' : `site-${(index % 8) + 1}`}">
        <th scope="row">${version}</th>
        <td><span class="key"></span>${site ?? 'all sites'}</td>
        ${numberCell(duration(atSeconds))}${numberCell(figure(auc))}
        ${numberCell(figure(accuracy))}${numberCell(figure(loss))}
      </tr>`;
    });
  const heads = [head('Version'), head('Evaluated by'), numberHead('After'), numberHead('AUC'), numberHead('Accuracy')];
  return wideTable('Trunk versions', [...heads, numberHead('Log loss')], rows);
}

/** Sensitivity, specificity and AUC of each class, and the confusion matrix beside them. */
export function classTables(metrics: Metrics): Markup {
  const rows = metrics.perClass.map(
    ({ name, examples, sensitivity, specificity, auc }) =>
      html`<tr>
        <th scope="row">${name}</th>
        ${[whole(examples), figure(sensitivity), figure(specificity), figure(auc)].map(numberCell)}
      </tr>`,
  );
  const heads = [head('Class'), ...['Images', 'Sensitivity', 'Specificity', 'AUC'].map(numberHead)];
  return html`<div class="pair">${wideTable('Trunk by class', heads, rows)}${confusionTable(metrics)}</div>`;
}

function confusionTable({ confusion, perClass }: Metrics): Markup {
  const rows = confusion.map((counts, truth) => {
    const total = counts.reduce((sum, count) => sum + count, 0);
    const cells = counts.map((count, predicted) => {
      const percent = total > 0 ? Math.round((100 * count) / total) : 0;
      const colour = truth === predicted ? '--accent' : '--bad';
      // At most 62 %, so that the count stays readable on it in both themes.
      const style = `background:color-mix(in srgb, var(${colour}) ${Math.round(percent * 0.62)}%, var(--sunken))`;
      return html`<td style="${style}">${count}</td>`;
    });
    return html`<tr>
      <th scope="row">${perClass[truth]?.name ?? truth}</th>
      ${cells}
    </tr>`;
  });
  return html`<div class="wide" tabindex="0" role="region" aria-label="Confusion matrix">
    <table class="heat">
      <caption>
        True class in rows, predicted in columns; images
      </caption>
      <thead>
        <tr>
          <td></td>
          ${perClass.map(({ name }) => head(name))}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}

export function ledgerTable({ sites }: DemoResult): Markup {
  const rows = sites.map(
    ({ name, ledgerHead }) =>
      html`<tr>
        <th scope="row">${name}</th>
        <td><code>${ledgerHead || '–'}</code></td>
      </tr>`,
  );
  return wideTable('Ledger heads', [head('Site'), head('SHA-256 of the last entry')], rows);
}
