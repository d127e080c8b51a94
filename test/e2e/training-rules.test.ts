// Training as a person runs it in the real window: every hyper-parameter, the workstation's rules, waiting and going on.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { writePracticeStudies } from '../../src/station/practice/practice-studies.ts';
import { answerDialogs, newFolder, openImagiq, type OpenWindow, setStage, type Stage } from './imagiq-window.ts';

let stage: Stage | string;
let opened: OpenWindow | null = null;
/** On a busy machine a run reads its images, and its trainer starts, for longer than a click takes. */
const toBegin = { timeout: 60_000 };

beforeAll(async () => {
  stage = await setStage();
  if (typeof stage === 'string') return;
  const home = newFolder('home');
  const studies = newFolder('studies');
  const { labelsFile } = await writePracticeStudies({ site: 0, folder: studies, patients: 16 });
  const cli = path.resolve(import.meta.dirname, '../../src/cli/cli.ts');
  const imagiq = (...words: string[]) =>
    execFileSync(process.execPath, [cli, '--home', home, ...words], { stdio: 'pipe' });
  imagiq('import', studies);
  imagiq('cohort', 'create', 'chest', '--labels', labelsFile);
  opened = await openImagiq(stage, home);
}, 240_000);

afterAll(async () => {
  await opened?.close();
  if (typeof stage === 'object') stage.close();
});

function theWindow(context: TestContext): OpenWindow {
  if (typeof stage === 'string') context.skip(stage);
  if (!opened) throw new Error('the window is not open');
  const { screenshot } = opened;
  context.onTestFailed(() => screenshot(`failed: ${context.task.name}`.replaceAll(/\W+/g, '-')));
  return opened;
}

describe('training on a workstation that people use', { timeout: 240_000 }, () => {
  test('waits while the workstation is in use, says so, and the rule is kept', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.getByRole('button', { name: 'Settings' }).click();
    const rules = page.getByRole('region', { name: 'Training on this workstation' });
    // Input counts as long ago on a display that nobody touches: so many minutes it never is.
    await rules.getByLabel('Only when nobody uses the workstation').check();
    await rules.getByLabel('Minutes without input').fill('600');
    await rules.getByLabel('Minutes without input').press('Enter');
    await rules.getByText(/in use \(goes on after 600 min/).waitFor();
    await rules.getByLabel('Only at certain hours').check();
    await rules.getByRole('button', { name: 'Wed' }).click();
    await screenshot('training-rules');
    await rules.getByLabel('Only at certain hours').uncheck();
    expect(await rules.getByText('waits', { exact: true }).isVisible()).toBe(true);
  });

  test('starts a run with hyper-parameters of its own, which waits and tells why', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.getByRole('button', { name: 'Training', exact: true }).click();
    await page.getByText('No runs yet').waitFor();
    await screenshot('training-empty');
    await page.keyboard.press('n');
    const form = page.getByRole('form', { name: 'New run' });
    await form.waitFor();
    await screenshot('training-new-run');
    await form.locator('[name=note]').fill('three at once');
    await form.getByText('Advanced').click();
    await form.locator('[name=optimiser]').selectOption('sgd');
    await form.locator('[name=momentum]').fill('0.8');
    await form.locator('[name=patience]').fill('2000');
    await form.locator('[name=epochs]').fill('3000');
    expect(await form.getByText('3 changed').isVisible()).toBe(true);
    await screenshot('training-advanced');
    await page.getByRole('button', { name: 'Start training' }).click();
    await form.waitFor({ state: 'detached' });
    await page.getByText('Waits: the workstation is in use').waitFor();
    await screenshot('training-waits');
  });

  test('goes on by itself when the rule is taken back, and shows how it goes', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByLabel('Only when nobody uses the workstation').uncheck();
    // Its name tells by now that a run is under way.
    await page.getByRole('button', { name: /^Training/ }).click();
    const run = page.getByTestId('run-view');
    await run.getByText(/Step [\d,]+ of/).waitFor(toBegin);
    expect(await run.getByText('Waits for data').isVisible()).toBe(true);
    await screenshot('training-runs');
    await run.getByRole('button', { name: 'Pause' }).click();
    await run.getByText('Paused. The checkpoint is kept').waitFor();
    await run.getByRole('button', { name: 'Resume' }).click();
    await run.getByText(/Step [\d,]+ of/).waitFor(toBegin);
    await run.getByRole('button', { name: 'Stop' }).click();
    await page.locator('[data-testid="run-view"][data-state="stopped"]').waitFor();
    expect(await run.getByText('Ended').isVisible()).toBe(true);
    await screenshot('training-stopped');
  });

  test('shows the runs beside the one that is chosen, and asks for the next with what the last one had', async (context) => {
    const { app, page, screenshot } = theWindow(context);
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.getByRole('button', { name: 'New run…' }).click();
    const form = page.getByRole('form', { name: 'New run' });
    expect(await form.getByText('3 changed').isVisible()).toBe(true);
    expect(await form.locator('[name=note]').inputValue()).toBe('');
    // A network's file that is none is told, and is gone when the dialog opens again.
    const bad = path.join(newFolder('network'), 'broken.json');
    writeFileSync(bad, '{"name": ');
    await answerDialogs(app, [bad]);
    await form.getByRole('button', { name: 'Network from a file…' }).click();
    await page.getByRole('button', { name: 'Start training' }).click();
    await form.getByRole('alert').getByText('broken.json is not a network definition').waitFor();
    expect(await form.locator('[name=network]').inputValue()).toBe('broken.json');
    await screenshot('training-network-refused-1280');
    await page.keyboard.press('Escape');
    await form.waitFor({ state: 'detached' });
    await page.keyboard.press('n');
    await form.waitFor();
    expect(await form.locator('[name=network]').inputValue()).not.toBe('broken.json');
    await form.locator('[name=epochs]').fill('400');
    await page.keyboard.press('Enter');
    const runs = page.getByRole('region', { name: 'Runs' }).getByRole('button');
    await expect.poll(() => runs.count()).toBe(2);
    await runs
      .first()
      .getByText(/Epoch \d+ of 400/)
      .waitFor(toBegin);
    await page.locator('[data-testid="run-view"][data-state="running"]').waitFor();
    // Both stand whole in the window.
    for (const run of await runs.all()) {
      const box = await run.boundingBox();
      expect(box!.y + box!.height).toBeLessThan(800);
    }
    await screenshot('training-two-runs-1280');
    await page.setViewportSize({ width: 2560, height: 1440 });
    await screenshot('training-two-runs-2560');
    await page.setViewportSize({ width: 1280, height: 800 });
    await runs.first().focus();
    await page.keyboard.press('ArrowDown');
    await page.locator('[data-testid="run-view"][data-state="stopped"]').waitFor();
    expect(await page.getByRole('region', { name: 'Run', exact: true }).getByText('three at once').count()).toBe(1);
    await page.keyboard.press('Home');
    await page.getByTestId('run-view').getByRole('button', { name: 'Stop' }).click();
    await page.locator('[data-testid="run-view"][data-state="stopped"]').waitFor();
    await page.getByRole('button', { name: 'Its model' }).click();
    await page
      .getByTestId('model')
      .getByText(/of 400 epochs/)
      .waitFor();
  });
});
