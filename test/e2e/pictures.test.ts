// Pictures of the image as it is shown: while the window draws slowly, and on a screen whose pixels are smaller than the page's.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { writeCtVolume } from '../../scripts/bench/ct-volume.ts';
import { newFolder, openImagiq, type OpenWindow, setStage, type Stage } from './imagiq-window.ts';

let stage: Stage | string;
let home = '';

beforeAll(async () => {
  stage = await setStage();
  if (typeof stage === 'string') return;
  home = newFolder('home');
  const folder = newFolder('volume');
  writeCtVolume(folder, {
    side: 64,
    slices: 3,
    valueAt: (x, y) => (Math.hypot(x - 0.5, y - 0.5) < 0.2 ? 40 : -1_000),
    number: 1,
  });
  const cli = path.resolve(import.meta.dirname, '../../src/cli/cli.ts');
  execFileSync(process.execPath, [cli, '--home', home, 'import', folder], { stdio: 'pipe' });
}, 120_000);

afterAll(() => {
  if (typeof stage === 'object') stage.close();
});

/** The viewer, on a screen of so many pixels to a CSS pixel. */
async function viewerAt(context: TestContext, density: number): Promise<OpenWindow> {
  if (typeof stage === 'string') context.skip(stage);
  const opened = await openImagiq(stage, home, { words: [`--force-device-scale-factor=${density}`] });
  context.onTestFinished(opened.close);
  context.onTestFailed(() => opened.screenshot(`failed: ${context.task.name}`.replaceAll(/\W+/g, '-')));
  await opened.page.getByTestId('study-row').dblclick();
  await opened.page.locator('[data-testid="viewport"][data-painted]').waitFor();
  return opened;
}

interface Look {
  readonly width: number;
  readonly height: number;
  /** Pixels brighter than a half where the words about the patient stand. */
  readonly words: number;
  /** Pixels of the mark's colours. */
  readonly marked: number;
}

function look({ app }: OpenWindow, png: Buffer): Promise<Look> {
  return app.evaluate(({ nativeImage }, data) => {
    const image = nativeImage.createFromBuffer(Buffer.from(data, 'base64'));
    const { width, height } = image.getSize();
    const bitmap = image.toBitmap();
    let [words, marked] = [0, 0];
    for (let at = 0; at < width * height; at += 1) {
      const [blue = 0, green = 0, red = 0] = bitmap.subarray(at * 4, at * 4 + 3);
      if (at % width < 150 && at / width < 60 && green > 128) words += 1;
      if (blue > 120 && Math.abs(red - green) > 100) marked += 1;
    }
    return { width, height, words, marked };
  }, png.toString('base64'));
}

async function copied({ app }: OpenWindow): Promise<Buffer> {
  const text = await app.evaluate(async ({ clipboard }) => {
    // The one or the other way, as Electron's version has it.
    const older = clipboard as unknown as { readImage?: () => Electron.NativeImage };
    if (older.readImage) return older.readImage().toPNG().toString('base64');
    const [item] = await clipboard.read();
    const png = await item?.getType('image/png');
    return png === undefined ? '' : Buffer.from(await png.arrayBuffer()).toString('base64');
  });
  return Buffer.from(text, 'base64');
}

async function savedTo({ app }: OpenWindow, name: string): Promise<string> {
  const file = path.join(newFolder('pictures'), name);
  await app.evaluate(({ dialog }, chosen) => {
    dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath: chosen });
  }, file);
  return file;
}

describe('pictures', { timeout: 120_000 }, () => {
  test('one that is asked for with words does not put them into the one before, while the window draws slowly', async (context) => {
    const opened = await viewerAt(context, 1);
    const { app, page } = opened;
    // Looks at the window take until both pictures are asked for.
    await app.evaluate(({ BrowserWindow }) => {
      const [window] = BrowserWindow.getAllWindows();
      if (!window) throw new Error('no window');
      const { webContents } = window;
      const capture = webContents.capturePage.bind(webContents);
      let letGo = (): void => {};
      const held = new Promise<void>((resolve) => (letGo = resolve));
      const slow = Object.assign(globalThis, { looks: 0, letGo });
      webContents.capturePage = async (rect) => {
        slow.looks += 1;
        await held;
        return capture(rect);
      };
    });
    const file = await savedTo(opened, 'words.png');
    await page.keyboard.press('Control+c');
    await expect.poll(() => app.evaluate(() => (globalThis as unknown as { looks: number }).looks)).toBeGreaterThan(0);
    await page.getByRole('button', { name: 'Picture', exact: true }).click();
    await page.getByRole('checkbox', { name: 'With the words in the corners' }).check();
    await page.getByRole('button', { name: 'Save PNG…' }).click();
    await page.getByRole('button', { name: 'Save PNG…' }).waitFor({ state: 'detached' });
    await app.evaluate(() => (globalThis as unknown as { letGo(): void }).letGo());
    await page.getByText('Picture copied, without the words in the corners.').waitFor();
    expect(await look(opened, await copied(opened))).toMatchObject({ words: 0, marked: 0 });
    await expect.poll(() => existsSync(file)).toBe(true);
    const saved = await look(opened, readFileSync(file));
    expect(saved.words).toBeGreaterThan(100);
    expect(saved.marked).toBe(0);
  });

  test.for([1.25, 1.5])('of a viewport in the lower row, on a screen of %f pixels to one', async (density, context) => {
    const opened = await viewerAt(context, density);
    const { page, screenshot } = opened;
    await page.locator('select.layout').selectOption('2 × 2');
    const lower = page.getByTestId('viewport').nth(2).getByRole('application');
    await page.getByRole('navigation', { name: 'Series' }).getByRole('button').first().waitFor();
    await lower.click();
    await page.getByRole('navigation', { name: 'Series' }).getByRole('button').first().click();
    await page.getByTestId('viewport').nth(2).getByTestId('image-canvas').waitFor();
    await screenshot(`pictures-at-${density}`);
    const box = await lower.boundingBox();
    if (!box) throw new Error('no viewport');
    await page.keyboard.press('Control+c');
    await page.getByText('Picture copied, without the words in the corners.').waitFor();
    const { width, height, ...seen } = await look(opened, await copied(opened));
    expect(seen).toEqual({ words: 0, marked: 0 });
    expect(Math.abs(width - box.width * density)).toBeLessThan(2);
    expect(Math.abs(height - (box.height - 2) * density)).toBeLessThan(3);
  });
});
