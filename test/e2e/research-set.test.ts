// A research set in the window: a zip of pictures is dropped, and a cohort is made of labels that came with an import.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { encode } from 'fast-png';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { openLibrary } from '../../src/station/library/library.ts';
import {
  answerDialogs,
  dropOn,
  openImagiq,
  type OpenWindow,
  setStage,
  type Stage,
  startImport,
} from './imagiq-window.ts';

let stage: Stage | string;
let opened: OpenWindow | null = null;
let folder: string;

const picture = (seed: number): Uint8Array =>
  encode({
    width: 16,
    height: 16,
    data: Uint8Array.from({ length: 256 }, (_, at) => (at * seed + seed) % 256),
    channels: 1,
    depth: 8,
  });

function writeZip(name: string, first: number): string {
  const members = Object.fromEntries(
    Array.from({ length: 12 }, (_, index) => [
      `${index % 2 ? 'pneumonia' : 'normal'}/${index}.png`,
      picture(first + index),
    ]),
  );
  const file = path.join(folder, name);
  writeFileSync(file, zipSync(members));
  return file;
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-e2e-research-'));
  stage = await setStage();
  if (typeof stage !== 'object') return;
  const home = path.join(folder, 'home');
  const library = openLibrary({ folder: home });
  const signal = new AbortController().signal;
  const options = { mode: 'reference', labels: 'folders', signal, onProgress: () => {} } as const;
  await library.importPaths([writeZip('labelled.zip', 1)], options);
  library.close();
  opened = await openImagiq(stage, home);
}, 180_000);

afterAll(async () => {
  await opened?.close();
  if (typeof stage === 'object') stage.close();
  rmSync(folder, { recursive: true, force: true });
});

function theWindow(context: TestContext): OpenWindow {
  if (typeof stage === 'string') context.skip(stage);
  if (!opened) throw new Error('the window is not open');
  return opened;
}

describe('a researcher', { timeout: 60_000 }, () => {
  test('reads labels out of objects, and hears that there are none', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.getByRole('button', { name: 'Labels', exact: true }).click();
    await page.getByTestId('read-labels-dialog').waitFor();
    await page.getByRole('button', { name: 'Read labels' }).click();
    await page.getByTestId('label-report').getByText('The library holds none of this kind.').waitFor();
    await screenshot('read-labels');
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByTestId('read-labels-dialog').count()).toBe(0);
  });

  test('drops a zip of pictures, and makes a cohort of the labels that came with an earlier one', async (context) => {
    const { page, screenshot } = theWindow(context);
    await dropOn(page, [writeZip('more.zip', 101)]);
    await startImport(page);
    await page.getByTestId('import-report').getByText('12 series').first().waitFor();
    await screenshot('research-import');
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByTestId('make-cohort').click();
    await page.getByRole('textbox', { name: 'Name' }).fill('chest');
    await page.getByRole('combobox', { name: 'Labels' }).waitFor();
    await screenshot('research-cohort-dialog');
    await page.getByRole('button', { name: 'Create cohort' }).click();
    const card = page.getByTestId('cohort-card');
    await card.getByText('pneumonia').waitFor();
    expect(await card.innerText()).toMatch(/12 images/);
    await card.getByRole('button', { name: 'Show its studies' }).click();
    await page.getByTestId('filter-chip').getByText('chest').waitFor();
    expect(await page.getByText(/studies match$/).innerText()).toMatch(/^\d+ of \d+ studies match$/);
  });

  test('copies a folder in with labels of a table, and finds both choices and notes again', async (context) => {
    const { app, page, screenshot } = theWindow(context);
    const pictures = path.join(folder, 'pictures');
    mkdirSync(pictures);
    for (let index = 0; index < 4; index += 1) writeFileSync(path.join(pictures, `${index}.png`), picture(201 + index));
    const table = path.join(folder, 'reading.csv');
    writeFileSync(table, 'file,finding\n0.png,nodule\n1.png,clear\n2.png,nodule\n');
    await dropOn(page, [pictures]);
    const dialog = page.getByTestId('import-dialog');
    await dialog.getByText('1 folder').waitFor();
    await dialog.getByText('Copy into the library').click();
    await dialog.getByText('A table (CSV)').click();
    await answerDialogs(app, [table]);
    await dialog.getByRole('button', { name: 'Choose' }).click();
    // A column that is not there: the dialog comes back with the file and the reason.
    await page.getByRole('dialog').getByRole('button', { name: 'Import', exact: true }).click();
    await dialog.getByRole('alert').getByText('has no column “label”').waitFor();
    expect(await dialog.getByRole('textbox', { name: 'Labels file' }).inputValue()).toBe(table);
    expect(await dialog.getByRole('radio', { name: /Copy into the library/ }).isChecked()).toBe(true);
    await screenshot('import-dialog-refused');
    await dialog.getByRole('textbox', { name: 'Label column' }).fill('finding');
    await screenshot('import-dialog');
    await page.keyboard.press('Enter');
    const report = page.getByTestId('import-report');
    await report.getByText('3 images have labels').waitFor();
    await report.getByText('1 file has no label: the labels file has no row for it.').waitFor();
    await page.getByRole('button', { name: 'Done' }).click();

    await page.getByRole('button', { name: 'Studies', exact: true }).click();
    await page.getByRole('button', { name: 'Past imports' }).click();
    await page.getByTestId('past-imports').getByText('4 of 4 files imported').click();
    await report.getByText('3 images have labels').waitFor();
    await report.getByText('1 file has no label: the labels file has no row for it.').waitFor();
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByTestId('past-imports').waitFor();
    await page.keyboard.press('Escape');

    // Single files, from the menu's key; how the last import was made is proposed.
    await answerDialogs(app, [writeZip('third.zip', 301)]);
    await page.getByRole('button', { name: 'Import files' }).click();
    await dialog.getByText('1 file:').waitFor();
    expect(await dialog.getByRole('radio', { name: 'Copy into the library' }).isChecked()).toBe(true);
    await page.keyboard.press('Escape');
    expect(await dialog.count()).toBe(0);
  });
});
