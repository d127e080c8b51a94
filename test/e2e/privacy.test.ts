// A privacy promise in the window: noise is chosen for a budget, the meter runs, the ledger is shown, the probe shows pictures.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { openStation } from '../../src/station/open-station.ts';
import { stationAnswers } from '../../src/station/answer.ts';
import { writePracticeStudies } from '../../src/station/practice/practice-studies.ts';
import { newFolder, openImagiq, type OpenWindow, setStage, type Stage } from './imagiq-window.ts';

let stage: Stage | string;
let opened: OpenWindow | null = null;
const folder = newFolder('privacy');

beforeAll(async () => {
  stage = await setStage();
  if (typeof stage !== 'object') return;
  const home = path.join(folder, 'home');
  const { labelsFile } = await writePracticeStudies({ site: 0, folder: path.join(folder, 'studies'), patients: 16 });
  const station = await openStation({ home, onEvent: () => {} });
  const answer = stationAnswers(station);
  await answer('import-paths', { paths: [path.join(folder, 'studies')] });
  await answer('create-cohort', { name: 'chest', query: '', studyInstanceUIDs: null, labelsFile, labelColumn: null });
  await station.close();
  opened = await openImagiq(stage, home);
}, 240_000);

afterAll(async () => {
  await opened?.close();
  if (typeof stage === 'object') stage.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a privacy promise in the window', () => {
  const window = ({ skip }: TestContext): OpenWindow => {
    if (opened === null) skip(typeof stage === 'string' ? stage : 'no window');
    return opened as OpenWindow;
  };

  test('is asked for by its ε, metered while it trains and told in the ledger', async (context) => {
    const { page, screenshot } = window(context);
    await page.getByRole('button', { name: 'Training' }).click();
    await page.getByRole('button', { name: 'New run…' }).click();
    await page.getByText('Advanced').click();
    await page.getByTestId('class-weights').locator('input').first().fill('3');
    await page.getByTestId('class-weights').scrollIntoViewIfNeeded();
    await screenshot('class-weights');
    await page.locator('input[name=has-promise]').check();
    expect(await page.getByTestId('class-weights').innerText()).toContain('every image counts alike');
    await page.getByText('Advanced').click();
    await page.locator('input[name=epochs]').fill('1');
    await page.locator('input[name=target-epsilon]').fill('3');
    await page.getByRole('button', { name: 'Start training' }).click();
    await page.getByTestId('privacy-meter').waitFor({ timeout: 120_000 });
    await page.locator('[data-testid=run-view][data-state=done]').waitFor({ timeout: 120_000 });
    expect(await page.getByTestId('privacy-meter').innerText()).toMatch(/ε [\d.]+ of 3 for each training image/);
    await page.getByRole('button', { name: 'New run…' }).click();
    const probe = page.getByTestId('leak-probe');
    await page.getByText('Could somebody see an image in an update?').click();
    await probe.getByRole('button', { name: 'Try to reconstruct images' }).click();
    await probe.getByRole('button', { name: 'Cancel' }).click();
    await probe.getByRole('button', { name: 'Try to reconstruct images' }).waitFor({ timeout: 30_000 });
    expect(await probe.getByRole('alert').count()).toBe(0);
    await probe.getByRole('button', { name: 'Try to reconstruct images' }).click();
    await probe.getByRole('status').waitFor({ timeout: 150_000 });
    expect(await probe.getByRole('status').innerText()).toContain('recognised');
    expect(await probe.locator('img').count()).toBe(2);
    await screenshot('privacy-training');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Ledger' }).click();
    await page.getByTestId('privacy-report').waitFor({ timeout: 30_000 });
    expect(await page.getByTestId('privacy-report').innerText()).toMatch(/chest[^]*images each: up to about/);
    await screenshot('privacy-ledger');
  }, 420_000);
});
