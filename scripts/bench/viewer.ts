// The viewer in the real window: from the click on a study to its first image, scrolling through 300 slices, memory.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openImagiq, type OpenWindow, setStage } from '../../test/e2e/imagiq-window.ts';
import { writeCtVolume } from './ct-volume.ts';
import { lessIsBetter, type Measurement, median, moreIsBetter } from './measurement.ts';

const slices = 300;
const side = 512;
const turns = Number(process.env['IMAGIQ_BENCH_TURNS'] ?? 3);

export async function viewer(): Promise<Measurement[]> {
  const stage = await setStage();
  if (typeof stage === 'string') {
    console.log(`no figures: ${stage}`);
    return [];
  }
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-bench-viewer-'));
  try {
    const home = path.join(folder, 'home');
    const studies = path.join(folder, 'studies');
    writeCtVolume(studies, { side, slices, valueAt: body, number: 1 });
    const cli = path.resolve(import.meta.dirname, '../../src/cli/cli.ts');
    execFileSync(process.execPath, [cli, '--home', home, 'import', studies], { stdio: 'pipe' });
    const window = await openImagiq(stage, home);
    try {
      return await measure(window);
    } finally {
      await window.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
    stage.close();
  }
}

async function measure({ app, page }: OpenWindow): Promise<Measurement[]> {
  const opening: number[] = [];
  let first = 0;
  const cached: number[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    await page.getByTestId('study-row').first().waitFor();
    await page.evaluate(watchFirstImage);
    await page.getByTestId('study-row').first().dblclick();
    opening.push(await page.evaluate<number>('window.firstImage'));
    if (turn === 0) first = await page.evaluate<number>(scrollThrough);
    else cached.push(await page.evaluate<number>(scrollThrough));
    await page.keyboard.press('Escape');
  }
  const metrics = await app.evaluate(({ app: running }) =>
    running.getAppMetrics().map(({ type, memory }) => ({ type, bytes: memory.workingSetSize * 1_024 })),
  );
  const shown = metrics.filter(({ type }) => type === 'Tab').reduce((sum, { bytes }) => sum + bytes, 0);
  const note = `${slices} CT slices of ${side}×${side}, software rendering`;
  const [cold = Number.NaN, ...warm] = opening;
  const target = (value: number): Measurement['peers'] => [{ name: 'target', value }];
  return [
    lessIsBetter('first image after the click, first study of the window', 'ms', cold, target(300), note),
    lessIsBetter(
      'first image after the click, later',
      'ms',
      median(warm),
      target(300),
      `median of ${warm.length}; ${note}`,
    ),
    moreIsBetter('scroll, first pass', 'frames/s', first, target(30), note),
    moreIsBetter('scroll, again', 'frames/s', median(cached), target(30), `median of ${cached.length}; ${note}`),
    lessIsBetter('memory of the window (RSS)', 'MB', shown / 1e6, [], note),
  ];
}

/** Code for the page is text: these files are checked with Node's types. From the second click to the first painted frame. */
const watchFirstImage = `(() => {
  let clicked = 0;
  addEventListener('dblclick', () => (clicked = performance.now()), { capture: true, once: true });
  window.firstImage = new Promise((resolve) => {
    const watch = new MutationObserver(() => {
      const painted = document.querySelector('[data-testid="viewport"][data-painted]');
      if (!painted || clicked === 0) return;
      watch.disconnect();
      requestAnimationFrame(() => resolve(performance.now() - clicked));
    });
    watch.observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-painted'] });
  });
})()`;

/** Frames per second when the next key comes as soon as a slice is painted, from the first slice to the last. */
const scrollThrough = `new Promise((resolve) => {
  const press = (key) => window.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  const viewport = document.querySelector('[data-testid="viewport"]');
  let startedAt = 0;
  const next = () => {
    const at = Number(viewport.dataset.painted);
    if (at === 0 && startedAt === 0) startedAt = performance.now();
    if (startedAt === 0) return;
    if (at === ${slices - 1}) {
      watch.disconnect();
      resolve((${slices - 1} * 1000) / (performance.now() - startedAt));
    } else requestAnimationFrame(() => press('ArrowDown'));
  };
  const watch = new MutationObserver(next);
  watch.observe(viewport, { attributes: true, attributeFilter: ['data-painted'] });
  press('Home');
})`;

/** A body with lungs, and noise so that slices differ. */
function body(x: number, y: number, z: number): number {
  const noise = ((x * 7_919 + y * 104_729 + z * 1_299_709) % 1) * 40 - 20;
  if (Math.hypot((x - 0.5) / 0.42, (y - 0.5) / 0.32) > 1) return -1_000;
  const lung = Math.hypot((Math.abs(x - 0.5) - 0.2) / 0.14, (y - 0.5) / (0.12 + 0.1 * z));
  return (lung < 1 ? -850 : 40) + noise;
}
