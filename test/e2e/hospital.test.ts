// A hospital's way through ImagiQ in the real window, from the first run to leaving a federation. The tests build on one
// another, as a person's day does; each leaves its screenshots in artifacts/screenshots.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { inviteToNowhere, type HubProcess, startHub } from './hub-process.ts';
import {
  answerDialogs,
  dropOn,
  startImport,
  litShare,
  newFolder,
  openImagiq,
  type OpenWindow,
  setStage,
  type Stage,
} from './imagiq-window.ts';
import { lyonPatients } from './practice-numbers.ts';

let stage: Stage | string;
let opened: OpenWindow | null = null;
let hub: HubProcess | null = null;
const classes = 'effusion,nodule,normal,pneumothorax';

beforeAll(async () => {
  stage = await setStage();
  if (typeof stage === 'string') return;
  [opened, hub] = await Promise.all([openImagiq(stage), startHub({ federation: 'Chest CT', classes, commits: 2 })]);
}, 180_000);

afterAll(async () => {
  await opened?.close();
  await hub?.close();
  if (typeof stage === 'object') stage.close();
});

function theWindow(context: TestContext): OpenWindow {
  if (typeof stage === 'string') context.skip(stage);
  if (!opened) throw new Error('the window is not open');
  const { screenshot } = opened;
  context.onTestFailed(() => screenshot(`failed: ${context.task.name}`.replaceAll(/\W+/g, '-')));
  return opened;
}

