// The viewer in the real window: from the click on a study to its first image, scrolling through 300 slices, memory; and the
// same scrolling while this station trains.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { openImagiq, type OpenWindow, setStage } from '../../test/e2e/imagiq-window.ts';
import { writeCtVolume } from './ct-volume.ts';
import { lessIsBetter, type Measurement, median, moreIsBetter } from './measurement.ts';
import { hasMednist, mednistFolder } from './mednist.ts';

const slices = 300;
const side = 512;
const turns = Number(process.env['IMAGIQ_BENCH_TURNS'] ?? 3);

const cli = path.resolve(import.meta.dirname, '../../src/cli/cli.ts');
const cohort = 'beside';
/** Of scrolling without and with training, one after the other. */
const trainingTurns = 5;

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
    imagiq(home, 'import', studies);
    if (hasMednist()) {
      imagiq(home, 'import', mednistFolder, '--labels', 'folders');
      imagiq(home, 'cohort', 'create', cohort);
    }
    const window = await openImagiq(stage, home);
    try {
      return [...(await measure(window)), ...(hasMednist() ? await measureBesideTraining(window) : [])];
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

function imagiq(home: string, ...words: string[]): string {
  return execFileSync(process.execPath, [cli, '--home', home, ...words], { encoding: 'utf8', stdio: 'pipe' });
}

const runsSchema = z.object({
  runs: z
    .array(z.object({ id: z.string(), state: z.string(), progress: z.object({ step: z.number() }).nullable() }))
    .min(1),
});

/** The newest run of this home once it has made more than `before` steps, and is paused if that is waited for. */
async function stepped(home: string, before: number, state?: 'paused'): Promise<{ id: string; step: number }> {
  for (const deadline = Date.now() + 120_000; Date.now() < deadline; await setTimeout(500)) {
    const told = runsSchema.safeParse(JSON.parse(imagiq(home, 'runs', 'list', '--json')));
    const run = told.data?.runs[0];
    const step = run?.progress?.step ?? 0;
    if (run !== undefined && step > before && (state ?? run.state) === run.state) return { id: run.id, step };
  }
  throw new Error('the training beside the viewer did not go on within two minutes');
}

/** The frames per second of the same scrolling, in turns while a training of this station stands still and while it goes on. */
async function measureBesideTraining({ page, home }: OpenWindow): Promise<Measurement[]> {
  const training = spawn(
    process.execPath,
    [cli, '--home', home, 'train', '--cohort', cohort, '--network', 'resnet18', '--epochs', '10000', '--batch', '32'],
    { stdio: 'ignore' },
  );
  try {
    const { id } = await stepped(home, 0);
    await page.getByTestId('study-row').first().dblclick();
    await page.locator('[data-testid="viewport"][data-painted]').waitFor();
    const alone: number[] = [];
    const beside: number[] = [];
    for (let turn = -1; turn < trainingTurns; turn += 1) {
      imagiq(home, 'runs', 'pause', id);
      // It pauses at its next step.
      const { step } = await stepped(home, 0, 'paused');
      const without = await page.evaluate<number>(scrollThrough);
      const resumed = spawn(process.execPath, [cli, '--home', home, 'runs', 'resume', id], { stdio: 'ignore' });
      await stepped(home, step);
      const trains = await page.evaluate<number>(scrollThrough);
      resumed.kill('SIGKILL');
      // The first turn fills the caches.
      if (turn < 0) continue;
      alone.push(without);
      beside.push(trains);
    }
    return [
      moreIsBetter(
        'scroll, again, while this station trains',
        'frames/s',
        median(beside),
        [{ name: 'without training', value: median(alone) }],
        `medians of ${trainingTurns} turns; resnet18, batches of 32`,
      ),
    ];
  } finally {
    training.kill('SIGKILL');
    if (training.exitCode === null && training.signalCode === null) await once(training, 'exit');
  }
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
