// The reading room in a real window, with real segmentations over the CT that they were drawn on.
import { existsSync, mkdirSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { structureSetFile } from '../fixtures/structure-set.ts';
import {
  answerDialogs,
  newFolder,
  openImagiq,
  type OpenWindow,
  setStage,
  type Stage,
  startImport,
} from './imagiq-window.ts';

const segmentations = path.resolve(import.meta.dirname, '../../../shared/data/dicom/dcmqi/data/segmentations');
let stage: Stage | string = 'not begun';
let opened: OpenWindow | null = null;

beforeAll(async () => {
  if (!existsSync(segmentations)) {
    stage = 'the public files are not here';
    return;
  }
  stage = await setStage();
  if (typeof stage === 'string') return;
  opened = await openImagiq(stage);
}, 120_000);

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

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly pixels: number;
}

/** What is painted of a colour, in CSS pixels of the viewport. Code for the page is text: it is not checked with a browser's types. */
function paintedBox(page: Page, [red, green, blue]: readonly [number, number, number]): Promise<Box> {
  return page.evaluate<Box>(`(() => {
    const canvas = document.querySelector('[data-testid="region-layer"]');
    const { data, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const box = { left: Infinity, top: Infinity, right: -1, bottom: -1, pixels: 0 };
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] < 40) continue;
      if (Math.abs(data[at] - ${red}) + Math.abs(data[at + 1] - ${green}) + Math.abs(data[at + 2] - ${blue}) > 24) continue;
      const [x, y] = [(at / 4) % width, Math.floor(at / 4 / width)];
      box.left = Math.min(box.left, x); box.right = Math.max(box.right, x + 1);
      box.top = Math.min(box.top, y); box.bottom = Math.max(box.bottom, y + 1);
      box.pixels += 1;
    }
    const density = devicePixelRatio;
    for (const side of ['left', 'top', 'right', 'bottom']) box[side] /= density;
    return box;
  })()`);
}

/** A square of 60 by 40 mm whose first corner is the centre of the pixel in row 99, column 199 of the middle slice. */
const corner = [-235.199997 + 199 * 0.810547, -226.800003 + 99 * 0.810547, -127.690002] as const;
const square = {
  number: 4,
  name: 'Square',
  color: [255, 0, 255],
  contours: [
    {
      sopInstanceUID: '1.2.392.200103.20080913.113635.2.2009.6.22.21.43.10.23432.1',
      points: [along(0, 0), along(60, 0), along(60, 40), along(0, 40)],
    },
  ],
} as const;

const empty = { number: 5, name: 'Empty', color: [0, 200, 0], contours: [] } as const;
/** 30 mm above the slice that the square is on: beyond the three. */
const beyond = {
  number: 6,
  name: 'Beyond',
  color: [0, 0, 200],
  contours: [{ sopInstanceUID: '', points: square.contours[0].points.map(([x, y, z]) => [x, y, z + 30] as const) }],
} as const;

function along(x: number, y: number): [number, number, number] {
  return [Number((corner[0] + x).toFixed(4)), Number((corner[1] + y).toFixed(4)), corner[2]];
}

/** Where a part of the 512 by 512 image lies in a viewport that shows the whole of it. */
function onScreen(
  part: Omit<Box, 'pixels'>,
  { width, height }: { width: number; height: number },
): Omit<Box, 'pixels'> {
  const scale = Math.min(width, height) / 512;
  const [x, y] = [(width - 512 * scale) / 2, (height - 512 * scale) / 2];
  return {
    left: x + part.left * scale,
    top: y + part.top * scale,
    right: x + part.right * scale,
    bottom: y + part.bottom * scale,
  };
}

/** Within the line's width and the pixels of the screen that are only half covered. */
function expectBox(found: Box, wanted: Omit<Box, 'pixels'>): void {
  for (const side of ['left', 'top', 'right', 'bottom'] as const) {
    expect(Math.abs(found[side] - wanted[side]), `${side}: ${found[side]} for ${wanted[side]}`).toBeLessThan(2);
  }
}