describe('a hospital', { timeout: 120_000 }, () => {
  test('is welcomed with what ImagiQ is and two ways to begin', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.getByRole('heading', { name: 'Welcome to ImagiQ' }).waitFor();
    expect(await page.getByRole('button', { name: 'Load practice studies' }).isEnabled()).toBe(true);
    await screenshot('01-welcome');
  });

  test('hears that an empty folder holds nothing to import', async (context) => {
    const { app, page, screenshot } = theWindow(context);
    await answerDialogs(app, [newFolder('empty')]);
    await page.getByRole('button', { name: 'Import a folder' }).click();
    await startImport(page);
    const told = page.getByTestId('import-report').or(page.getByTestId('toast'));
    await told.first().waitFor();
    expect(await told.first().innerText()).toMatch(/no .*files|empty|choose/i);
    await screenshot('02-empty-folder');
    await page.keyboard.press('Escape');
  });

  test('sees why dropped files that are not DICOM are refused', async (context) => {
    const { page, screenshot } = theWindow(context);
    const folder = newFolder('letters');
    writeFileSync(path.join(folder, 'letter.txt'), 'Dear colleague');
    mkdirSync(path.join(folder, 'inner'));
    writeFileSync(path.join(folder, 'inner', 'cut.dcm'), Buffer.alloc(200, 7));
    await dropOn(page, [folder]);
    await startImport(page);
    const report = page.getByTestId('import-report');
    await report.getByText('letter.txt').waitFor();
    expect(await report.getByText('cut.dcm').isVisible()).toBe(true);
    await screenshot('03-refusals');
    await page.getByRole('button', { name: 'Done' }).click();
  });

  test('hears that a folder which is gone cannot be read', async (context) => {
    const { app, page } = theWindow(context);
    await answerDialogs(app, ['/nowhere/at/all']);
    await page.getByRole('button', { name: 'Import a folder' }).click();
    await startImport(page);
    const told = page.getByTestId('import-report').or(page.getByRole('alert'));
    await told.first().waitFor();
    expect(await told.first().innerText()).toMatch(/nowhere|not exist|no such|cannot be read/i);
    if (await page.getByRole('button', { name: 'Done' }).isVisible())
      await page.getByRole('button', { name: 'Done' }).click();
    else await page.getByRole('button', { name: 'Dismiss' }).click();
  });

  test('imports practice studies while a bar tells how far it is', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.getByRole('button', { name: 'Load practice studies' }).click();
    await page.getByTestId('import-strip').getByRole('progressbar').waitFor();
    await screenshot('04-importing');
    await page.getByText('Import finished').waitFor();
    await screenshot('05-import-report');
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByTestId('study-row').first().waitFor();
    expect(await page.getByTestId('series-panel').innerText()).toContain('5 images');
  });

  test('finds studies by words and walks the list by keyboard', async (context) => {
    const { page, screenshot } = theWindow(context);
    const rows = page.getByTestId('study-row');
    await page.getByRole('rowgroup', { name: 'Study rows' }).focus();
    await page.keyboard.press('Space');
    await page.keyboard.press('Shift+ArrowDown');
    await page.keyboard.press('Shift+ArrowDown');
    await page.getByRole('button', { name: 'Cohort of 3 selected' }).waitFor();
    await page.getByTestId('series-panel').locator('canvas').waitFor();
    await screenshot('06-studies');
    await page.keyboard.press('Escape');
    await page.getByRole('searchbox', { name: 'Search studies' }).fill('P0007');
    await page.getByText(`1 of ${lyonPatients} studies match`).waitFor();
    expect(await rows.count()).toBe(1);
    await page.getByRole('searchbox', { name: 'Search studies' }).fill('nobody at all');
    await page.getByText('No study matches').waitFor();
    await screenshot('07-no-match');
    await page.getByRole('searchbox', { name: 'Search studies' }).fill('');
    await rows.nth(3).waitFor();
  });

  test('opens a study and sees its images, window, and header', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.getByTestId('study-row').nth(1).dblclick();
    await expect.poll(() => litShare(page), { timeout: 15_000 }).toBeGreaterThan(0.1);
    await screenshot('08-viewer');
    await page.getByTestId('image-position').getByText('Image 3 / 5').waitFor();
    await page.getByTestId('image-canvas').hover();
    await page.mouse.wheel(0, 60);
    await page.getByTestId('image-position').getByText('Image 4 / 5').waitFor();
    const before = await litShare(page);
    await page.getByLabel('Window preset').selectOption('Bone');
    await expect.poll(() => litShare(page)).not.toBeCloseTo(before, 2);
    await page.keyboard.press('Escape');
    await page.getByTestId('study-row').nth(1).dblclick();
    await page.getByTestId('image-canvas').waitFor();
    await page.keyboard.press('h');
    await page.getByLabel('Filter header').fill('Modality');
    await page.getByTestId('header-panel').getByText('(0008,0060)').waitFor();
    await page.emulateMedia({ colorScheme: 'dark' });
    await expect.poll(() => litShare(page)).toBeGreaterThan(0.1);
    await screenshot('09-viewer-header-dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.getByRole('button', { name: 'Close header' }).click();
    await page.keyboard.press('Escape');
  });

  test('makes a cohort with a labels file, and is told when the file does not fit', async (context) => {
    const { app, page, home, screenshot } = theWindow(context);
    const unfit = path.join(newFolder('labels'), 'unfit.csv');
    writeFileSync(unfit, 'colour,shape\nred,round\n');
    await page.getByTestId('make-cohort').click();
    await page.getByLabel('Name').fill('chest');
    await answerDialogs(app, [unfit]);
    await page.getByRole('button', { name: 'Choose…' }).click();
    await expect.poll(() => page.getByLabel('Labels file').inputValue()).toBe(unfit);
    await page.getByRole('button', { name: 'Create cohort' }).click();
    await page.getByRole('dialog').getByRole('alert').waitFor();
    await screenshot('10-cohort-dialog-fault');
    const practice = path.join(home, 'practice');
    const labels = readdirSync(practice, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith('.csv'));
    await answerDialogs(app, [path.join(practice, labels ?? '')]);
    await page.getByRole('button', { name: 'Choose…' }).click();
    await expect.poll(() => page.getByLabel('Labels file').inputValue()).toMatch(/practice.*\.csv$/);
    await page.getByRole('button', { name: 'Create cohort' }).click();
    await page.getByTestId('cohort-card').getByText('pneumothorax').waitFor();
    await screenshot('11-cohort');
  });

  test('trains six epochs with a live curve and reads the test result', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await page.getByRole('form', { name: 'New run' }).locator('[name=epochs]').fill('6');
    await page.getByRole('button', { name: 'Start training' }).click();
    const points = page.getByTestId('line-chart').first();
    await expect
      .poll(async () => Number(await points.getAttribute('data-points')), { timeout: 60_000 })
      .toBeGreaterThan(1);
    expect(await page.getByTestId('run-view').getAttribute('data-state')).toBe('running');
    await screenshot('12-training-live');
    await page.locator('[data-testid="run-view"][data-state="done"]').waitFor({ timeout: 90_000 });
    await page.getByTestId('metrics').getByText('95 % CI').first().waitFor();
    // The next run can go on from what came out of this one.
    await page.getByRole('button', { name: 'New run…' }).click();
    const from = page.getByRole('form', { name: 'New run' }).locator('[name=from] option');
    await expect.poll(() => from.count()).toBe(2);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByTestId('run-view').hover();
    await screenshot('13-training-done');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.getByTestId('metrics').scrollIntoViewIfNeeded();
    await screenshot('14-training-metrics-dark');
    await page.emulateMedia({ colorScheme: 'light' });
  });

  test('is told what is wrong with an invite that cannot be read and with a hub that is not there', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.getByRole('button', { name: 'Federation' }).click();
    await page.getByLabel('Invite').fill('imagiq://join/not-an-invite');
    await page.getByTestId('invite-problem').waitFor();
    await screenshot('15-wrong-invite');
    await page.getByLabel('Invite').fill(inviteToNowhere());
    await page.getByTestId('invite-offer').getByText('Nowhere').waitFor();
    await page.getByLabel('Name of your site').fill('Lyon');
    await page.getByRole('button', { name: 'Join', exact: true }).click();
    await page.getByTestId('invite-problem').waitFor({ timeout: 30_000 });
    expect(await page.getByTestId('invite-problem').innerText()).toMatch(/does not answer/);
    await screenshot('16-no-hub');
  });

  test('joins by invite, approves, takes part until the end, and leaves', async (context) => {
    const { page, screenshot } = theWindow(context);
    if (!hub) throw new Error('the hub does not run');
    await page.getByLabel('Invite').fill(hub.newInvite());
    await page.getByTestId('invite-offer').getByText('Chest CT').waitFor();
    await page.getByLabel(`Fingerprint ${hub.fingerprint}`).waitFor();
    await screenshot('17-invite');
    await page.getByLabel('Name of your site').fill('Lyon University Hospital');
    await page.getByRole('button', { name: 'Join', exact: true }).click();
    await page.getByTestId('approve-card').waitFor();
    expect(await page.getByTestId('trunk-rule').innerText()).toContain('averaged');
    await screenshot('18-approve');
    await page.getByRole('button', { name: 'Decline…' }).click();
    await page.getByLabel('Why, for the coordinator').fill('Our ethics board meets in May');
    await screenshot('18-decline');
    await page.getByRole('button', { name: 'Decline project' }).click();
    await page.getByTestId('project-answer').getByText('the hub has your signed answer').waitFor();
    expect(await page.getByTestId('project-answer').innerText()).toContain('Our ethics board meets in May');
    await screenshot('18-declined');
    await page.getByLabel('I am allowed').check();
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('Training on your cohort').waitFor({ timeout: 60_000 });
    await screenshot('19-taking-part');
    await page.locator('[data-testid="membership"][data-state="finished"]').waitFor({ timeout: 90_000 });
    await page.getByTestId('scoreboard').waitFor({ timeout: 30_000 });
    await screenshot('20-federation-finished');
    await page.emulateMedia({ colorScheme: 'dark' });
    await screenshot('21-federation-dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.getByRole('button', { name: 'Leave', exact: true }).click();
    await screenshot('22-leave');
    await page.getByRole('button', { name: 'Leave federation' }).click();
    await page.getByRole('form', { name: 'Join a federation' }).waitFor();
    expect(await page.getByTestId('membership').count()).toBe(0);
  });

  test('reads in the ledger what left, in a chain that verifies', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.getByRole('button', { name: 'Ledger' }).click();
    await page.getByTestId('ledger-verified').waitFor();
    await page.locator('[data-act="update-sent"]').first().waitFor();
    await screenshot('23-ledger');
    await page.emulateMedia({ colorScheme: 'dark' });
    await screenshot('23-ledger-dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.getByLabel('Which act').selectOption('update-sent');
    await expect.poll(() => page.locator('[data-act="import"]').count()).toBe(0);
    await page.getByTestId('ledger-entry').getByText('Update sent').waitFor();
    await screenshot('23-ledger-filtered');
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByText('Free disk space').waitFor();
    expect(await page.getByText('Node 24').isVisible()).toBe(true);
    await screenshot('24-settings');
  });
});
