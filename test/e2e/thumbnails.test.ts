// Thumbnails in the real window: of series whose middle image is damaged, and of pixels that are not square.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { writeCtVolume } from '../../scripts/bench/ct-volume.ts';
import { dicomFile, type ElementSpec, sliceElements } from '../fixtures/dicom-bytes.ts';
import { newFolder, openedWindow, openImagiq, type OpenWindow, setStage, type Stage } from './imagiq-window.ts';

let stage: Stage | string;
let opened: OpenWindow | null = null;
const soon = { timeout: 15_000 };

/** Bright all over, and three times as high as wide. */
function tall(): Buffer {
  const own: ElementSpec[] = [
    { tag: 0x00280034, value: '3\\1' },
    // Of another length than one.
    { tag: 0x00200037, value: '2\\0\\0\\0\\1\\0' },
    { tag: 0x7fe00010, value: new Uint8Array(Uint16Array.from({ length: 64 * 64 }, () => 1_000).buffer), vr: 'OW' },
  ];
  const spec = { uid: '1.2.826.0.1.31.1', study: '1.2.826.0.1.31', series: '1.2.826.0.1.31.9', size: 64 };
  const others = sliceElements({ ...spec, patientID: 'TALL', description: 'Tall pixels' });
  const kept = others.filter(({ tag }) => tag !== 0x00280030 && own.every((one) => one.tag !== tag));
  return dicomFile([...kept, ...own].sort((a, b) => a.tag - b.tag));
}

beforeAll(async () => {
  stage = await setStage();
  if (typeof stage === 'string') return;
  const [home, folder] = [newFolder('home'), newFolder('series')];
  writeCtVolume(path.join(folder, 'damaged'), { side: 64, slices: 5, valueAt: () => 500, number: 1 });
  for (const slice of [2, 3]) {
    const file = path.join(folder, 'damaged', `${slice}.dcm`);
    writeFileSync(file, readFileSync(file).subarray(0, -4_000));
  }
  writeFileSync(path.join(folder, 'tall.dcm'), tall());
  const cli = path.resolve(import.meta.dirname, '../../src/cli/cli.ts');
  execFileSync(process.execPath, [cli, '--home', home, 'import', folder], { stdio: 'pipe' });
  opened = await openImagiq(stage, home);
}, 180_000);

afterAll(async () => {
  await opened?.close();
  if (typeof stage === 'object') stage.close();
});

const theWindow = (context: TestContext): OpenWindow => openedWindow(context, { stage, opened, name: 'thumbnails' });

/** Width and height of what is bright on a canvas, in its pixels. */
function brightSize({ page }: OpenWindow, canvas: string): Promise<[number, number]> {
  return page.evaluate<[number, number]>(`(() => {
    const canvas = document.querySelector(${JSON.stringify(canvas)});
    const { width, height } = canvas;
    const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
    const xs = new Set(); const ys = new Set();
    for (let at = 0; at < width * height; at += 1)
      if (data[at * 4] > 60) { xs.add(at % width); ys.add(Math.floor(at / width)); }
    return [xs.size, ys.size];
  })()`);
}

const thumbnail = 'nav[aria-label="Series"] canvas';

async function openPatient({ page }: OpenWindow, id: string): Promise<void> {
  await page.getByRole('searchbox', { name: 'Search studies' }).fill(id);
  await expect.poll(() => page.getByTestId('study-row').count(), soon).toBe(1);
  await page.getByTestId('study-row').getByText(id).first().waitFor();
  await page.getByTestId('study-row').dblclick();
  await page.getByTestId('image-position').waitFor();
}

describe('thumbnails', { timeout: 90_000 }, () => {
  test('show a neighbour where the image in the middle is damaged', async (context) => {
    const window = theWindow(context);
    await openPatient(window, 'P0001');
    await window.page.getByRole('alert').getByText('breaks off').waitFor();
    await expect.poll(async () => (await brightSize(window, thumbnail))[0], soon).toBeGreaterThan(100);
    await window.screenshot('thumbnail-of-a-neighbour');
    await window.page.keyboard.press('Escape');
  });

  test('and images have the shape that their pixels have', async (context) => {
    const window = theWindow(context);
    await openPatient(window, 'TALL');
    await window.page.locator('[data-testid="viewport"][data-painted]').waitFor();
    for (const canvas of [thumbnail, '[data-testid="image-canvas"]']) {
      await expect
        .poll(async () => {
          const [width, height] = await brightSize(window, canvas);
          return height / width;
        }, soon)
        .toBeCloseTo(3, 0);
    }
    // Wrong directions are told apart from none.
    await window.page.getByTestId('geometry-note').getByText('Orientation in the file is invalid').waitFor();
    await window.screenshot('thumbnail-of-tall-pixels');
    await window.page.keyboard.press('Escape');
  });
});
