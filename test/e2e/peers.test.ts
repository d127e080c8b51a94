// The bench between peers in the window: a site that listens, a peer reached on a line of its own, who helps, mute and history.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { metricsSchema } from '../../src/contract/metrics.ts';
import { stationAnswers } from '../../src/station/answer.ts';
import { initialTrunk } from '../../src/station/initial-trunk.ts';
import { openStation } from '../../src/station/open-station.ts';
import { writePracticeStudies } from '../../src/station/practice/practice-studies.ts';
import { openSite, type Site } from '../../src/sync/site/site.ts';
import type { SiteWork } from '../../src/sync/site/site-work.ts';
import { weightSpecifications } from '../../src/trainer/client.ts';
import { type HubProcess, inviteToNowhere, startHub } from './hub-process.ts';
import { newFolder, openImagiq, type OpenWindow, setStage, type Stage } from './imagiq-window.ts';

let stage: Stage | string;
let opened: OpenWindow | null = null;
let hub: HubProcess | null = null;
let oslo: Site | null = null;
const folder = newFolder('peers');
const classes = 'effusion,nodule,normal,pneumothorax';

/** Another hospital, whose training leaves the weights as they are: the window is what is looked at here. */
const peerWork: SiteWork = {
  trainUpdate: async ({ trunkWeights }) => ({ weights: trunkWeights, examples: 10, loss: 1 }),
  probeLeak: async () => ({
    isRecognised: false,
    failure: null,
    sentence: 'This hospital has no images.',
    similarity: 0,
    images: 0,
  }),
  trainLocalOnly: async ({ project }) => ({ weights: initialTrunk({ ...project, seed: 5 }), examples: 10 }),
  evaluate: async () => ({ metrics, probabilities: new Float32Array(8).fill(0.25), labels: new Int32Array(2) }),
  measure: async () => metrics,
  layoutOf: (definition, count) => weightSpecifications(definition, count),
  datasetFingerprint: async () => 'a'.repeat(64),
};
const half = { value: 0.5, low: 0.4, high: 0.6 };
const metrics = metricsSchema.parse({
  examples: 2,
  patients: 2,
  loss: 1,
  accuracy: half,
  auc: half,
  balancedAccuracy: 0.5,
  calibrationError: 0,
  perClass: [],
  confusion: [],
});

beforeAll(async () => {
  stage = await setStage();
  if (typeof stage !== 'object') return;
  const home = path.join(folder, 'home');
  hub = await startHub({ federation: 'Chest CT', classes, commits: 1 });
  const { labelsFile } = await writePracticeStudies({ site: 0, folder: path.join(folder, 'studies'), patients: 16 });
  const station = await openStation({ home, onEvent: () => {} });
  const answer = stationAnswers(station);
  await answer('import-paths', { paths: [path.join(folder, 'studies')] });
  await answer('create-cohort', { name: 'chest', query: '', studyInstanceUIDs: null, labelsFile, labelColumn: null });
  await answer('join', { invite: hub.newInvite(), site: 'Lyon' });
  await station.close();
  oslo = await openSite({
    folder: path.join(folder, 'oslo'),
    siteName: 'Oslo University Hospital',
    work: peerWork,
    onChange: () => {},
    onLedger: () => {},
  });
  await oslo.join(hub.newInvite());
  while (!oslo.memberships()[0]?.project) await new Promise((resolve) => setTimeout(resolve, 50));
  await oslo.approve('Chest CT', 'chest');
  opened = await openImagiq(stage, home);
}, 240_000);

