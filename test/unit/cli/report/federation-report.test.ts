import { describe, expect, it } from 'vitest';
import { demoResultSchema } from '../../../../src/cli/report/demo-result.ts';
import { federationReport } from '../../../../src/cli/report/federation-report.ts';
import { byteSize, clockTime, duration, figure, signedFigure, whole } from '../../../../src/cli/report/figures.ts';
import { html } from '../../../../src/cli/report/markup.ts';
import { roundScale, spread } from '../../../../src/cli/report/scale.ts';
import { finishedFederation } from './situations.ts';

/** Elements that are never closed in HTML. */
const voidElements = new Set(['meta', 'br', '!doctype']);

/** Names of elements left open or closed out of turn: none in a sound document. */
function unbalancedElements(document: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, slash, name = '', selfClosing] of document.matchAll(/<(\/?)([a-z!][a-z0-9]*)[^>]*?(\/?)>/gi)) {
    if (voidElements.has(name.toLowerCase()) || selfClosing === '/') continue;
    if (slash === '') open.push(name);
    else if (open.pop() !== name) wrong.push(name);
  }
  return [...wrong, ...open];
}

describe('the federation report', () => {
  const result = finishedFederation();
  const report = federationReport(result);

  it('is made of a result that the schema accepts', () => {
    expect(demoResultSchema.parse(result)).toEqual(result);
  });

  it('is one sound document that loads and runs nothing', () => {
    expect(unbalancedElements(report)).toEqual([]);
    expect(report).not.toMatch(/<script|<link|<img|https?:|url\(|@import/);
    expect(report).toContain("default-src 'none'");
  });

  it('shows each model of the scoreboard with its interval', () => {
    const text = report.replaceAll(/<[^>]+>/g, ' ');
    for (const row of result.pooled.rows) {
      const auc = row.metrics.auc!;
      expect(text).toContain(figure(auc.value));
      expect(text).toContain(`${figure(auc.low)}–${figure(auc.high)}`);
    }
  });

  it('shows every site, its scanner and the head of its ledger', () => {
    for (const { name, scanner, ledgerHead } of result.sites) {
      expect(report).toContain(name);
      expect(report).toContain(scanner);
      expect(report).toContain(ledgerHead);
    }
  });

  it('says plainly when the trunk is not better', () => {
    expect(report).toContain('The trunk beats');
    expect(federationReport({ ...result, passed: false })).toContain('The trunk does not beat');
  });

  it('holds no numbers that are not numbers, even where nothing could be measured', () => {
    const bare = {
      ...result,
      trunkHistory: result.trunkHistory.map((evaluation) => ({ ...evaluation, auc: null, accuracy: null })),
      arrivals: [],
      localMean: { auc: null, accuracy: 0 },
      sites: result.sites.map((site) => ({ ...site, classCounts: [0, 0, 0], meanStaleness: null, ledgerHead: '' })),
      pooled: {
        ...result.pooled,
        rows: result.pooled.rows.map((row) => ({ ...row, metrics: { ...row.metrics, auc: null, accuracy: null } })),
      },
      passed: false,
    };
    for (const shown of [report, federationReport(bare), federationReport({ ...bare, trunkHistory: [] })]) {
      expect(shown).not.toMatch(/NaN|undefined|Infinity|\[object/);
      expect(unbalancedElements(shown)).toEqual([]);
    }
  });

  it('shows names with markup in them as text', () => {
    const [first, ...others] = result.sites;
    const odd = { ...first!, name: '<b onmouseover="alert(1)">"Lyon" & \'Bron\'</b>' };
    const shown = federationReport({ ...result, sites: [odd, ...others] });
    expect(shown).not.toContain('<b onmouseover');
    expect(shown).toContain('&lt;b onmouseover=&quot;alert(1)&quot;&gt;');
  });

  it('gives every plot a title and a description', () => {
    const plots = report.match(/<svg[^>]*role="img"[^>]*>/g) ?? [];
    expect(plots).toHaveLength(3);
    for (const plot of plots) {
      for (const id of /aria-labelledby="([^"]+)"/.exec(plot)![1]!.split(' ')) expect(report).toContain(`id="${id}"`);
    }
  });
});

describe('markup', () => {
  it('escapes text, keeps markup and joins lists', () => {
    expect(html`<p>${'a < b'}${null}${[html`<i>${1}</i>`, '&']}</p>`.text).toBe('<p>a &lt; b<i>1</i>&amp;</p>');
  });
});

describe('axes', () => {
  it('end on round numbers around the values, within their limits', () => {
    const scale = roundScale([0.712, 0.987], [0, 100], { ticks: 5, limits: [0, 1] });
    expect(scale.ticks.map((tick) => tick.toFixed(scale.decimals))).toEqual(['0.7', '0.8', '0.9', '1.0']);
    expect(scale.position(0.7)).toBeCloseTo(0, 9);
    expect(scale.position(1)).toBeCloseTo(100, 9);
  });

  it('have a length even for one value, or none', () => {
    for (const values of [[1], [0], [0.5, 0.5], []]) {
      const scale = roundScale(values, [0, 100], { ticks: 5 });
      expect(scale.ticks.length).toBeGreaterThan(1);
      expect(scale.ticks.map((tick) => scale.position(tick)).every(Number.isFinite)).toBe(true);
    }
  });

  it('labels are spread without leaving their order or the plot', () => {
    const placed = spread([100, 98, 99, 10], 15, 100);
    expect(placed).toEqual([100, 70, 85, 10]);
  });
});

describe('figures', () => {
  it('are written as a reader expects them', () => {
    expect(figure(-0.12345)).toBe('−0.123');
    expect(figure(null)).toBe('–');
    expect(signedFigure(0.1)).toBe('+0.100');
    expect(byteSize(999)).toBe('999 B');
    expect(byteSize(4_510_000)).toBe('4.51 MB');
    expect(duration(59.4)).toBe('59 s');
    expect(duration(163)).toBe('2 min 43 s');
    expect(duration(120)).toBe('2 min');
    expect(clockTime(125)).toBe('2:05');
    expect(whole(1_234_567)).toBe('1\u202f234\u202f567');
  });
});
