// The models of a site in the window: where one came from, how good it is on a cohort, and what it says of images.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { linkStation } from '../../src/cli/station-link.ts';
import { writePracticeStudies } from '../../src/station/practice/practice-studies.ts';
import { openImagiq, type OpenWindow, setStage, type Stage } from './imagiq-window.ts';

let stage: Stage | string;
let opened: OpenWindow | null = null;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-e2e-models-'));
  stage = await setStage();
  if (typeof stage !== 'object') return;
  const home = path.join(folder, 'home');
  const studies = path.join(folder, 'studies');
  const { labelsFile } = await writePracticeStudies({ site: 0, folder: studies, patients: 24 });
  const station = await linkStation({ home });
  await station.call('import-paths', { paths: [studies] });
  await station.call('create-cohort', { name: 'chest', labelsFile });
  const trained = new Promise<void>((resolve) => {
    station.listen('run-changed', ({ state }) => state !== 'running' && resolve());
  });
  await station.call('start-run', { cohort: 'chest', network: 'cnn-small', hyperParameters: { epochs: 2 }, seed: 7 });
  await trained;
  await station.close();
  opened = await openImagiq(stage, home);
}, 240_000);

afterAll(async () => {
  await opened?.close();
  if (typeof stage === 'object') stage.close();
  rmSync(folder, { recursive: true, force: true });
});

function windowOf(context: TestContext): OpenWindow {
  if (opened === null) context.skip(typeof stage === 'string' ? stage : 'no window');
  return opened as OpenWindow;
}

