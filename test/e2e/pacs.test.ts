// The PACS screen in a real window, against a real Orthanc with its DICOMweb plug-in.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { writePracticeStudies } from '../../src/station/practice/practice-studies.ts';
import {
  freePort,
  hasOrthanc,
  type Orthanc,
  orthancUser,
  startOrthanc,
} from '../integration/station/pacs/dicomweb-orthanc.ts';
import { absence, dcmtk } from '../integration/station/pacs/dimse-peers.ts';
import { newFolder, openImagiq, type OpenWindow, setStage, type Stage } from './imagiq-window.ts';

let stage: Stage | string;
let opened: OpenWindow | null = null;
let orthanc: Orthanc | null = null;
let receiverPort = 0;

beforeAll(async () => {
  if (!hasOrthanc) {
    stage = 'Orthanc and its DICOMweb plug-in are absent';
    return;
  }
  stage = await setStage();
  if (typeof stage === 'string') return;
  orthanc = await startOrthanc();
  const folder = newFolder('pacs-studies');
  await writePracticeStudies({ site: 0, folder, patients: 12 });
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (name.endsWith('.dcm')) await orthanc.rest('/instances', readFileSync(path.join(folder, name)));
  }
  opened = await openImagiq(stage);
}, 240_000);

afterAll(async () => {
  await opened?.close();
  await orthanc?.stop();
  if (typeof stage === 'object') stage.close();
});

function theWindow(context: TestContext): OpenWindow & { orthanc: Orthanc } {
  if (typeof stage === 'string') context.skip(stage);
  if (!opened || !orthanc) throw new Error('the window is not open');
  return { ...opened, orthanc };
}

