// Presentation states in the real window: made by dcmtk for a generated CT, with graphics, text and a shutter written into its dump.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { writeCtVolume } from '../../scripts/bench/ct-volume.ts';
import { newFolder, openImagiq, type OpenWindow, setStage, type Stage } from './imagiq-window.ts';

let stage: Stage | string = 'dcmtk is not installed: no presentation state can be made';
let opened: OpenWindow | null = null;
const soon = { timeout: 15_000 };
const side = 128;

/** A ring around pixel 96, 64 and a line to the lower right quarter, a text over them; all but a frame of 16 pixels is left free. */
const annotated = `
(0018,1600) CS [RECTANGULAR]
(0018,1602) IS [17]
(0018,1604) IS [112]
(0018,1606) IS [17]
(0018,1608) IS [112]
(0018,1622) US 16384
(0028,3110) SQ
(fffe,e000) na
(0028,1050) DS [40]
(0028,1051) DS [120]
(fffe,e00d) na
(fffe,e0dd) na
(0070,0001) SQ
(fffe,e000) na
(0070,0002) CS [FINDINGS]
(0070,0008) SQ
(fffe,e000) na
(0070,0003) CS [PIXEL]
(0070,0004) CS [PIXEL]
(0070,0006) ST [Seen by dcmtk]
(0070,0010) FL 70\\20
(0070,0011) FL 110\\34
(0070,0012) CS [LEFT]
(0070,0014) FL 96\\56
(0070,0015) CS [Y]
(fffe,e00d) na
(fffe,e0dd) na
(0070,0009) SQ
(fffe,e000) na
(0070,0005) CS [PIXEL]
(0070,0020) US 2
(0070,0021) US 2
(0070,0022) FL 96\\64\\104\\64
(0070,0023) CS [CIRCLE]
(0070,0024) CS [N]
(fffe,e00d) na
(fffe,e000) na
(0070,0005) CS [DISPLAY]
(0070,0020) US 2
(0070,0021) US 2
(0070,0022) FL 0.5\\0.5\\0.75\\0.75
(0070,0023) CS [POLYLINE]
(0070,0024) CS [N]
(fffe,e00d) na
(fffe,e0dd) na
(fffe,e00d) na
(fffe,e0dd) na
(0070,0041) CS [Y]
(0070,0042) US 90
(0070,0060) SQ
(fffe,e000) na
(0070,0002) CS [FINDINGS]
(0070,0062) IS [1]
(fffe,e00d) na
(fffe,e0dd) na
(0070,0081) LO [Focus]
(2050,0010) SQ
(fffe,e0dd) na
`;

