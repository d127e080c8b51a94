// What a project asks of updates, told twice: to the data manager who approves it, in the window, and to the coordinator, at the console.
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { stationAnswers } from '../../src/station/answer.ts';
import { openStation } from '../../src/station/open-station.ts';
import { writePracticeStudies } from '../../src/station/practice/practice-studies.ts';
import { type Browser, openBrowser } from './browser-window.ts';
import { type HubProcess, startHub } from './hub-process.ts';
import { newFolder, openImagiq, type OpenWindow, setStage, type Stage } from './imagiq-window.ts';

let stage: Stage | string;
let opened: OpenWindow | null = null;
let browser: Browser | null = null;
let hub: HubProcess | null = null;
const folder = newFolder('project-fields');
const project = {
  id: 'all-fields',
  title: 'Findings on chest CT, few bytes',
  classes: ['effusion', 'nodule', 'normal', 'pneumothorax'],
  network: 'cnn-small',
  hyperParameters: { epochs: 2, optimiser: 'sgd' },
  trunkRule: { bufferSize: 3, deadlineMs: 3_600_000, quorum: 2 },
  updateCodec: 'top-k',
  keptShare: 0.05,
  updateCompression: 'zstd',
  siteNormalisation: true,
  controlVariates: true,
  commits: 60,
  seed: 7,
};

beforeAll(async () => {
  stage = await setStage();
  if (typeof stage !== 'object') return;
  const file = path.join(folder, 'project.json');
  writeFileSync(file, JSON.stringify(project));
  hub = await startHub({ federation: 'Chest CT', project: file });
  const home = path.join(folder, 'home');
  const { labelsFile } = await writePracticeStudies({ site: 0, folder: path.join(folder, 'studies'), patients: 12 });
  const station = await openStation({ home, onEvent: () => {} });
  const answer = stationAnswers(station);
  await answer('import-paths', { paths: [path.join(folder, 'studies')] });
  await answer('create-cohort', { name: 'chest', query: '', studyInstanceUIDs: null, labelsFile, labelColumn: null });
  await answer('join', { invite: hub.newInvite(), site: 'Lyon' });
  await station.close();
  opened = await openImagiq(stage, home);
}, 360_000);

afterAll(async () => {
  await opened?.close();
  await browser?.close();
  await hub?.close();
  if (typeof stage === 'object') stage.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a project with FedBN, SCAFFOLD and small updates', () => {
  const onStage = ({ skip }: TestContext): Stage => {
    if (typeof stage === 'string') skip(stage);
    return stage as Stage;
  };

  test('says in the window what leaves and what stays, before it is approved', async (context) => {
    onStage(context);
    const { page, screenshot } = opened!;
    await page.getByRole('button', { name: 'Federation' }).click();
    const card = page.getByTestId('approve-card');
    await card.waitFor({ timeout: 90_000 });
    const text = await card.innerText();
    expect(text).toMatch(/the 5 % of the weights that changed most, 8 bits each, packed with zstd/);
    expect(text).toMatch(/without those of its normalisation layers/);
    expect(text).toMatch(/mean gradient of its training \(SCAFFOLD\)/);
    expect(text).toMatch(/how the shared model does on your validation images \(AUC, accuracy, loss\)/);
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width: 1280, height: 800 });
      await card.scrollIntoViewIfNeeded();
      await screenshot(`approve-fields-${scheme}`);
    }
  }, 240_000);

  test('and at the console the same', async (context) => {
    browser = await openBrowser(onStage(context));
    const { page, screenshot } = browser;
    await page.goto(hub!.consoleLink());
    await page.getByTestId('health').waitFor();
    await page.getByRole('navigation').getByRole('link', { name: 'Project' }).click();
    const card = page.getByRole('region', { name: 'The project' });
    await card.waitFor();
    const text = await card.innerText();
    expect(text).toMatch(/the 5 % of the weights that changed most, 8 bits each, packed with zstd/);
    expect(text).toMatch(/each site keeps its own/);
    expect(text).toMatch(/corrected \(SCAFFOLD\)/);
    await screenshot('console-project-fields');
  }, 120_000);
});