describe('the PACS screen', { timeout: 90_000 }, () => {
  test('adds a DICOMweb peer and tests it', async (context) => {
    const { page, orthanc, screenshot } = theWindow(context);
    await page.getByRole('button', { name: 'PACS', exact: true }).click();
    await page.getByText('No peer yet').waitFor();
    await screenshot('40-pacs-empty');
    await page.getByRole('button', { name: 'Add a peer' }).first().click();
    await page.getByRole('radio', { name: /DICOMweb/ }).check();
    await page.locator('[name="name"]').fill('Archive');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByTestId('peer-problem').getByText('Enter an address that begins with http').waitFor();
    await page.locator('[name="url"]').fill(orthanc.url);
    await page.locator('[name="user"]').fill(orthancUser.user);
    await page.locator('[name="password"]').fill(orthancUser.password);
    await screenshot('41-pacs-peer-dialog');
    await page.getByText('A peer that asks for a certificate of this station').click();
    await page.getByRole('group', { name: 'Its key (PEM)' }).scrollIntoViewIfNeeded();
    await screenshot('41-pacs-peer-certificate');
    await page.locator('[name="password"]').press('Enter');
    await page.getByTestId('test-connection').click();
    await page
      .getByTestId('echo-result')
      .getByText(/^Archive answers, in \d+ ms\.$/)
      .waitFor();
    expect(await page.getByTestId('peer').count()).toBe(1);
  });

  test('finds studies and retrieves the chosen ones into the study list', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.getByTestId('find').click();
    await page.getByTestId('remote-study').first().waitFor();
    const found = await page.getByTestId('remote-study').count();
    expect(found).toBeGreaterThan(3);
    await page.getByTestId('remote-study').nth(0).click();
    await page
      .getByTestId('remote-study')
      .nth(2)
      .click({ modifiers: ['Shift'] });
    await page.getByTestId('found').getByText('3 studies selected').waitFor();
    await screenshot('42-pacs-found');
    await page.getByTestId('retrieve').click();
    await page.getByTestId('transfer-report').waitFor();
    await screenshot('43-pacs-report');
    expect(await page.getByRole('dialog').getByRole('heading').first().innerText()).toBe('Retrieved');
    await page.keyboard.press('Enter');
    await page.getByText('all here').nth(2).waitFor();
    await screenshot('44-pacs-retrieved');
    await page.getByTestId('retrieve').click();
    await page.getByTestId('transfer-report').getByText('All of it was here already.').waitFor();
    await screenshot('44-pacs-here-already');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Studies', exact: true }).click();
    await page.getByTestId('study-row').nth(2).waitFor();
    expect(await page.getByTestId('study-row').count()).toBe(3);
  });

  test('sends chosen studies of the list to a peer', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.getByTestId('study-row').first().getByLabel('Select study').click();
    await page.getByRole('button', { name: /Send to/ }).click();
    await screenshot('45-pacs-send');
    // The focus is on the peer: Enter sends.
    await page.getByRole('radio', { checked: true }).and(page.locator(':focus')).waitFor();
    await page.keyboard.press('Enter');
    await page.getByTestId('transfer-report').waitFor();
    expect(await page.getByRole('dialog').getByRole('heading').first().innerText()).toBe('Sent');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Ledger' }).click();
    await page.locator('[data-act="studies-sent"]').first().waitFor();
  });

  test('says of a wrong port that nothing listens there, and of a wrong password that it is not let in', async (context) => {
    const { page, orthanc, screenshot } = theWindow(context);
    await page.getByRole('button', { name: 'PACS', exact: true }).click();
    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    const address = page.locator('[name="url"]');
    expect(await page.locator('[name="password"]').inputValue()).toBe('');
    await address.fill(`http://127.0.0.1:${await freePort()}/dicom-web`);
    await page.locator('[name="password"]').fill('anything');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByTestId('test-connection').click();
    await page.getByTestId('echo-result').getByText('Archive cannot be reached: nothing listens there.').waitFor();
    await page.getByTestId('find').click();
    await page.getByTestId('find-problem').getByText('nothing listens there').waitFor();
    await screenshot('46-pacs-unreachable');

    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    await address.fill(orthanc.url);
    await page.locator('[name="password"]').fill('wrong');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByTestId('test-connection').click();
    await page.getByTestId('echo-result').getByText('does not let this station in').waitFor();
  });

  test('switches the receiver on and tells what to enter at the PACS', async (context) => {
    const { page, screenshot } = theWindow(context);
    const port = await freePort();
    await page.getByTestId('switch-on').click();
    await page.locator('[name="port"]').fill(String(port));
    await page.locator('[name="allowed"]').fill('ORTHANCTEST, CT/EAST');
    await screenshot('47-pacs-receiver-dialog');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByTestId('receiver-standing').getByText('Listening').waitFor();
    expect(await page.getByTestId('receiver-advice').innerText()).toContain(String(port));
    await screenshot('48-pacs-receiver');
    receiverPort = port;
  });

  test('reports what was sent to the receiver among the past imports, under the whole AE title of its sender', async (context) => {
    const { page, screenshot } = theWindow(context);
    if (absence !== null) context.skip(absence);
    await page.getByRole('button', { name: 'Studies', exact: true }).click();
    await page.getByRole('button', { name: 'Past imports' }).click();
    const folder = newFolder('pacs-sent');
    await writePracticeStudies({ site: 1, folder, patients: 1 });
    const sent = await dcmtk('storescu', [
      '-aet',
      'CT/EAST',
      '-aec',
      'IMAGIQ',
      '+sd',
      '+r',
      '127.0.0.1',
      String(receiverPort),
      folder,
    ]);
    expect(sent.output).toBe('');
    // The report is written when the sender has paused.
    const report = page.getByTestId('past-imports').getByRole('button', { name: 'Sent by CT/EAST' });
    await report.waitFor({ timeout: 60_000 });
    await screenshot('48-pacs-arrivals');
    await report.click();
    await page.getByTestId('import-report').getByText('Sent by CT/EAST').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'PACS', exact: true }).click();
  });

  test('asks a PACS by C-FIND, retrieves by C-GET, and asks before a peer is deleted', async (context) => {
    const { app, page, orthanc, screenshot } = theWindow(context);
    await page.getByRole('button', { name: 'Add a peer' }).click();
    await page.locator('[name="name"]').fill('Radiology PACS');
    await page.locator('[name="aeTitle"]').fill(orthanc.aeTitle);
    await page.locator('[name="host"]').fill('127.0.0.1');
    await page.locator('[name="port"]').fill(String(orthanc.dicomPort));
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByTestId('test-connection').click();
    await page.getByTestId('echo-result').getByText('Radiology PACS answers').waitFor();
    await page.locator('[name="patientID"]').press('Enter');
    await page.getByTestId('remote-study').first().waitFor();
    const rows = page.getByLabel('Study rows');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('End');
    await page.keyboard.press('Space');
    await page.keyboard.press('r');
    await page.getByTestId('transfer-report').waitFor();
    expect(await page.getByRole('dialog').getByRole('heading').first().innerText()).toBe('Retrieved');
    await page.keyboard.press('Enter');
    await screenshot('49-pacs-dimse');
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.setContentSize(2560, 1440));
    await expect.poll(() => page.evaluate<number>('innerWidth')).toBeGreaterThan(1500);
    await screenshot('49-pacs-dimse-2560');
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.setContentSize(1280, 800));

    // A study shows its series; one that is not here is retrieved, and then opened, by the same key.
    const notHere = page.getByTestId('remote-study').filter({ hasNotText: 'all here' }).first();
    await notHere.dblclick();
    const series = page.getByTestId('remote-series').first();
    await series.waitFor();
    await rows.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Space');
    await page.getByTestId('found').getByText('1 series selected').waitFor();
    await screenshot('49-pacs-series');
    await page.keyboard.press('Enter');
    await page.getByTestId('transfer-report').getByText('1 series from Radiology PACS').waitFor();
    await page.keyboard.press('Enter');
    await series.getByText('all here').waitFor();
    await rows.focus();
    await page.keyboard.press('Enter');
    await page.getByTestId('image-canvas').first().waitFor();
    await page.getByRole('button', { name: 'PACS', exact: true }).click();
    await series.waitFor();
    await rows.focus();
    await page.keyboard.press('ArrowLeft');
    await expect.poll(() => page.getByTestId('remote-series').count()).toBe(0);

    await page.getByRole('button', { name: 'Delete Radiology PACS' }).click();
    await page.getByRole('button', { name: 'Keep it' }).click();
    expect(await page.getByTestId('peer').count()).toBe(2);
    await page.getByRole('button', { name: 'Delete Radiology PACS' }).click();
    await page.getByRole('button', { name: 'Delete the peer' }).click();
    await expect.poll(() => page.getByTestId('peer').count()).toBe(1);
  });

  test('ends a question to a peer that hangs, by its button and by Escape', async (context) => {
    const { page, screenshot } = theWindow(context);
    const mute = createServer(() => {}).listen(0, '127.0.0.1');
    context.onTestFinished(() => void mute.close());
    await once(mute, 'listening');
    await page.getByRole('button', { name: 'Add a peer' }).first().click();
    await page.locator('[name="name"]').fill('Mute');
    await page.locator('[name="aeTitle"]').fill('MUTE');
    await page.locator('[name="host"]').fill('127.0.0.1');
    await page.locator('[name="port"]').fill(String((mute.address() as AddressInfo).port));
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByTestId('peer').filter({ hasText: 'Mute' }).click();
    await page.locator('[name="modality"]').fill('rtdose');
    await page.locator('[name="description"]').fill('thorax');
    await page.getByTestId('find').click();
    await page.getByText('Asking Mute…').waitFor();
    await screenshot('46-pacs-asking');
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByText('Look for studies on Mute').waitFor();
    await page.getByTestId('find').click();
    await page.getByText('Asking Mute…').waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('Look for studies on Mute').waitFor();
    expect(await page.getByTestId('find-problem').count()).toBe(0);
  });
});
