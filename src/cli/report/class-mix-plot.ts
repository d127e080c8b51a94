// Stacked bars: how the classes are mixed at each site. Unlike bars are why averaging is not trivial.
import type { DemoResult } from './demo-result.ts';
import { figure, whole } from './figures.ts';
import { html, type Markup } from './markup.ts';
import { px } from './scale.ts';

const width = 960;
const left = 132;
const right = 818;
const rowHeight = 36;
const barHeight = 22;
const top = 36;

export function classMixPlot({ sites, project }: DemoResult): Markup {
  const height = top + sites.length * rowHeight + 8;
  const bars = sites.map(({ name, classCounts }, index) =>
    bar(name, classCounts, project.classes, top + index * rowHeight),
  );
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="mix-title mix-text">
    <title id="mix-title">Mix of classes at each site</title>
    <desc id="mix-text">
      ${sites.map(({ name, classCounts }) => `${name}: ${mixText(classCounts, project.classes)}. `)}
    </desc>
    ${legend(project.classes)}${bars}
  </svg>`;
}

function mixText(counts: readonly number[], classes: readonly string[]): string {
  return classes.map((title, index) => `${title} ${counts[index] ?? 0}`).join(', ');
}

function legend(classes: readonly string[]): Markup[] {
  const step = Math.min(220, (right - left) / classes.length);
  return classes.map(
    (title, index) =>
      html`<rect
          class="class-${(index % 8) + 1}"
          x="${px(left + index * step)}"
          y="6"
          width="12"
          height="12"
          rx="3"
        /><text class="label" x="${px(left + index * step + 18)}" y="16">${title}</text>`,
  );
}

function bar(name: string, counts: readonly number[], classes: readonly string[], y: number): Markup {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let x = left;
  const segments = counts.map((count, index) => {
    const size = total > 0 ? ((right - left) * count) / total : 0;
    const start = x;
    x += size;
    if (count === 0) return null;
    const share = `${figure((100 * count) / total, 0)} %`;
    return html`<g class="class-${(index % 8) + 1}"
      ><rect x="${px(start)}" y="${y}" width="${px(Math.max(1, size - 1.5))}" height="${barHeight}" rx="3"
        ><title>${name}: ${classes[index] ?? ''} ${count} (${share})</title></rect
      >${
        size > 44
          ? html`<text class="in-bar" x="${px(start + size / 2)}" y="${y + 15.5}" text-anchor="middle">${share}</text>`
          : null
      }</g
    >`;
  });
  return html`<text class="label" x="${left - 14}" y="${y + 16}" text-anchor="end">${name}</text>${segments}<text
      class="tick"
      x="${right + 12}"
      y="${y + 16}"
      >${whole(total)} images</text
    >`;
}
