// PET in the real window, synthetic: read out in SUV, and with the reason where its header does not tell all that SUV needs.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { writePetSeries } from '../fixtures/pet-series.ts';
import { newFolder, openImagiq, type OpenWindow, setStage, type Stage } from './imagiq-window.ts';

let stage: Stage | string;
let opened: OpenWindow | null = null;
const soon = { timeout: 15_000 };

beforeAll(async () => {
  stage = await setStage();
  if (typeof stage === 'string') return;
  const [home, folder] = [newFolder('home'), newFolder('pet')];
  writePetSeries(folder, { side: 64 });
  writePetSeries(folder, {
    side: 64,
    series: '1.2.826.0.1.7.2',
    changes: { 0x00101030: '', 0x00200011: '2', 0x0008103e: 'Without a weight' },
  });
  const cli = path.resolve(import.meta.dirname, '../../src/cli/cli.ts');
  execFileSync(process.execPath, [cli, '--home', home, 'import', folder], { stdio: 'pipe' });
  opened = await openImagiq(stage, home);
  await opened.page.getByTestId('study-row').dblclick();
  await opened.page.locator('[data-testid="viewport"][data-painted]').waitFor();
}, 180_000);

afterAll(async () => {
  await opened?.close();
  if (typeof stage === 'object') stage.close();
});

function theWindow(context: TestContext): OpenWindow {
  if (typeof stage === 'string') context.skip(stage);
  if (!opened) throw new Error('the window is not open');
  const { screenshot } = opened;
  context.onTestFailed(() => screenshot(`failed: pet ${context.task.name}`.replaceAll(/\W+/g, '-')));
  return opened;
}

/** Draws from and to parts of the image, 0 to 1. */
async function drag(page: Page, from: readonly [number, number], to: readonly [number, number]): Promise<void> {
  const box = await page.getByTestId('image-canvas').boundingBox();
  if (!box) throw new Error('the image is not on the screen');
  const side = Math.min(box.width, box.height);
  const at = ([x, y]: readonly [number, number]): [number, number] => [
    box.x + box.width / 2 + (x - 0.5) * side,
    box.y + box.height / 2 + (y - 0.5) * side,
  ];
  await page.mouse.move(...at(from));
  await page.mouse.down();
  await page.mouse.move(...at(to), { steps: 4 });
  await page.mouse.up();
}

const measuredWords = async (page: Page): Promise<string> =>
  (await page.getByTestId('measurement').allTextContents()).join(' ').replaceAll(/\s+/g, ' ');

describe('PET', { timeout: 90_000 }, () => {
  test('is windowed and measured in SUV', async (context) => {
    const { page, screenshot } = theWindow(context);
    const names = (await page.getByLabel('Window preset').locator('option').allTextContents()).map((name) =>
      name.trim(),
    );
    await page.keyboard.press(String(names.findIndex((name) => name.endsWith('SUV 0 to 7')) + 1));
    await page.getByTestId('window').getByText('C 3.50 · W 7 SUV').waitFor();
    await page.keyboard.press('e');
    await drag(page, [0.58, 0.45], [0.67, 0.55]);
    await expect.poll(() => measuredWords(page), soon).toContain('Mean 6 SUVbw, SD 0');
    await page.keyboard.press('b');
    await drag(page, [0.3, 0.4], [0.4, 0.6]);
    await expect.poll(() => measuredWords(page), soon).toContain('Mean 0.75 SUVbw');
    await page.keyboard.press('Escape');
    await page.keyboard.press('m');
    await page.getByTestId('measurement-panel').getByText('Mean 6 SUVbw', { exact: false }).waitFor();
    await page.getByTestId('image-canvas').hover();
    await expect.poll(() => page.getByTestId('probe').innerText(), soon).toMatch(/SUVbw$/);
    await screenshot('pet-in-suv');
    // Large pixels run into one another, until each is wanted as it is.
    const smooth = await page.getByTestId('viewport').screenshot();
    await page.keyboard.press('Shift+I');
    await expect.poll(async () => (await page.getByTestId('viewport').screenshot()).equals(smooth), soon).toBe(false);
    await screenshot('pet-pixels');
    await page.keyboard.press('Shift+I');
    await expect.poll(async () => (await page.getByTestId('viewport').screenshot()).equals(smooth), soon).toBe(true);
    await page.keyboard.press('m');
  });

  test('says in a plane of an MPR what the cross is on in SUV', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.keyboard.press('j');
    await expect.poll(() => page.getByTestId('cross-value').first().innerText(), soon).toMatch(/0\.75 SUVbw$/);
    await page.getByTestId('plane-window').first().getByText('SUV').waitFor();
    await screenshot('pet-mpr');
    await page.keyboard.press('j');
  });

  test('without a weight keeps its own unit, and says why', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.keyboard.press(']');
    await page.getByTestId('geometry-note').getByText("No SUV: no patient's weight").waitFor();
    await page.keyboard.press('e');
    await drag(page, [0.58, 0.45], [0.67, 0.55]);
    await expect.poll(() => measuredWords(page), soon).toContain('Mean 16000 Bq/ml');
    const names = await page.getByLabel('Window preset').locator('option').allTextContents();
    expect(names.filter((name) => name.includes('SUV'))).toEqual([]);
    await screenshot('pet-without-suv');
  });
});
