// Measuring in the real window, over a generated CT of known size.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { writeCtVolume } from '../../scripts/bench/ct-volume.ts';
import { newFolder, openImagiq, type OpenWindow, setStage, type Stage } from './imagiq-window.ts';

let stage: Stage | string;
let opened: OpenWindow | null = null;
/** A software renderer on a busy machine takes its time. */
const soon = { timeout: 15_000 };
/** Rows and columns; the practice CT is 360 mm wide. */
const side = 128;

beforeAll(async () => {
  stage = await setStage();
  if (typeof stage === 'string') return;
  const home = newFolder('home');
  const folder = newFolder('volume');
  writeCtVolume(folder, {
    side,
    slices: 5,
    valueAt: (x, y) => (Math.hypot((x - 0.5) / 0.42, (y - 0.5) / 0.32) < 1 ? 40 : -1_000),
    number: 1,
  });
  const cli = path.resolve(import.meta.dirname, '../../src/cli/cli.ts');
  execFileSync(process.execPath, [cli, '--home', home, 'import', folder], { stdio: 'pipe' });
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
  context.onTestFailed(() => screenshot(`failed: measuring ${context.task.name}`.replaceAll(/\W+/g, '-')));
  return opened;
}

const shapes = (page: Page): Promise<string[]> => page.getByTestId('measurement').allTextContents();

async function pressed(page: Page, key: string, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) await page.keyboard.press(key);
}

/** CSS pixels for a millimetre of the whole image. */
async function perMm(page: Page): Promise<number> {
  const box = await page.getByTestId('image-canvas').boundingBox();
  if (!box) throw new Error('the image is not on the screen');
  return Math.min(box.width, box.height) / 360;
}

