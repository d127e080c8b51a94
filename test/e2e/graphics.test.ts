// The graphics card's own path through the viewer, worked out by the processor here, and what happens when its context is lost.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeCtVolume } from '../../scripts/bench/ct-volume.ts';
import { newFolder, openImagiq, type OpenWindow, setStage, type Stage } from './imagiq-window.ts';

let stage: Stage | string;
let opened: OpenWindow | null = null;
const soon = { timeout: 20_000 };

/** A bright block off the middle in a dimmer body, both in flat greys. */
function phantom(x: number, y: number, z: number): number {
  if (Math.abs(x - 0.7) < 0.06 && Math.abs(y - 0.35) < 0.06) return z < 0.5 ? 40 : -200;
  return Math.hypot((x - 0.5) / 0.42, (y - 0.5) / 0.32) < 1 ? -500 : -1_000;
}

beforeAll(async () => {
  stage = await setStage();
  if (typeof stage === 'string') return;
  const home = newFolder('home');
  const folder = newFolder('volume');
  writeCtVolume(folder, { side: 128, slices: 20, valueAt: phantom, number: 1 });
  const cli = path.resolve(import.meta.dirname, '../../src/cli/cli.ts');
  execFileSync(process.execPath, [cli, '--home', home, 'import', folder], { stdio: 'pipe' });
  opened = await openImagiq(stage, home);
}, 180_000);

afterAll(async () => {
  await opened?.close();
  if (typeof stage === 'object') stage.close();
});

/** WebGL by the processor passes for a graphics card, and every context can be found again. */
const takeSoftware = `(() => {
  window.contexts = [];
  for (const { prototype } of [OffscreenCanvas, HTMLCanvasElement]) {
    const { getContext } = prototype;
    prototype.getContext = function (kind, options) {
      const { failIfMajorPerformanceCaveat, ...rest } = options ?? {};
      const context = getContext.call(this, kind, rest);
      if (context && /^webgl/.test(kind)) window.contexts.push(context);
      return context;
    };
  }
})()`;

/** Every 16th pixel of the image's canvas, red only. */
function picture({ page }: OpenWindow): Promise<number[]> {
  return page.evaluate<number[]>(`(() => {
    const canvas = document.querySelector('[data-testid="image-canvas"]');
    const { data, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const taken = [];
    for (let y = 0; y < canvas.height; y += 16) for (let x = 0; x < width; x += 16) taken.push(data[(y * width + x) * 4]);
    return taken;
  })()`);
}

/** Share of the samples that differ by more than a rounding. */
function difference(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return 1;
  return a.filter((value, at) => Math.abs(value - (b[at] ?? 0)) > 3).length / Math.max(1, a.length);
}

test('paints by WebGL what the processor paints, and goes on when the context is lost and found again', async (context) => {
  if (typeof stage === 'string') context.skip(stage);
  if (!opened) throw new Error('the window is not open');
  const window = opened;
  const { page, screenshot } = window;
  context.onTestFailed(() => screenshot('failed-graphics'));
  await page.evaluate(takeSoftware);
  await page.getByTestId('study-row').first().dblclick();
  const accelerated = page.locator('canvas.cornerstone-canvas[data-testid="image-canvas"]');
  await accelerated.waitFor(soon);
  const lit = (values: readonly number[]): number => values.filter((value) => value > 30).length / values.length;
  await expect.poll(async () => lit(await picture(window)), soon).toBeGreaterThan(0.1);
  const looks: Record<string, readonly string[]> = {
    last: ['End'],
    first: ['Home'],
    turned: ['>'],
    mirrored: ['x'],
    larger: ['+', '+'],
    inverted: ['i'],
    reset: ['r'],
  };
  const position = page.getByTestId('image-position');
  const byCard = new Map<string, number[]>();
  const settled = async (): Promise<number[]> => {
    let before: number[] = [];
    await expect
      .poll(async () => {
        const now = await picture(window);
        const isSame = difference(now, before) === 0;
        before = now;
        return isSame;
      }, soon)
      .toBe(true);
    return before;
  };
  const walk = async (take: (name: string) => Promise<void>): Promise<void> => {
    for (const [name, keys] of Object.entries(looks)) {
      for (const key of keys) await page.keyboard.press(key);
      if (name === 'last') await position.getByText('Image 20 / 20').waitFor();
      if (name === 'first') await position.getByText('Image 1 / 20').waitFor();
      await take(name);
    }
  };
  await walk(async (name) => {
    byCard.set(name, await settled());
  });
  await screenshot('graphics-card');
  const dark = [...byCard].filter(([name, values]) => name !== 'inverted' && lit(values) < 0.1);
  expect(dark.map(([name]) => name)).toEqual([]);
  expect(difference(byCard.get('first') ?? [], byCard.get('last') ?? [])).toBeGreaterThan(0.005);
  expect(difference(byCard.get('first') ?? [], byCard.get('turned') ?? [])).toBeGreaterThan(0.05);

  await page.evaluate(
    `for (const context of window.contexts) context.getExtension('WEBGL_lose_context')?.loseContext()`,
  );
  await page.getByRole('status').getByText('The graphics card stopped drawing').waitFor(soon);
  await expect.poll(() => accelerated.count(), soon).toBe(0);
  // The message takes its height from the images; out of the way, they are as large as before and compare.
  await page.evaluate(`document.querySelector('.lost').style.position = 'absolute'`);
  await walk(async (name) => {
    // Edges are drawn by other hands: a few samples on them may differ.
    await expect
      .poll(async () => difference(await picture(window), byCard.get(name) ?? []), { ...soon, message: name })
      .toBeLessThan(0.02);
  });
  await screenshot('graphics-lost');
  await page.getByRole('button', { name: 'Use the graphics card again' }).click();
  await accelerated.waitFor(soon);
  await walk(async (name) => {
    await expect
      .poll(async () => difference(await picture(window), byCard.get(name) ?? []), { ...soon, message: name })
      .toBe(0);
  });
}, 180_000);