function writeStates(folder: string, image: string): void {
  mkdirSync(folder, { recursive: true });
  const [plain, dump] = [path.join(folder, 'plain.dcm'), path.join(folder, 'focus.dump')];
  execFileSync('dcmpsmk', ['-V', image, plain]);
  const text = execFileSync('dcmdump', ['+L', '-Un', plain], { encoding: 'utf8' });
  const others = text
    .split('\n')
    // A state of its own, later than the one of dcmpsmk.
    .filter((line) => !/^\((0008,0018|0070,0081|0070,0083|0070,0082|2050,0020)/.test(line))
    .join('\n');
  writeFileSync(dump, `${others}\n(0008,0018) UI [1.2.826.0.1.8.1]\n(0070,0082) DA [20990101]\n${annotated}`);
  execFileSync('dump2dcm', ['-q', '+Ug', dump, path.join(folder, 'focus.dcm')], { stdio: 'pipe' });
}

beforeAll(async () => {
  if (spawnSync('dcmpsmk', ['--version']).status !== 0) return;
  stage = await setStage();
  if (typeof stage === 'string') return;
  const [home, folder, states] = [newFolder('home'), newFolder('volume'), newFolder('states')];
  const valueAt = (x: number, y: number): number => {
    if (Math.hypot(x - 0.75, y - 0.5) < 0.05) return 90;
    return Math.hypot((x - 0.5) / 0.42, (y - 0.5) / 0.32) < 1 ? 40 : -1_000;
  };
  writeCtVolume(folder, { side, slices: 5, valueAt, number: 1 });
  writeStates(states, path.join(folder, '2.dcm'));
  const cli = path.resolve(import.meta.dirname, '../../src/cli/cli.ts');
  execFileSync(process.execPath, [cli, '--home', home, 'import', folder, states], { stdio: 'pipe' });
  opened = await openImagiq(stage, home);
  await opened.page.getByTestId('study-row').dblclick();
  await opened.page.locator('[data-testid="viewport"][data-painted]').waitFor();
}, 180_000);

afterAll(async () => {
  await opened?.close();
  if (typeof stage === 'object') stage.close();
});

function theWindow(context: TestContext): OpenWindow {
  if (typeof stage === 'string') context.skip(stage);
  if (!opened) throw new Error('the window is not open');
  const { screenshot } = opened;
  context.onTestFailed(() => screenshot(`failed: state ${context.task.name}`.replaceAll(/\W+/g, '-')));
  return opened;
}

const state = (page: Page, words: string): Promise<void> => page.getByTestId('state').getByText(words).waitFor();

describe('presentation states', { timeout: 90_000 }, () => {
  test('are offered on their image, and shown by a key or the bar', async (context) => {
    const { page, screenshot } = theWindow(context);
    await state(page, '2 presentation states: Shift P');
    const own = await page.getByTestId('window').innerText();
    await page.keyboard.press('Shift+P');
    await state(page, 'State 1 of 2: Focus');
    await page.getByTestId('window').getByText('C 40 · W 120').waitFor();
    await page.getByText('Turned 90°').waitFor();
    await page.getByText('Mirrored').waitFor();
    await page.getByTestId('presented-text').getByText('Seen by dcmtk').waitFor();
    expect(await page.getByTestId('shutter').count()).toBe(1);
    await page.getByTestId('geometry-note').getByText('The state has more: a presentation look-up table').waitFor();
    expect(await page.getByLabel('Window preset').inputValue()).toBe('State window');
    await screenshot('presentation-state');
    // The ring lies around pixel 96, 64: turned clockwise and mirrored, on the middle of the screen's lower half.
    const canvas = await page.getByTestId('image-canvas').boundingBox();
    const ring = await page.getByTestId('presented').first().boundingBox();
    if (!canvas || !ring) throw new Error('the ring is not on the screen');
    const scale = Math.min(canvas.width, canvas.height) / side;
    expect(ring.x + ring.width / 2 - canvas.x).toBeCloseTo(canvas.width / 2, -0.5);
    expect(ring.y + ring.height / 2 - canvas.y).toBeCloseTo(canvas.height / 2 + 32 * scale, -0.5);
    // A line in parts of the displayed area goes to the lower right, whichever way the image was turned.
    const line = (await page.getByTestId('presented').nth(1).getAttribute('points')) ?? '';
    const [x = 0, y = 0] = (line.split(' ').at(-1) ?? '').split(',').map(Number);
    expect(x).toBeCloseTo(canvas.width / 2 + 32 * scale, 0);
    expect(y).toBeCloseTo(canvas.height / 2 + 32 * scale, 0);
    await page.getByRole('toolbar').getByRole('button', { name: 'Presentation state' }).click();
    await state(page, 'State 2 of 2: UNNAMED');
    await expect.poll(() => page.getByText('Turned 90°').count(), soon).toBe(0);
    expect(await page.getByTestId('presented').count()).toBe(0);
    await page.keyboard.press('Shift+P');
    await state(page, '2 presentation states');
    expect(await page.getByTestId('window').innerText()).toBe(own);
  });

  test('have their button in the one row of tools at 1280 pixels', async (context) => {
    const { app, page, screenshot } = theWindow(context);
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.setContentSize(1_280, 800));
    await expect.poll(() => page.evaluate<number>('window.innerWidth'), soon).toBe(1_280);
    await page.getByLabel('Layout').selectOption('2 × 2');
    const bar = page.getByRole('toolbar', { name: 'Viewer tools' });
    await bar.getByRole('button', { name: 'Presentation state' }).waitFor();
    const last = await bar.getByRole('button', { name: 'Keys' }).boundingBox();
    const first = await bar.getByRole('button', { name: 'Studies' }).boundingBox();
    await screenshot('presentation-state-tools-1280');
    expect((last?.y ?? 0) + (last?.height ?? 0) / 2).toBeCloseTo((first?.y ?? 0) + (first?.height ?? 0) / 2, 0);
    await page.getByLabel('Layout').selectOption('1 × 1');
  });

  test('are not drawn on another image, which says so', async (context) => {
    const { page } = theWindow(context);
    await page.keyboard.press('Shift+P');
    await state(page, 'State 1 of 2: Focus');
    await page.getByTestId('viewport').locator('[role="application"]').focus();
    await page.keyboard.press('ArrowDown');
    await state(page, 'State: Focus, not for this image');
    await expect.poll(() => page.getByTestId('presented').count(), soon).toBe(0);
    expect(await page.getByTestId('shutter').count()).toBe(0);
    await page.keyboard.press('r');
    await expect.poll(() => page.getByTestId('state').innerText(), soon).toBe('');
    expect(await page.getByRole('toolbar').getByRole('button', { name: 'Presentation state' }).count()).toBe(0);
    await page.keyboard.press('ArrowUp');
    await state(page, '2 presentation states: Shift P');
  });
});