describe('measuring', { timeout: 90_000 }, () => {
  test('draws, changes and gives up a shape by keys alone', async (context) => {
    const { page, screenshot } = theWindow(context);
    const cross = page.getByTestId('key-cross');
    const length = async (): Promise<number> => Number.parseFloat((await shapes(page))[0]?.trim() ?? '');
    // The bar's own button first: Enter then belongs to the image, not to the button any more.
    const button = page.getByRole('button', { name: 'Length' });
    expect(await button.getAttribute('title')).toMatch(/Enter/);
    await button.focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await cross.waitFor();
    expect(await page.getByTestId('probe').innerText()).toMatch(/= 40 HU$/);
    await page.keyboard.press('Enter');
    await pressed(page, 'Shift+ArrowRight', 12);
    await pressed(page, 'ArrowLeft', 5);
    await screenshot('measuring-by-keys');
    await page.keyboard.press('Enter');
    const scale = await perMm(page);
    await expect.poll(length, soon).toBeCloseTo(115 / scale, 1);
    await expect
      .poll(() => page.getByTestId('viewport').getByRole('status').textContent(), soon)
      .toContain((await shapes(page))[0]?.trim());
    // Its end is under the cross: taken, moved and let go of.
    await page.keyboard.press('Enter');
    await pressed(page, 'Shift+ArrowRight', 3);
    await page.keyboard.press('Enter');
    await expect.poll(length, soon).toBeCloseTo(145 / scale, 1);
    // The other end, given up while it is moved.
    await page.keyboard.press('Space');
    await page.keyboard.press('Enter');
    await pressed(page, 'Shift+ArrowLeft', 4);
    await page.keyboard.press('Escape');
    await expect.poll(length, soon).toBeCloseTo(145 / scale, 1);
    await cross.waitFor();
    await pressed(page, 'Shift+ArrowDown', 4);
    await page.keyboard.press('a');
    await page.keyboard.press('Enter');
    await pressed(page, 'Shift+ArrowRight', 5);
    await page.keyboard.press('Enter');
    await pressed(page, 'Shift+ArrowDown', 5);
    await page.keyboard.press('Enter');
    await expect.poll(async () => (await shapes(page)).map((text) => text.trim()), soon).toContain('90.0°');
    // Without the cross the arrows go through the images again.
    await page.keyboard.press('Escape');
    await cross.waitFor({ state: 'detached' });
    const position = page.getByTestId('image-position');
    await position.getByText('Image 3 / 5').waitFor();
    await page.keyboard.press('ArrowDown');
    await position.getByText('Image 4 / 5').waitFor();
    await page.keyboard.press('w');
  });

  test('chooses windows by number, in the order of their menu', async (context) => {
    const { page } = theWindow(context);
    const words = page.getByTestId('window');
    const own = await words.innerText();
    const menu = page.getByLabel('Window preset');
    const names = (await menu.locator('option').allTextContents()).map((name) => name.trim());
    expect(names[0]).toMatch(/^1\s+File/);
    const bone = names.findIndex((name) => name.endsWith('Bone')) + 1;
    await page.keyboard.press(String(bone));
    await words.getByText('C 400 · W 1800').waitFor();
    expect(await menu.inputValue()).toBe('Bone');
    await page.keyboard.press('1');
    await words.getByText(own, { exact: true }).waitFor();
  });

  test('traces an outline by hand, or by its corners, and moves it as a whole', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.keyboard.press('Home');
    await page.getByTestId('image-position').getByText('Image 1 / 5').waitFor();
    await page.keyboard.press('Shift+E');
    const box = await page.getByTestId('image-canvas').boundingBox();
    if (!box) throw new Error('the image is not on the screen');
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const scale = await perMm(page);
    const around = (angle: number): [number, number] => [x + 60 * Math.cos(angle), y + 60 * Math.sin(angle)];
    await page.mouse.move(...around(0));
    await page.mouse.down();
    for (let step = 1; step < 60; step += 1) await page.mouse.move(...around((step / 120) * 2 * Math.PI));
    // The other half within one frame, which the browser tells by one event.
    const passed = Array.from({ length: 59 }, (_, at) => around(Math.PI + (at / 120) * 2 * Math.PI));
    await page.evaluate(`(() => {
      const [image] = document.querySelectorAll('[data-testid="viewport"] [role="application"]');
      const event = ([clientX, clientY], coalescedEvents = []) =>
        new PointerEvent('pointermove', { clientX, clientY, coalescedEvents, bubbles: true });
      const passed = ${JSON.stringify(passed)};
      image.dispatchEvent(event(passed.at(-1), passed.map((place) => event(place))));
    })()`);
    await page.mouse.move(...around((119 / 120) * 2 * Math.PI));
    // Measured once it is whole: on a large image that takes longer than the hand.
    await expect
      .poll(() => page.getByTestId('measurement').locator('polyline').first().getAttribute('points'), soon)
      .toMatch(/(\S+ ){80}/);
    expect((await shapes(page)).join('').trim()).toBe('');
    await page.mouse.up();
    const told = async (): Promise<string> => (await shapes(page)).join(' ');
    await expect.poll(told, soon).toMatch(/Mean 40 HU, SD 0/);
    const areaMm2 = Math.PI * (60 / scale) ** 2;
    const area = /([\d.]+) (cm|mm)²/.exec(await told());
    expect(Number(area?.[1]) / (area?.[2] === 'cm' ? areaMm2 / 100 : areaMm2)).toBeCloseTo(1, 1);
    // Gripped at its line and moved out of the body, on one side.
    await page.mouse.move(...around(Math.PI));
    await page.mouse.down();
    await page.mouse.move(x - 60, y + 240, { steps: 4 });
    await page.mouse.up();
    await expect.poll(told, soon).toMatch(/-1000 HU to 40 HU/);
    await page.keyboard.press('Control+z');
    await expect.poll(told, soon).toMatch(/Mean 40 HU, SD 0/);
    // A square of corners that are clicked; the last one twice.
    await page.keyboard.press('Escape');
    for (const [right, down] of [
      [200, -60],
      [280, -60],
      [280, 20],
      [200, 20],
      [200, 20],
    ] as const)
      await page.mouse.click(x + right, y + down);
    await expect.poll(async () => (await shapes(page)).length, soon).toBe(2);
    const square = (80 / scale) ** 2;
    const second = /([\d.]+) (cm|mm)²/.exec((await shapes(page))[1] ?? '');
    expect(Number(second?.[1]) / (second?.[2] === 'cm' ? square / 100 : square)).toBeCloseTo(1, 1);
    await screenshot('measuring-outlines');
    // At the right edge the words stand on the left of what was measured.
    await page.keyboard.press('b');
    const edge = box.x + box.width;
    await page.mouse.move(edge - 60, y + 150);
    await page.mouse.down();
    await page.mouse.move(edge - 20, y + 190, { steps: 3 });
    await page.mouse.up();
    const words = await page.getByTestId('measurement').last().locator('text').boundingBox();
    expect((words?.x ?? 0) + (words?.width ?? 0)).toBeLessThan(edge - 60);
    await page.keyboard.press('Control+z');
    await expect.poll(async () => (await shapes(page)).length, soon).toBe(2);
    // A double click is no shape, and does not fit the image.
    await page.keyboard.press('l');
    await page.mouse.dblclick(x - 100, y - 100);
    // Drawn after it, by which time a shape of its own would be there.
    await page.mouse.move(x - 100, y - 100);
    await page.mouse.down();
    await page.mouse.move(x - 40, y - 100, { steps: 3 });
    await page.mouse.up();
    await expect.poll(async () => (await shapes(page)).at(-1)?.trim(), soon).toBe(`${(60 / scale).toFixed(1)} mm`);
    expect((await shapes(page)).length).toBe(3);
  });

  test('asks for the words of an arrow, keeps them, and takes them back', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.keyboard.press('ArrowDown');
    await page.getByTestId('image-position').getByText('Image 2 / 5').waitFor();
    await page.keyboard.press('Shift+A');
    const box = await page.getByTestId('image-canvas').boundingBox();
    if (!box) throw new Error('the image is not on the screen');
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + 120, y - 80, { steps: 3 });
    await page.mouse.up();
    const field = page.getByLabel('Words for the arrow');
    await field.waitFor();
    await page.keyboard.type('Nodule, left');
    await screenshot('measuring-arrow-asks');
    await page.keyboard.press('Enter');
    await field.waitFor({ state: 'detached' });
    await expect.poll(async () => (await shapes(page)).map((text) => text.trim()), soon).toEqual(['Nodule, left']);
    // Asked for again, and given up: they stay.
    await page.mouse.dblclick(x + 60, y - 40);
    await field.waitFor();
    expect(await field.inputValue()).toBe('Nodule, left');
    await page.keyboard.type('Something else');
    await page.keyboard.press('Escape');
    await field.waitFor({ state: 'detached' });
    await page.mouse.dblclick(x + 60, y - 40);
    await field.fill('Nodule, right');
    await page.keyboard.press('Enter');
    await expect.poll(async () => (await shapes(page)).map((text) => text.trim()), soon).toEqual(['Nodule, right']);
    await page.keyboard.press('Control+z');
    await expect.poll(async () => (await shapes(page)).map((text) => text.trim()), soon).toEqual(['Nodule, left']);
    await page.keyboard.press('m');
    const panel = page.getByTestId('measurement-panel');
    expect(await panel.getByLabel('Label of the measurement').last().inputValue()).toBe('Nodule, left');
    await screenshot('measuring-arrow');
    await page.keyboard.press('Control+z');
    await expect.poll(async () => (await shapes(page)).map((text) => text.trim()), soon).toEqual(['']);
    await page.keyboard.press('Control+z');
    await expect.poll(async () => (await shapes(page)).length, soon).toBe(0);
    await page.keyboard.press('w');
  });

  test('marks key images, lists them and goes from one to the next', async (context) => {
    const { page, screenshot } = theWindow(context);
    const position = page.getByTestId('image-position');
    await page.keyboard.press('Shift+K');
    await page.getByTestId('key-image').waitFor();
    await page.keyboard.press('End');
    await position.getByText('Image 5 / 5').waitFor();
    await page.getByTestId('key-image').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Key image', exact: true }).click();
    await page.getByTestId('key-image').waitFor();
    const panel = page.getByTestId('measurement-panel');
    await panel.getByText('image 2', { exact: false }).first().waitFor();
    await expect.poll(() => panel.getByText('Key image', { exact: true }).count(), soon).toBe(2);
    await page.getByRole('navigation', { name: 'Series' }).getByText('2 key images').waitFor();
    await screenshot('measuring-key-images');
    await page.keyboard.press('Home');
    await position.getByText('Image 1 / 5').waitFor();
    for (const number of [2, 5, 2]) {
      await page.keyboard.press('Shift+J');
      await position.getByText(`Image ${number} / 5`).waitFor();
    }
    // Caps Lock changes the letter and not the key.
    await page.evaluate(
      `document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'I', bubbles: true, cancelable: true }))`,
    );
    await expect.poll(() => page.getByRole('button', { name: 'Invert' }).getAttribute('aria-pressed')).toBe('true');
    await page.keyboard.press('i');
    await page.keyboard.press('Shift+K');
    await page.getByTestId('key-image').waitFor({ state: 'detached' });
    await page.keyboard.press('Control+z');
    await page.getByTestId('key-image').waitFor();
  });
});
