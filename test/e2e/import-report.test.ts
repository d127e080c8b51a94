// The report of an import in the window: findings in sentences, their study, the saved file, the list of past imports.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { dicomFile, sliceElements } from '../fixtures/dicom-bytes.ts';
import { dropOn, openImagiq, type OpenWindow, setStage, type Stage, startImport } from './imagiq-window.ts';

let stage: Stage | string;
let opened: OpenWindow | null = null;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-e2e-report-'));
  const files = path.join(folder, 'from scanner');
  mkdirSync(files);
  for (const [index, positionMm] of [0, 2, 4, 6, 12, 14].entries())
    writeFileSync(
      path.join(files, `${index}.dcm`),
      dicomFile(sliceElements({ uid: `1.2.3.1.${index + 1}`, positionMm, instanceNumber: index + 1, size: 16 })),
    );
  writeFileSync(path.join(files, 'cut.dcm'), dicomFile(sliceElements({ uid: '1.2.3.1.9' })).subarray(0, 260));
  stage = await setStage();
  if (typeof stage === 'object') opened = await openImagiq(stage);
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

describe('a data manager', { timeout: 60_000 }, () => {
  test('reads what is amiss, keeps the report, finds it again and goes to the study', async (context) => {
    const { app, page, screenshot } = theWindow(context);
    await dropOn(page, [path.join(folder, 'from scanner')]);
    await startImport(page);
    const report = page.getByTestId('import-report');
    await report.getByText('Damaged before it can be identified').waitFor();
    await report.getByText('Missing slices').click();
    await report.getByText('2 slices missing: 2 between 6 mm (image 4) and 12 mm (image 5).').waitFor();
    await screenshot('import-report');

    const saveAs = async (file: string): Promise<void> => {
      await app.evaluate(({ dialog }, chosen) => {
        dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath: chosen });
      }, file);
      await page.getByRole('button', { name: 'Save report' }).click();
    };
    // Messages lie over the dialog, and the next success takes its fault away.
    await saveAs(path.join(folder, 'no such folder', 'report.html'));
    const fault = page.getByRole('alert').filter({ has: page.getByRole('button', { name: 'Dismiss' }) });
    await fault.getByRole('button', { name: 'Dismiss' }).click({ trial: true });
    const file = path.join(folder, 'report.html');
    await saveAs(file);
    await page.getByText(`The report is in ${file}.`).waitFor();
    await screenshot('import-report-saved');
    await page.getByRole('status').getByRole('button', { name: 'Dismiss' }).click({ trial: true });
    expect(await fault.count()).toBe(0);
    expect(readFileSync(file, 'utf8')).toContain('2 slices missing');
    await page.getByRole('button', { name: 'Done' }).click();

    await page.getByRole('button', { name: 'Past imports' }).click();
    const past = page.getByTestId('past-imports');
    await past.getByText('6 of 7 files imported').waitFor();
    await screenshot('past-imports');
    await past.getByText('6 of 7 files imported').click();
    await report.getByText('Missing slices').click();
    await report.getByRole('button', { name: 'Show' }).first().click();
    await page.getByRole('region', { name: 'Viewer' }).waitFor();
  });
});