afterAll(async () => {
  await opened?.close();
  await oslo?.close();
  await hub?.close();
  if (typeof stage === 'object') stage.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('peers in the window', () => {
  const window = ({ skip }: TestContext): OpenWindow => {
    if (opened === null) skip(typeof stage === 'string' ? stage : 'no window');
    return opened as OpenWindow;
  };

  test('the site listens when it is told to, and says where', async (context) => {
    const { page, screenshot } = window(context);
    await page.getByRole('button', { name: 'Settings' }).click();
    const card = page.getByRole('region', { name: 'Direct lines to peers' });
    await card.getByText('does not listen').waitFor();
    await card.locator('input[name=peer-address]').fill('not an address');
    await card.getByRole('button', { name: 'Listen' }).click();
    await card.getByRole('alert').waitFor();
    expect(await card.getByRole('alert').innerText()).toContain('no address that peers could use');
    await card.locator('input[name=peer-address]').fill('127.0.0.1');
    await card.getByRole('button', { name: 'Listen' }).click();
    await card.getByText('wss://127.0.0.1:').waitFor();
    await card.scrollIntoViewIfNeeded();
    await screenshot('peers-listening');
  }, 60_000);

  test('the form for another invite closes, whatever was pasted there', async (context) => {
    const { page, screenshot } = window(context);
    await page.getByRole('button', { name: 'Federation' }).click();
    const form = page.getByRole('form', { name: 'Join a federation' });
    for (const pasted of [inviteToNowhere(), 'imagiq://join/not-an-invite']) {
      await page.getByRole('button', { name: 'Join another' }).click();
      await page.getByLabel('Invite').fill(pasted);
      await page.getByTestId('invite-offer').or(page.getByTestId('invite-problem')).waitFor();
      await page.getByRole('button', { name: 'Close' }).click();
      await form.waitFor({ state: 'detached' });
      expect(await page.getByRole('button', { name: 'Join another' }).isVisible()).toBe(true);
    }
    await page.getByRole('button', { name: 'Fingerprints' }).click();
    await page.getByTestId('certificate').getByText('good until').waitFor();
    await screenshot('federation-fingerprints');
    await page.getByRole('button', { name: 'Fingerprints' }).click();
  }, 60_000);

  test('a peer on a line of its own, what it adds, opting out of it, and the history of the models', async (context) => {
    const { page, screenshot } = window(context);
    await page.getByRole('button', { name: 'Federation' }).click();
    const peers = page.getByTestId('peers');
    await peers.getByText('direct', { exact: true }).waitFor({ timeout: 60_000 });
    await page.getByLabel('I am allowed').check();
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.locator('[data-testid="membership"][data-state="finished"]').waitFor({ timeout: 150_000 });
    const bench = page.getByRole('region', { name: 'Model bench' });
    await bench.getByRole('cell', { name: 'Oslo University Hospital', exact: true }).waitFor({ timeout: 60_000 });
    await expect.poll(() => peers.locator('td.help').innerText(), { timeout: 60_000 }).toMatch(/[-+\d]/);
    await bench.getByRole('button', { name: 'History' }).click();
    await page.getByLabel('History of the models').getByText('local-only').first().waitFor();
    await peers.scrollIntoViewIfNeeded();
    await screenshot('peers-who-helps');
    await bench.getByRole('button', { name: 'Keep the model of trunk (trunk)' }).click();
    await page.getByText('it is in Models now').waitFor();
    await page.getByRole('button', { name: 'Models', exact: true }).click();
    await page.getByTestId('model').getByText('all sites, version 1').waitFor();
    await screenshot('models-kept');
    await page.getByRole('button', { name: 'Federation', exact: true }).click();
    await page.getByRole('button', { name: 'Mute Oslo University Hospital' }).click();
    await page.getByRole('button', { name: 'Hear Oslo University Hospital' }).waitFor({ timeout: 30_000 });
    expect(await peers.locator('td.help').innerText()).toBe('muted');
    await screenshot('peers-muted');
  }, 300_000);

  test('without the hub it says of nobody that he is online but of whom a line reaches', async (context) => {
    const { page, screenshot } = window(context);
    const sites = page.getByRole('region', { name: 'Sites' });
    await sites.getByText('online', { exact: true }).first().waitFor();
    await oslo?.listen({ isOn: true, port: 0, address: '127.0.0.1' });
    await page.getByTestId('peers').getByTitle('wss://127.0.0.1').waitFor();
    await hub?.close();
    hub = null;
    await oslo?.close();
    oslo = null;
    await sites.getByText('not known', { exact: true }).waitFor({ timeout: 60_000 });
    expect(await sites.getByText('online', { exact: true }).count()).toBe(0);
    await page.getByTestId('peers').getByText('cannot be reached directly').waitFor({ timeout: 60_000 });
    await screenshot('federation-hub-away');
  }, 300_000);
});
