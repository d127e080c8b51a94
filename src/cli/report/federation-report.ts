// The report of a federation: one HTML file that needs nothing else, runs nothing, and can be printed.
import { classMixPlot } from './class-mix-plot.ts';
import { comparisonPlot } from './comparison-plot.ts';
import type { DemoResult } from './demo-result.ts';
import { classTables, ledgerTable, sitesTable, trunkVersionsTable } from './detail-tables.ts';
import { duration, figure, signedFigure, whole } from './figures.ts';
import { html, type Content, Markup } from './markup.ts';
import { reportStyle } from './report-style.ts';
import { scoreboardTable, scoreTiles } from './scoreboard-table.ts';
import { trunkPlot } from './trunk-plot.ts';

/** The whole report as an HTML document. The same result gives the same text. */
export function federationReport(result: DemoResult): string {
  const { project, pooled, sites } = result;
  const trunk = pooled.rows.find(({ model }) => model === 'trunk')?.metrics;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>${project.title} · ImagiQ federation report</title>
        <style>
          ${new Markup(reportStyle)}
        </style>
      </head>
      <body>
        <main>
          <header>
            <div class="brand">ImagiQ</div>
            <h1>${project.title}</h1>
            <p class="lead">
              Practice federation of ${sites.length} hospitals · ${calendarDay(result.startedAt)} ·
              ${duration(result.seconds)} on ${result.machine.cores} ${result.machine.cores === 1 ? 'core' : 'cores'}
            </p>
          </header>
          ${verdict(result)}${scoreTiles(result)}
          ${section(
            'scoreboard',
            'Scoreboard',
            html`Every model on the same pooled test set: ${whole(pooled.examples)} images of ${whole(pooled.patients)}
            patients from all sites, none of them used for training, and only brought together here because the studies
            are generated. Central training on all data is what a federation cannot have; it shows how much is left to
            gain.`,
            [scroll('Comparison of models', comparisonPlot(result)), scoreboardTable(result)],
          )}
          ${
            result.trunkHistory.length > 0
              ? section(
                  'trunk',
                  'The trunk over time',
                  html`Each site measures every new trunk on its own validation patients. The hub commits a version per
                  ${updatesText(project.bufferSize)}, as they arrive: nobody waits for the slowest machine.`,
                  [
                    scroll('Trunk over time', trunkPlot(result)),
                    html`<details>
                      <summary>All ${result.trunkHistory.length} evaluations</summary>
                      ${trunkVersionsTable(result)}
                    </details>`,
                  ],
                )
              : null
          }
          ${trunk ? section('classes', 'The trunk by class', html`On the pooled test set, each image counted as its most probable class.`, [classTables(trunk)]) : null}
          ${section(
            'mix',
            'What each hospital has',
            html`Classes, scanners, noise and numbers differ from site to site: each sees only a part of the task.`,
            [scroll('Mix of classes', classMixPlot(result)), sitesTable(result)],
          )}
          ${section('configuration', 'Configuration', null, [configuration(result)])}
          ${section(
            'ledgers',
            'Ledgers',
            html`Each site's append-only ledger records its acts and what left it. These heads fix the ledgers' content
            as of the end of this run: a ledger altered later no longer leads to them.`,
            [ledgerTable(result)],
          )}
          <footer>
            AUC: area under the ROC curve, with DeLong's interval for two classes, the mean over one-vs-rest with a
            bootstrap over patients beyond. Accuracy: interval by patients. Overlapping intervals do not prove models
            equal, nor do separate ones prove them useful in a clinic. The studies of a practice federation are
            generated phantoms: these figures say that the federation works, and nothing about patients.
          </footer>
        </main>
      </body>
    </html> `;
  return page.text;
}

function verdict({ passed, pooled, localMean }: DemoResult): Markup {
  const trunk = pooled.rows.find(({ model }) => model === 'trunk')?.metrics;
  const compare = (title: string, value: number | undefined, reference: number | null): string =>
    value === undefined || reference === null
      ? `${title} cannot be compared`
      : `${title} ${figure(value)} against ${figure(reference)} (${signedFigure(value - reference)})`;
  const mark = passed ? 'M6.5 12.5l3.7 3.7 7.3-8' : 'M8 8l8 8M16 8l-8 8';
  return html`<div class="verdict${passed ? '' : ' not'}">
    <svg
      viewBox="0 0 24 24"
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      stroke-width="2.2"
      stroke-linecap="round"
      stroke-linejoin="round"
    >
      <path d="M12 1.5a10.5 10.5 0 1 0 0 21 10.5 10.5 0 0 0 0-21z" stroke-width="1.6" />
      <path d="${mark}" />
    </svg>
    <p>
      <strong
        >${
          passed ? 'The trunk beats the hospitals’ own models.' : 'The trunk does not beat the hospitals’ own models.'
        }</strong
      ><br />Trunk against the mean of the local-only models, on all sites' test patients:
      ${compare('AUC', trunk?.auc?.value, localMean.auc)},
      ${compare('accuracy', trunk?.accuracy?.value, localMean.accuracy)}.
    </p>
  </div>`;
}

function section(id: string, title: string, introduction: Markup | null, contents: readonly Markup[]): Markup {
  return html`<section aria-labelledby="${id}">
    <h2 id="${id}">${title}</h2>
    ${introduction ? html`<p>${introduction}</p>` : null}${contents}
  </section>`;
}

function scroll(label: string, plot: Markup): Markup {
  return html`<div class="wide" tabindex="0" role="region" aria-label="${label}">${plot}</div>`;
}

function configuration({ project, machine, startedAt }: DemoResult): Markup {
  const facts: readonly (readonly [string, Content])[] = [
    ['Network', project.network],
    ['Parameters', whole(project.parameters)],
    ['Classes', project.classes.join(', ')],
    ['Trunk commits', whole(project.commits)],
    ['Updates per commit', String(project.bufferSize)],
    ['Staleness weight', html`(1 + τ)<sup>−${project.stalenessExponent}</sup>`],
    ['Started', startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')],
    ['Machine', `${machine.cores} cores, Node ${machine.node}, ${machine.platform}`],
  ];
  return html`<dl>
    ${facts.map(
      ([title, value]) =>
        html`<div>
          <dt>${title}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

function updatesText(bufferSize: number): string {
  return bufferSize === 1 ? 'update' : `${bufferSize} updates`;
}

/** "24 November 2026" (UTC), or the text as it is when it is no date. */
function calendarDay(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  return date.toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });
}