describe('the models of a site', () => {
  test('are measured on a cohort, with curves and by group, and run on its images', async (context) => {
    const { page, screenshot } = windowOf(context);
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.getByRole('button', { name: 'Models' }).click();
    const model = page.getByTestId('model');
    await model.getByText('cnn-small').first().waitFor();
    expect(await model.getByText('Signed by').count()).toBe(1);
    await model.getByRole('button', { name: 'Measure' }).click();
    await model.getByText('On chest, test images').waitFor({ timeout: 60_000 });
    expect(await model.getByRole('img', { name: /^ROC/ }).count()).toBe(1);
    await page.getByTestId('model-groups').waitFor();
    await model.getByTestId('evaluations').getByRole('button', { name: 'CSV…' }).waitFor();
    expect(await page.getByTestId('model-groups').getByText('Scanner').count()).toBeGreaterThan(0);
    // Scanners as vendors call them, and the widest figures.
    const groups = page.getByTestId('model-groups');
    await groups.evaluate((table) => {
      for (const cell of table.querySelectorAll('td.ellipsis')) cell.textContent = 'SIEMENS SOMATOM Definition Flash';
      for (const cell of table.querySelectorAll('td.number:nth-child(n + 5)'))
        cell.textContent = '1.000 (0.207 – 1.000)';
    });
    await groups.scrollIntoViewIfNeeded();
    await screenshot('models-groups-1280');
    expect(await groups.evaluate((table) => table.scrollWidth <= table.parentElement!.clientWidth)).toBe(true);
    await screenshot('models-1280');
    await model.locator('input[name=wished-sensitivity]').fill('95');
    await model.getByRole('button', { name: 'Measure' }).click();
    await model.getByText('for a sensitivity of 95 % there').waitFor({ timeout: 60_000 });
    await page.getByTestId('model-groups').scrollIntoViewIfNeeded();
    await screenshot('models-curves-1280');
    await model.getByRole('button', { name: 'Run on the cohort' }).click();
    await page.getByTestId('predictions').waitFor({ timeout: 60_000 });
    expect(await page.getByTestId('predictions').getByText('Not for diagnosis').count()).toBe(1);
    expect(
      await page
        .getByTestId('predictions')
        .getByText(/The model was trained on \d+ of these/)
        .count(),
    ).toBe(1);
    await page.getByTestId('predictions').getByRole('button', { name: 'Images of this study' }).first().click();
    await page.getByTestId('predictions').scrollIntoViewIfNeeded();
    await screenshot('models-predictions-1280');
    await page.setViewportSize({ width: 2560, height: 1440 });
    await screenshot('models-2560');
    await page.emulateMedia({ colorScheme: 'dark' });
    await screenshot('models-2560-dark');
    await page.setViewportSize({ width: 1280, height: 800 });
    await screenshot('models-1280-dark');
  }, 180_000);

  test('show in the viewer where they looked, once the reader asks for it', async (context) => {
    const { page, screenshot } = windowOf(context);
    await page.emulateMedia({ colorScheme: 'light' });
    await page.getByRole('button', { name: 'Studies', exact: true }).click();
    await page.getByTestId('study-row').first().dblclick();
    await page.locator('[data-testid="viewport"][data-painted]').waitFor();
    await page.keyboard.press('0');
    const panel = page.getByTestId('heat-panel');
    await panel.getByLabel('Model').waitFor();
    expect(await page.getByTestId('heat-layer').count()).toBe(0);
    await panel.getByLabel('Show on the image').check();
    await page.getByTestId('heat-legend').getByText('Not for diagnosis').waitFor({ timeout: 30_000 });
    expect(await panel.getByRole('row').count()).toBe(4);
    const strongest = (): Promise<number> =>
      page.evaluate<number>(`(() => {
        const layer = document.querySelector('[data-testid="heat-layer"]');
        const { data } = layer.getContext('2d').getImageData(0, 0, layer.width, layer.height);
        return data.reduce((most, value, at) => (at % 4 === 3 ? Math.max(most, value) : most), 0);
      })()`);
    expect(await strongest()).toBeGreaterThan(100);
    await screenshot('heat-map-1280');
    await panel.getByLabel('Opacity').fill('0.2');
    await expect.poll(strongest).toBeLessThan(60);
    await page.setViewportSize({ width: 2560, height: 1440 });
    await screenshot('heat-map-2560');
    await panel.getByLabel('Show on the image').uncheck();
    await page.getByTestId('heat-layer').waitFor({ state: 'detached' });
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Models' }).click();
  }, 120_000);

  test('are run on chosen studies in the background, and every study has its answer', async (context) => {
    const { page, screenshot } = windowOf(context);
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.getByRole('button', { name: 'Studies', exact: true }).click();
    await page.getByTestId('study-row').first().click();
    await page.keyboard.press('Control+a');
    await page.keyboard.press('m');
    const dialog = page.getByTestId('run-model');
    await dialog.getByText('cnn-small').waitFor();
    await expect.poll(() => dialog.getByRole('radio').evaluate((radio) => radio.matches(':focus'))).toBe(true);
    await dialog.getByLabel('Pictures with the heat map').check();
    await screenshot('run-model-1280');
    // The chosen model has the focus: one key runs it.
    await dialog.getByRole('radio').focus();
    await page.keyboard.press('Enter');
    await page
      .getByTestId('model-strip')
      .getByText(/of 120 images/)
      .waitFor({ timeout: 60_000 });
    // The station answers others while it runs a model.
    await page.getByRole('searchbox').fill('practice nobody');
    await page.getByText('No study matches').waitFor({ timeout: 30_000 });
    await page.getByRole('searchbox').fill('');
    await screenshot('model-strip-1280');
    const results = page.getByTestId('model-results');
    await results.waitFor({ timeout: 120_000 });
    expect(await results.getByTestId('prediction-row').count()).toBe(24);
    expect(await results.getByText('Not for diagnosis').count()).toBe(1);
    expect(await page.getByTestId('toast').count()).toBe(0);
    await screenshot('model-results-1280');
    await results.getByRole('button', { name: 'Images of this study' }).first().click();
    await results.getByRole('button', { name: 'Open this image' }).first().click();
    await page.getByTestId('image-position').getByText('Image 1 / 5').waitFor();
    await page.keyboard.press('Escape');
    await results.getByRole('button', { name: 'Images of this study' }).first().click();
    await page.setViewportSize({ width: 2560, height: 1440 });
    await page.emulateMedia({ colorScheme: 'dark' });
    await screenshot('model-results-2560-dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 1280, height: 800 });
    await results.getByRole('button', { name: 'Open', exact: true }).first().click();
    await page.locator('[data-testid="viewport"][data-painted]').waitFor();
    expect(await results.count()).toBe(0);
    await screenshot('model-capture-in-viewer');
    // What a model made of the image is no image for another look at it.
    await page.keyboard.press(']');
    await page.getByText('research only').first().waitFor();
    await page.keyboard.press('0');
    await page.getByTestId('heat-panel').getByLabel('Show on the image').check();
    await page.getByTestId('heat-panel').getByText('A model made this itself').waitFor({ timeout: 30_000 });
    await screenshot('heat-map-refused');
    await page.getByTestId('heat-panel').getByLabel('Show on the image').uncheck();
    await page.keyboard.press('0');
    await page.keyboard.press('Escape');
    await results.waitFor();
    await page.getByRole('button', { name: 'Done' }).click();
    await expect.poll(() => page.getByTestId('study-rows').evaluate((rows) => rows.matches(':focus'))).toBe(true);
    await page.keyboard.press('Escape');
  }, 240_000);

  test('stop when they are told to, and say that they did', async (context) => {
    const { page } = windowOf(context);
    await page.getByTestId('study-row').first().click();
    await page.keyboard.press('Control+a');
    await page.getByRole('button', { name: 'Run a model…' }).click();
    await page.getByTestId('run-the-model').click();
    await page.getByTestId('model-strip').getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('The work was cancelled').waitFor({ timeout: 60_000 });
    await page.getByTestId('model-strip').waitFor({ state: 'detached' });
    expect(await page.getByTestId('model-results').count()).toBe(0);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Models' }).click();
  }, 120_000);

  test('are deleted after a question', async (context) => {
    const { page } = windowOf(context);
    await page.getByRole('button', { name: 'Delete this model' }).click();
    await page.getByRole('button', { name: 'Delete the model' }).click();
    await page.getByText('No model yet').waitFor();
    expect(await page.getByTestId('model').count()).toBe(0);
  }, 60_000);
});
