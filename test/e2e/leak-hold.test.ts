// The leak probe holds a project's first update back, and a person decides in the window: a real hub, a real station.
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { stationAnswers } from '../../src/station/answer.ts';
import { openStation } from '../../src/station/open-station.ts';
import { writePracticeStudies } from '../../src/station/practice/practice-studies.ts';
import { talkativeProject } from '../integration/cli/talkative-project.ts';
import { type HubProcess, startHub } from './hub-process.ts';
import { newFolder, openImagiq, type OpenWindow, setStage, type Stage } from './imagiq-window.ts';

let stage: Stage | string;
let opened: OpenWindow | null = null;
let hub: HubProcess | null = null;
const folder = newFolder('leak-hold');

beforeAll(async () => {
  stage = await setStage();
  if (typeof stage !== 'object') return;
  const home = path.join(folder, 'home');
  const project = path.join(folder, 'project.json');
  writeFileSync(project, JSON.stringify(talkativeProject));
  hub = await startHub({ federation: 'Chest CT', project });
  const { labelsFile } = await writePracticeStudies({ site: 0, folder: path.join(folder, 'studies'), patients: 12 });
  const station = await openStation({ home, onEvent: () => {} });
  const answer = stationAnswers(station);
  await answer('import-paths', { paths: [path.join(folder, 'studies')] });
  await answer('create-cohort', { name: 'chest', query: '', studyInstanceUIDs: null, labelsFile, labelColumn: null });
  await answer('join', { invite: hub.newInvite(), site: 'Lyon' });
  await station.close();
  opened = await openImagiq(stage, home);
}, 240_000);

afterAll(async () => {
  await opened?.close();
  await hub?.close();
  if (typeof stage === 'object') stage.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the leak probe in the window', () => {
  const window = ({ skip }: TestContext): OpenWindow => {
    if (opened === null) skip(typeof stage === 'string' ? stage : 'no window');
    return opened as OpenWindow;
  };

  test('holds the first update, shows the pictures, and sends when a person says so', async (context) => {
    const { page, screenshot } = window(context);
    await page.getByRole('button', { name: 'Federation' }).click();
    await page.getByLabel('I am allowed').check({ timeout: 60_000 });
    await page.getByRole('button', { name: 'Approve' }).click();
    const card = page.getByTestId('leak-card');
    await card.getByRole('alert').waitFor({ timeout: 150_000 });
    expect(await card.getByRole('alert').innerText()).toContain('nothing is sent before you decide');
    await card.locator('img').nth(1).waitFor();
    expect(await card.innerText()).toMatch(/resembles its image almost exactly[^]*Larger batches[^]*privacy promise/);
    expect(await page.getByTestId('membership').innerText()).toContain('Held back');
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width: 1280, height: 800 });
      await card.scrollIntoViewIfNeeded();
      await screenshot(`leak-hold-1280-${scheme}`);
      await page.setViewportSize({ width: 2560, height: 1440 });
      await screenshot(`leak-hold-2560-${scheme}`);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.emulateMedia({ colorScheme: 'light' });
    await card.getByRole('button', { name: 'Do not send…' }).click();
    expect(await page.locator('textarea[name=because]').inputValue()).toContain('recognised an image');
    await screenshot('leak-hold-decline');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await card.getByRole('button', { name: 'Send anyway' }).click();
    await page.locator('[data-testid="membership"][data-state="finished"]').waitFor({ timeout: 150_000 });
    expect(await card.innerText()).toContain('Updates are sent anyway');
    await card.scrollIntoViewIfNeeded();
    await screenshot('leak-hold-sent');
    await page.getByRole('button', { name: 'Ledger' }).click();
    await page.getByText('A person saw what the probe').first().waitFor({ timeout: 30_000 });
  }, 420_000);
});