describe('the reading room', { timeout: 120_000 }, () => {
  test('draws segmentations and structure sets over their CT', async (context) => {
    const { app, page, screenshot } = theWindow(context);
    const folder = newFolder('ct');
    mkdirSync(folder, { recursive: true });
    for (const name of [
      'ct-3slice/01.dcm',
      'ct-3slice/02.dcm',
      'ct-3slice/03.dcm',
      'liver.dcm',
      'partial_overlaps.dcm',
    ]) {
      copyFileSync(path.join(segmentations, name), path.join(folder, path.basename(name)));
    }
    writeFileSync(
      path.join(folder, 'structures.dcm'),
      structureSetFile({ name: 'JANCT000', id: '99000' }, [square, empty, beyond]),
    );
    await answerDialogs(app, [folder]);
    await page.getByRole('button', { name: 'Import a folder' }).first().click();
    await startImport(page);
    await page.getByTestId('import-report').waitFor();
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByTestId('study-row').first().dblclick();
    await page
      .getByRole('navigation', { name: 'Series' })
      .getByRole('button', { name: /CT · 3 images/ })
      .click();
    await page.getByTestId('image-canvas').waitFor();
    // As dcmdump reads the file.
    await page.getByText('2003-04-17 10:46:07', { exact: true }).waitFor();
    await page.getByText('Acquired 10:50:28', { exact: true }).waitFor();
    await page.keyboard.press('t');
    await page.getByTestId('acquired').waitFor({ state: 'detached' });
    await page.keyboard.press('t');
    await page.keyboard.press('s');
    const panel = page.getByTestId('region-panel');
    await panel.getByText('Liver', { exact: true }).waitFor();
    const layer = page.getByTestId('region-layer');
    await expect.poll(() => layer.getAttribute('data-regions')).toBe('5');
    await panel.getByText('Not drawn: it has no contours.').waitFor();
    await panel.getByText('Not drawn: no image of this series lies in the plane that it is drawn in.').waitFor();
    expect(await panel.getByRole('checkbox', { name: 'Empty', exact: true }).isDisabled()).toBe(true);
    await screenshot('reading-regions');
    const swatch = (name: string): Promise<[number, number, number]> =>
      page.evaluate<[number, number, number]>(`(() => {
        const found = [...document.querySelectorAll('[data-testid="region-panel"] li')].find((li) => li.innerText.trim() === '${name}');
        return getComputedStyle(found.querySelector('.swatch')).backgroundColor.match(/[0-9]+/g).slice(0, 3).map(Number);
      })()`);
    const size = await page.evaluate<{ width: number; height: number }>(`(() => {
      const layer = document.querySelector('[data-testid="region-layer"]');
      return { width: layer.clientWidth, height: layer.clientHeight };
    })()`);
    for (const name of ['GREEN', 'ORANGE', 'PURPLE', 'LIGHT_BLUE', 'DARK_BLUE', 'Square']) {
      await panel.getByRole('checkbox', { name, exact: true }).uncheck();
    }
    await expect.poll(() => layer.getAttribute('data-regions')).toBe('1');
    const liver = await paintedBox(page, await swatch('Liver'));
    // NumPy over the file's bits, the second of three frames: rows 146 to 365, columns 80 to 349.
    expectBox(liver, onScreen({ left: 80, top: 146, right: 350, bottom: 366 }, size));
    await page.keyboard.press('x');
    await expect.poll(async () => (await paintedBox(page, await swatch('Liver'))).left).not.toBeCloseTo(liver.left, 0);
    expectBox(
      await paintedBox(page, await swatch('Liver')),
      onScreen({ left: 512 - 350, top: 146, right: 512 - 80, bottom: 366 }, size),
    );
    await page.keyboard.press('x');
    await page.keyboard.press('>');
    await expect.poll(async () => (await paintedBox(page, await swatch('Liver'))).top).not.toBeCloseTo(liver.top, 0);
    // A quarter turn clockwise: what was on the left is above, what was above is on the right.
    expectBox(
      await paintedBox(page, await swatch('Liver')),
      onScreen({ left: 512 - 366, top: 80, right: 512 - 146, bottom: 350 }, size),
    );
    await page.keyboard.press('r');
    await panel.getByRole('checkbox', { name: 'Fill' }).uncheck();
    const filled = liver.pixels;
    await expect.poll(async () => (await paintedBox(page, await swatch('Liver'))).pixels).toBeLessThan(filled / 5);
    await screenshot('reading-outlines');
    await panel.getByRole('checkbox', { name: 'Fill' }).check();
    await panel.getByRole('checkbox', { name: 'Liver', exact: true }).uncheck();
    await panel.getByRole('checkbox', { name: 'Square', exact: true }).check();
    await expect.poll(() => layer.getAttribute('data-regions')).toBe('1');
    const at = (pixel: number): number => pixel + 0.5;
    expectBox(
      await paintedBox(page, [255, 0, 255]),
      onScreen({ left: at(199), top: at(99), right: at(199) + 60 / 0.810547, bottom: at(99) + 40 / 0.810547 }, size),
    );
    // The square is on the second image alone: from the first, its name leads there.
    await page.keyboard.press('Home');
    await expect.poll(() => layer.getAttribute('data-regions')).toBe('0');
    const goTo = panel.getByRole('button', { name: 'Go to the nearest image with Square' });
    await goTo.waitFor();
    await screenshot('reading-region-elsewhere');
    await goTo.click();
    await expect.poll(() => layer.getAttribute('data-regions')).toBe('1');
    await goTo.waitFor({ state: 'detached' });
  });

  test('saves and copies a picture of the image, without the words that name the patient unless asked', async (context) => {
    const { app, page, screenshot } = theWindow(context);
    /** Pixels brighter than a half where the words about the patient stand. */
    const wordsIn = (png: Buffer): Promise<{ words: number; width: number; height: number }> =>
      app.evaluate(({ nativeImage }, data) => {
        const image = nativeImage.createFromBuffer(Buffer.from(data, 'base64'));
        const { width, height } = image.getSize();
        const bitmap = image.toBitmap();
        let words = 0;
        for (let y = 0; y < 60; y += 1)
          for (let x = 0; x < 150; x += 1) if ((bitmap[(y * width + x) * 4] ?? 0) > 128) words += 1;
        return { words, width, height };
      }, png.toString('base64'));
    const box = await page.getByTestId('image-canvas').boundingBox();
    if (!box) throw new Error('no image');
    const folder = newFolder('pictures');
    mkdirSync(folder, { recursive: true });
    const saved = async (name: string, hasWords: boolean): Promise<Buffer> => {
      const file = path.join(folder, name);
      await app.evaluate(({ dialog }, chosen) => {
        dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath: chosen });
      }, file);
      await page.getByRole('button', { name: 'Picture', exact: true }).click();
      const box = page.getByRole('checkbox', { name: 'With the words in the corners' });
      expect(await box.isChecked()).toBe(false);
      if (hasWords) {
        await box.check();
        await screenshot('reading-picture');
      }
      await page.getByRole('button', { name: 'Save PNG…' }).click();
      await expect.poll(() => existsSync(file)).toBe(true);
      return readFileSync(file);
    };
    const bare = await wordsIn(await saved('bare.png', false));
    expect(bare).toEqual({ words: 0, width: Math.round(box.width), height: Math.round(box.height) - 2 });
    expect((await wordsIn(await saved('words.png', true))).words).toBeGreaterThan(100);
    await app.evaluate(({ clipboard }) => clipboard.clear());
    await page.keyboard.press('Control+c');
    // The one or the other way, as Electron's version has it.
    const copied = (): Promise<string> =>
      app.evaluate(async ({ clipboard }) => {
        const older = clipboard as unknown as { readImage?: () => Electron.NativeImage };
        if (older.readImage) return older.readImage().toPNG().toString('base64');
        const [item] = await clipboard.read();
        const png = await item?.getType('image/png');
        return png === undefined ? '' : Buffer.from(await png.arrayBuffer()).toString('base64');
      });
    await expect.poll(async () => (await copied()).length).toBeGreaterThan(1_000);
    expect(await wordsIn(Buffer.from(await copied(), 'base64'))).toEqual(bare);
    // What cannot be written is told.
    await app.evaluate(({ dialog }) => {
      dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath: '/no/such/folder/picture.png' });
    });
    await app.evaluate(({ Menu }) => {
      const items = Menu.getApplicationMenu()?.items.flatMap(({ submenu }) => submenu?.items ?? []);
      items?.find(({ label }) => label === 'Save picture…')?.click();
    });
    await page.getByRole('button', { name: 'Save PNG…' }).click();
    await page.getByTestId('toast').getByText('The picture could not be written: it does not exist').waitFor();
  });

  test('takes back a measurement, its deletion and its making', async (context) => {
    const { app, page, screenshot } = theWindow(context);
    await page.keyboard.press('m');
    await page.keyboard.press('l');
    const box = await page.getByTestId('image-canvas').boundingBox();
    if (!box) throw new Error('no image');
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + 100, y, { steps: 4 });
    await page.mouse.up();
    const rows = page.getByTestId('measurement-panel').locator('li:not(.empty)');
    await expect.poll(() => rows.count()).toBe(1);
    const first = await rows.first().innerText();
    // In the words of the image.
    const drawn = await page.getByTestId('measurement').locator('text').first().textContent();
    expect(drawn?.trim()).toMatch(/mm$/);
    expect(first).toContain(drawn?.trim());
    await page.mouse.move(x + 100, y);
    await page.mouse.down();
    await page.mouse.move(x + 160, y, { steps: 4 });
    await page.mouse.up();
    await expect.poll(() => rows.first().innerText()).not.toBe(first);
    await page.keyboard.press('Control+z');
    await expect.poll(() => rows.first().innerText()).toBe(first);
    const table = path.join(newFolder('table'), 'measurements.csv');
    mkdirSync(path.dirname(table), { recursive: true });
    await app.evaluate(({ dialog }, chosen) => {
      dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath: chosen });
    }, table);
    await page.getByRole('button', { name: 'Export CSV…' }).click();
    await page.getByText('1 saved').waitFor();
    expect(readFileSync(table, 'utf8')).toMatch(/^PatientID,.*,StudyInstanceUID,.*\r\n.*,length,.*\r\n$/);
    await screenshot('reading-measurement');
    await page.mouse.click(x + 50, y);
    // At once: before the station has answered to the deletion.
    await page.evaluate(`for (const init of [{ key: 'Delete' }, { key: 'z', ctrlKey: true }])
      document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { ...init, bubbles: true, cancelable: true }))`);
    await expect.poll(() => rows.count()).toBe(1);
    await page.mouse.click(x + 50, y);
    await page.keyboard.press('Delete');
    await expect.poll(() => rows.count()).toBe(0);
    await page.keyboard.press('Control+z');
    await expect.poll(() => rows.count()).toBe(1);
    await page.keyboard.press('Control+z');
    await expect.poll(() => rows.count()).toBe(0);
    await page.mouse.move(x, y - 60);
    await page.mouse.down();
    await page.mouse.move(x + 50, y - 60, { steps: 2 });
    await page.keyboard.press('Escape');
    await page.mouse.up();
    expect(await page.getByTestId('measurement').count()).toBe(0);
  });

  test('tells the unit and the image of what was measured also while another series is shown', async (context) => {
    const { page, screenshot } = theWindow(context);
    const strip = page.getByRole('navigation', { name: 'Series' });
    await page.keyboard.press('e');
    const box = await page.getByTestId('image-canvas').boundingBox();
    if (!box) throw new Error('no image');
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + 60, y + 40, { steps: 3 });
    await page.mouse.up();
    await page.keyboard.press('o');
    await page.mouse.click(x + 90, y + 24);
    // The words of the probe lie below those of the ellipse, not on them.
    const words = page.getByTestId('measurement').locator('text');
    await expect.poll(() => words.count()).toBe(2);
    const [ellipse, probe] = await Promise.all([words.nth(0).boundingBox(), words.nth(1).boundingBox()]);
    expect(probe?.y).toBeGreaterThan((ellipse?.y ?? 0) + (ellipse?.height ?? 0) - 3);
    await strip.getByRole('button', { name: /Structures/ }).click();
    await page.getByTestId('viewport').getByRole('status').getByText('This series is a structure set').waitFor();
    const row = page.getByTestId('measurement-panel').locator('li').filter({ hasText: 'Ellipse' });
    await expect.poll(() => row.innerText()).toMatch(/Mean -?[\d.]+ HU/);
    expect(await row.innerText()).toContain('image 2');
    expect(await page.getByRole('button', { name: 'Length' }).isDisabled()).toBe(true);
    await screenshot('reading-list-of-other-series');
    await row.getByRole('button', { name: 'Ellipse' }).click();
    await page.getByTestId('image-canvas').waitFor();
    await expect.poll(() => words.count()).toBe(2);
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+z');
    await page.keyboard.press('w');
  });

  test('opens a series that is dragged into a viewport', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.getByLabel('Layout').selectOption('1 × 2');
    const series = page.getByRole('navigation', { name: 'Series' }).getByRole('button', { name: /Liver/ });
    await series.dragTo(page.getByTestId('viewport').nth(1));
    await expect.poll(() => series.getAttribute('aria-current')).toBe('true');
    await page.getByTestId('viewport').nth(1).getByText('Liver Segmentation').waitFor();
    await screenshot('reading-dragged');
  });
});
