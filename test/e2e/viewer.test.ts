// The reading room in the real window, over generated CT series of known shape; screenshots in artifacts/screenshots.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { writeCtVolume } from '../../scripts/bench/ct-volume.ts';
import { dicomFile, type ElementSpec } from '../fixtures/dicom-bytes.ts';
import { dicomFile as pixelFile, syntaxes } from '../unit/station/library/pixels/dicom-files.ts';
import { litShare, newFolder, openImagiq, type OpenWindow, setStage, type Stage } from './imagiq-window.ts';

let stage: Stage | string;
let opened: OpenWindow | null = null;
let home: string;
/** A software renderer on a busy machine takes its time. */
const soon = { timeout: 15_000 };

/** A body with one bright block towards the patient's left, front and head. */
function phantom(x: number, y: number, z: number): number {
  if (Math.abs(x - 0.7) < 0.04 && Math.abs(y - 0.35) < 0.04 && Math.abs(z - 0.75) < 0.06) return 1_200;
  return Math.hypot((x - 0.5) / 0.42, (y - 0.5) / 0.32) < 1 ? 0 : -1_000;
}

beforeAll(async () => {
  stage = await setStage();
  if (typeof stage === 'string') return;
  home = newFolder('home');
  const folder = newFolder('volumes');
  writeCtVolume(path.join(folder, 'even'), { side: 128, slices: 60, valueAt: phantom, number: 1 });
  writeCtVolume(path.join(folder, 'uneven'), {
    side: 64,
    slices: 12,
    valueAt: phantom,
    number: 2,
    positionMmOf: (slice) => slice * 2 + (slice > 5 ? 7 : 0),
  });
  writeCtVolume(path.join(folder, 'doubled'), {
    side: 64,
    slices: 6,
    valueAt: phantom,
    number: 5,
    positionMmOf: (slice) => Math.floor(slice / 2) * 3,
  });
  // Two planes of one person, in one frame of reference: 360 mm wide each.
  const across = { side: 64, valueAt: phantom, number: 4 };
  writeCtVolume(path.join(folder, 'across'), { ...across, slices: 10 });
  writeCtVolume(path.join(folder, 'across-sagittal'), {
    ...across,
    slices: 9,
    plane: 'sagittal',
    positionMmOf: (slice) => slice * 20 - 80,
  });
  // A slice whose pixels end early.
  writeCtVolume(path.join(folder, 'damaged'), { side: 64, slices: 1, valueAt: phantom, number: 3 });
  const damaged = path.join(folder, 'damaged', '0.dcm');
  writeFileSync(damaged, readFileSync(damaged).subarray(0, -4_000));
  writeReport(path.join(folder, 'report.dcm'));
  writeRedAsYbr(path.join(folder, 'red.dcm'));
  const cli = path.resolve(import.meta.dirname, '../../src/cli/cli.ts');
  execFileSync(process.execPath, [cli, '--home', home, 'import', folder], { stdio: 'pipe' });
  opened = await openImagiq(stage, home);
}, 180_000);

afterAll(async () => {
  await opened?.close();
  if (typeof stage === 'object') stage.close();
});

function theWindow(context: TestContext): OpenWindow {
  if (typeof stage === 'string') context.skip(stage);
  if (!opened) throw new Error('the window is not open');
  const { screenshot } = opened;
  context.onTestFailed(() => screenshot(`failed: viewer ${context.task.name}`.replaceAll(/\W+/g, '-')));
  return opened;
}

/** A structured report of a study of its own, about an image that is not here. Words of its own file are words, no mark-up. */
function writeReport(file: string): void {
  const name = (meaning: string): ElementSpec => ({ tag: 0x0040a043, value: [[{ tag: 0x00080104, value: meaning }]] });
  const remark = [
    { tag: 0x0040a040, value: 'TEXT' },
    name('Remark'),
    { tag: 0x0040a160, value: '<img src=x onerror=alert(1)> Unchanged.' },
  ];
  const image: ElementSpec[] = [
    { tag: 0x00081199, value: [[{ tag: 0x00081155, value: '1.2.3.9.9.9' }]] },
    { tag: 0x0040a040, value: 'IMAGE' },
  ];
  writeFileSync(
    file,
    dicomFile([
      { tag: 0x00080016, value: '1.2.840.10008.5.1.4.1.1.88.33' },
      { tag: 0x00080018, value: '1.2.3.9.1.1.1' },
      { tag: 0x00080060, value: 'SR' },
      { tag: 0x00100010, value: 'Practice^P0009' },
      { tag: 0x00100020, value: 'PRACTICE-P0009' },
      { tag: 0x0020000d, value: '1.2.3.9.1' },
      { tag: 0x0020000e, value: '1.2.3.9.1.1' },
      { tag: 0x0040a040, value: 'CONTAINER' },
      name('Imaging Report'),
      { tag: 0x0040a493, value: 'UNVERIFIED' },
      { tag: 0x0040a730, value: [remark, image] },
    ]),
  );
}

/** Pure red, as uncompressed YBR_FULL. */
function writeRedAsYbr(file: string): void {
  const elements = [
    [0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.7'],
    [0x00080018, 'UI', '1.2.3.8.1.1'],
    [0x00100010, 'PN', 'Practice^P0008'],
    [0x00100020, 'LO', 'PRACTICE-P0008'],
    [0x0020000d, 'UI', '1.2.3.8'],
    [0x0020000e, 'UI', '1.2.3.8.1'],
  ] as const;
  const [rows, columns] = [16, 16];
  const pixels = Uint8Array.from({ length: rows * columns * 3 }, (_, at) => [76, 85, 255][at % 3]!);
  const image = { syntax: syntaxes.explicitLittle, rows, columns, samples: 3, bitsAllocated: 8, pixels };
  writeFileSync(file, pixelFile({ ...image, photometric: 'YBR_FULL', elements }));
}

async function openPatient({ page }: OpenWindow, id: string): Promise<void> {
  await page.getByRole('searchbox', { name: 'Search studies' }).fill(id);
  await page.getByTestId('study-row').getByText(id).first().waitFor();
  await expect.poll(() => page.getByTestId('study-row').count(), soon).toBe(1);
  await page.getByTestId('study-row').dblclick();
  await page.getByTestId('image-position').waitFor();
}

async function leave({ page }: OpenWindow): Promise<void> {
  await page.getByRole('button', { name: 'Studies' }).first().click();
  await page.getByRole('searchbox', { name: 'Search studies' }).waitFor();
}

/** Where the brightest pixels of a canvas lie: shares of its width and height from the middle, to the right and down. */
const stackCanvas = '[data-testid="image-canvas"]';

function brightPlace({ page }: OpenWindow, canvas: string, above = 250): Promise<{ x: number; y: number; n: number }> {
  return page.evaluate<{ x: number; y: number; n: number }>(`(() => {
    const canvas = document.querySelector(${JSON.stringify(canvas)});
    const { width, height } = canvas;
    const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
    let [x, y, n] = [0, 0, 0];
    for (let at = 0; at < width * height; at += 1)
      if (data[at * 4] > ${above}) { x += at % width; y += Math.floor(at / width); n += 1; }
    return { x: x / n - width / 2, y: y / n - height / 2, n };
  })()`);
}

async function resized({ app, page, screenshot }: OpenWindow, name: string): Promise<void> {
  for (const [width, height] of [
    [2560, 1440],
    [1280, 800],
  ] as const) {
    await app.evaluate(
      ({ BrowserWindow }, size) => BrowserWindow.getAllWindows()[0]?.setContentSize(size.width, size.height),
      { width, height },
    );
    // Without a window manager a window may not grow beyond the display: then the picture is as large as it can be.
    await page.waitForFunction(`window.innerWidth === ${width}`, null, { timeout: 5_000 }).catch(() => {});
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme });
      await screenshot(`${name}-${width}-${colorScheme}`);
    }
  }
}

describe('the viewer', { timeout: 90_000 }, () => {
  test('scrolls by wheel and keys through slices that lie far apart, and each is painted', async (context) => {
    const window = theWindow(context);
    const { page } = window;
    await openPatient(window, 'P0001');
    await expect.poll(() => litShare(page), soon).toBeGreaterThan(0.1);
    const position = page.getByTestId('image-position');
    await position.getByText('Image 30 / 60').waitFor();
    await page.getByTestId('image-canvas').hover();
    await page.mouse.wheel(0, 60);
    await position.getByText('Image 31 / 60').waitFor();
    await page.keyboard.press('End');
    await position.getByText('Image 60 / 60').waitFor();
    await expect.poll(() => litShare(page), soon).toBeGreaterThan(0.1);
    await page.keyboard.press('Home');
    await position.getByText('Image 1 / 60').waitFor();
    await expect.poll(() => litShare(page), soon).toBeGreaterThan(0.1);
  });

  test('windows by preset and by drag, turns, mirrors and inverts', async (context) => {
    const { page } = theWindow(context);
    const words = page.getByTestId('window');
    await page.getByLabel('Window preset').selectOption('Bone');
    await words.getByText('C 400 · W 1800').waitFor();
    const box = await page.getByTestId('image-canvas').boundingBox();
    if (!box) throw new Error('the image is not on the screen');
    await page.mouse.move(box.x + 300, box.y + 300);
    await page.mouse.down();
    await page.mouse.move(box.x + 360, box.y + 320, { steps: 3 });
    await page.mouse.up();
    await expect.poll(() => words.innerText(), soon).not.toBe('C 400 · W 1800');
    expect(await page.getByTestId('edge-right').innerText()).toBe('L');
    await page.keyboard.press('>');
    await expect.poll(() => page.getByTestId('edge-bottom').innerText(), soon).toBe('L');
    await page.keyboard.press('r');
    await page.keyboard.press('x');
    await expect.poll(() => page.getByTestId('edge-right').innerText(), soon).toBe('R');
    await page.keyboard.press('r');
    const { n: bright } = await brightPlace(theWindow(context), stackCanvas, 200);
    await page.keyboard.press('i');
    await expect.poll(async () => (await brightPlace(theWindow(context), stackCanvas, 200)).n, soon).not.toBe(bright);
    await page.keyboard.press('r');
    await page.keyboard.press('c');
    await page.getByText('images/s', { exact: false }).first().waitFor();
    await page.keyboard.press('c');
    await expect.poll(() => page.getByRole('button', { name: 'Cine' }).getAttribute('aria-pressed')).toBe('false');
  });

  test('finds a measured length again when the study is opened anew', async (context) => {
    const window = theWindow(context);
    const { page } = window;
    await page.keyboard.press('Home');
    await page.getByTestId('image-position').getByText('Image 1 / 60').waitFor();
    await page.keyboard.press('l');
    const box = await page.getByTestId('image-canvas').boundingBox();
    if (!box) throw new Error('the image is not on the screen');
    await page.mouse.move(box.x + 300, box.y + 300);
    await page.mouse.down();
    await page.mouse.move(box.x + 420, box.y + 300, { steps: 4 });
    await page.mouse.up();
    const told = await page.getByTestId('measurement').textContent();
    expect(told).toMatch(/mm/);
    await page.keyboard.press('w');
    await page.keyboard.press('Escape');
    await leave(window);
    await openPatient(window, 'P0001');
    await page.keyboard.press('Home');
    await expect.poll(() => page.getByTestId('measurement').textContent(), soon).toBe(told);
  });

  test('shows four viewports, and the header of the image that is shown', async (context) => {
    const window = theWindow(context);
    const { page } = window;
    await page.getByLabel('Layout').selectOption('2 × 2');
    await expect.poll(() => page.getByTestId('viewport').count(), soon).toBe(4);
    await resized(window, 'viewer-four');
    await page.getByLabel('Layout').selectOption('1 × 1');
    await page.keyboard.press('h');
    await page.getByLabel('Filter header').fill('InstanceNumber');
    await page.getByTestId('header-panel').getByText('(0020,0013)').waitFor();
    const before = await page.getByTestId('header-panel').innerText();
    await page.getByTestId('image-canvas').hover();
    await page.mouse.wheel(0, 60);
    await expect.poll(() => page.getByTestId('header-panel').innerText(), soon).not.toBe(before);
    await resized(window, 'viewer-header');
    await page.getByRole('button', { name: 'Close header' }).click();
  });

  test('has every tool in one row at 1280 pixels, in four viewports and while cine plays', async (context) => {
    const window = theWindow(context);
    const { app, page } = window;
    const sized = (width: number, height: number): Promise<void> =>
      app
        .evaluate(({ BrowserWindow }, size) => BrowserWindow.getAllWindows()[0]?.setContentSize(size[0], size[1]), [
          width,
          height,
        ] as const)
        .then(() => expect.poll(() => page.evaluate<number>('window.innerWidth'), soon).toBe(width));
    await sized(1_280, 800);
    await page.getByLabel('Layout').selectOption('2 × 2');
    await page.getByRole('button', { name: 'Cine' }).click();
    await page.getByLabel('Images per second').waitFor();
    /** What reaches over the window or into its neighbour, and in how many rows it all stands. */
    const lies = (): Promise<{ rows: number; out: string[]; over: string[] }> =>
      page.evaluate(`(() => {
        const bar = document.querySelector('[aria-label="Viewer tools"]');
        const things = [...bar.querySelectorAll('button, select, button span')].map((thing) => {
          const { left, right, top } = thing.getBoundingClientRect();
          return { name: thing.getAttribute('aria-label') ?? thing.textContent, tag: thing.tagName, left, right, top };
        }).filter(({ left, right }) => right > left);
        const words = things.filter(({ tag }) => tag === 'SPAN');
        return {
          rows: new Set(things.filter(({ tag }) => tag === 'BUTTON').map(({ top }) => Math.round(top / 20))).size,
          out: things.filter(({ right }) => right > window.innerWidth).map(({ name }) => name),
          over: words.filter(({ left }, at) => at > 0 && left < words[at - 1].right).map(({ name }) => name),
        };
      })()`);
    expect(await lies()).toEqual({ rows: 1, out: [], over: [] });
    await window.screenshot('viewer-four-cine-1280');
    await page.getByRole('button', { name: 'Forth and back' }).click();
    await page.getByRole('button', { name: 'Cine' }).click();
    // The narrowest that the window can be: two rows, and nothing is out of reach.
    await sized(960, 600);
    expect((await lies()).out).toEqual([]);
    await sized(1_280, 800);
    await page.getByLabel('Layout').selectOption('1 × 1');
  });

  test('cuts a volume in three planes, each the right way round and in true proportion', async (context) => {
    const window = theWindow(context);
    const { page } = window;
    await page.getByRole('button', { name: 'MPR' }).click();
    const planes = { axial: 'LRAP', coronal: 'LRHF', sagittal: 'PAHF' };
    for (const [plane, [right, left, top, bottom]] of Object.entries(planes)) {
      const pane = page.getByTestId(`mpr-${plane}`);
      await expect.poll(() => pane.getByTestId('edge-right').innerText(), soon).toBe(right);
      expect(await pane.getByTestId('edge-left').innerText()).toBe(left);
      expect(await pane.getByTestId('edge-top').innerText()).toBe(top);
      expect(await pane.getByTestId('edge-bottom').innerText()).toBe(bottom);
    }
    // All of the depth at once, so that the block is seen in every plane.
    const slab = page.getByLabel('Slab', { exact: true });
    const shows = page.getByLabel('Slab shows');
    expect(await shows.isDisabled()).toBe(true);
    await slab.selectOption({ label: 'Whole volume' });
    // Shares of 360 mm across and deep, and of 120 mm along: from the middle to the block, in mm.
    const block = { left: 0.2 * 360, front: 0.15 * 360, head: 0.25 * 120 };
    const expected = {
      axial: block.left / -block.front,
      coronal: block.left / -block.head,
      sagittal: -block.front / -block.head,
    };
    for (const [plane, ratio] of Object.entries(expected)) {
      const canvas = `[data-testid="mpr-${plane}"] canvas`;
      await expect.poll(async () => (await brightPlace(window, canvas)).n, soon).toBeGreaterThan(20);
      await expect
        .poll(async () => {
          const { x, y } = await brightPlace(window, canvas);
          return x / y;
        }, soon)
        .toBeCloseTo(ratio, 1);
    }
    // The block is the brightest of all: neither the least nor the mean of the depth shows it.
    for (const kind of ['Minimum', 'Mean']) {
      await shows.selectOption({ label: kind });
      await page.getByTestId('mpr-axial').getByText(`${kind} over the volume`).waitFor();
      const canvas = '[data-testid="mpr-axial"] canvas';
      await expect.poll(async () => (await brightPlace(window, canvas)).n, soon).toBe(0);
    }
    await window.screenshot('viewer-mpr-mean');
    await shows.selectOption({ label: 'Maximum' });
    await expect
      .poll(async () => (await brightPlace(window, '[data-testid="mpr-axial"] canvas')).n, soon)
      .toBeGreaterThan(20);
    await slab.selectOption({ label: 'Single slice' });
    await resized(window, 'viewer-mpr');
    const rendered = (): Promise<string | null> => page.getByTestId('mpr-axial').getAttribute('data-center');
    const before = await rendered();
    const box = await page.getByTestId('mpr-coronal').boundingBox();
    if (!box) throw new Error('the coronal plane is not on the screen');
    await page.mouse.click(box.x + box.width / 2 + 20, box.y + box.height / 2 - 20);
    await expect.poll(rendered, soon).not.toBe(before);
    await page.keyboard.press('r');
    await expect.poll(rendered, soon).toBe(before);
    await page.keyboard.press('Escape');
    await page.getByTestId('image-position').waitFor();
  });

  test('says on each plane whose it is and where, and goes through it by keys and tools', async (context) => {
    const window = theWindow(context);
    const { page } = window;
    // The planes begin at the image that is shown.
    await page.keyboard.press('Home');
    for (let step = 1; step < 30; step += 1) await page.keyboard.press('ArrowDown');
    await page.getByTestId('image-position').getByText('30 / 60').waitFor();
    await page.keyboard.press('j');
    const axial = page.getByTestId('mpr-axial');
    // 60 slices 2 mm apart from 0 on; voxels of 360 / 128 mm.
    await axial.getByTestId('plane-number').getByText('Slice 30 / 60').waitFor();
    expect(await axial.getByTestId('plane-position').innerText()).toBe('Position 58.0 mm');
    expect(await axial.getByTestId('cross-value').innerText()).toBe('At the cross 0 HU');
    for (const plane of ['axial', 'coronal', 'sagittal']) {
      expect(await page.getByTestId(`mpr-${plane}`).innerText()).toContain('Practice, P0001');
    }
    await page.keyboard.press('PageDown');
    await page.keyboard.press('ArrowDown');
    await axial.getByTestId('plane-number').getByText('Slice 41 / 60').waitFor();
    expect(await axial.getByTestId('plane-position').innerText()).toBe('Position 80.0 mm');
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowDown');
    await axial.getByTestId('plane-number').getByText('Slice 60 / 60').waitFor();
    const sagittal = page.getByTestId('mpr-sagittal');
    await sagittal.hover();
    await page.mouse.wheel(0, 60);
    await sagittal
      .getByTestId('plane-number')
      .getByText(/Slice 6[35] \/ 128/)
      .waitFor();
    await page.getByLabel('Window preset').selectOption('Bone');
    await axial.getByTestId('plane-window').getByText('C 400 · W 1800').waitFor();
    await page.keyboard.press('w');
    const box = await axial.boundingBox();
    if (!box) throw new Error('the axial plane is not on the screen');
    await page.mouse.move(box.x + 200, box.y + 150);
    await page.mouse.down();
    await page.mouse.move(box.x + 260, box.y + 150, { steps: 3 });
    await page.mouse.up();
    await axial
      .getByTestId('plane-window')
      .getByText(/W (?!1800)/)
      .waitFor();
    await axial.getByTestId('plane-number').getByText('Slice 60 / 60').waitFor();
    const length = page.getByRole('button', { name: 'Length' });
    expect(await length.isDisabled()).toBe(true);
    expect(await length.getAttribute('title')).toMatch(/measured on the images/);
    await page.keyboard.press('r');
    // A panel takes a part of the width: what is seen of the coronal plane shrinks with it.
    const widthOfBody = async (): Promise<number> => {
      const { n } = await brightPlace(window, '[data-testid="mpr-coronal"] canvas', 150);
      return n;
    };
    await expect.poll(widthOfBody, soon).toBeGreaterThan(1_000);
    const before = await widthOfBody();
    await page.keyboard.press('h');
    await page.getByTestId('header-panel').waitFor();
    await expect.poll(widthOfBody, soon).toBeLessThan(before * 0.7);
    await window.screenshot('viewer-mpr-header');
    await page.keyboard.press('h');
    await expect.poll(widthOfBody, soon).toBeCloseTo(before, -2);
    await page.keyboard.press('j');
    await page.getByTestId('image-position').waitFor();
    await leave(window);
  });

  test('says before the click, and on the image, why an uneven series makes no volume', async (context) => {
    const window = theWindow(context);
    const { page } = window;
    await openPatient(window, 'P0002');
    const mpr = page.getByRole('button', { name: 'MPR' });
    await expect.poll(() => mpr.isDisabled(), soon).toBe(true);
    expect(await mpr.getAttribute('title')).toBe('Uneven slice spacing: no MPR');
    expect(await page.getByTestId('geometry-note').allInnerTexts()).toContain('Uneven slice spacing: no MPR');
    await page.keyboard.press('j');
    expect(await page.getByTestId('mpr-axial').count()).toBe(0);
    await leave(window);
  });

  test('says before the click that several slices lie at one position', async (context) => {
    const window = theWindow(context);
    const { page } = window;
    await openPatient(window, 'P0005');
    const mpr = page.getByRole('button', { name: 'MPR' });
    await expect.poll(() => mpr.isDisabled(), soon).toBe(true);
    expect(await mpr.getAttribute('title')).toBe('Several slices at one position: no MPR');
    expect(await page.getByTestId('geometry-note').count()).toBe(0);
    await window.screenshot('viewer-mpr-refused');
    await leave(window);
  });

  test('draws where the image of the active viewport cuts another plane', async (context) => {
    const window = theWindow(context);
    const { page } = window;
    await openPatient(window, 'P0004');
    await page.getByLabel('Layout').selectOption('1 × 2');
    const [axial, sagittal] = [page.getByTestId('viewport').nth(0), page.getByTestId('viewport').nth(1)];
    const place = async (of: typeof axial): Promise<number[]> => {
      const line = of.getByTestId('reference-line');
      return Promise.all(['x1', 'y1', 'x2', 'y2'].map(async (name) => Number(await line.getAttribute(name, soon))));
    };
    await sagittal.getByTestId('reference-line').waitFor({ state: 'attached' });
    expect(await axial.getByTestId('reference-line').count()).toBe(0);
    await page.keyboard.press('Home');
    await axial.getByTestId('image-position').getByText('Image 1 / 10').waitFor();
    const box = await sagittal.getByTestId('image-canvas').boundingBox();
    if (!box) throw new Error('no image');
    const perMm = Math.min(box.width, box.height) / 360;
    // The sagittal image reaches from 100 mm above the origin downwards, half of a pixel more at its edge.
    const top = (box.height - 360 * perMm) / 2;
    const heightOf = (mm: number): number => top + (100 - mm + 360 / 64 / 2) * perMm;
    await expect.poll(async () => (await place(sagittal))[1], soon).toBeCloseTo(heightOf(0), 0);
    const [, y1, , y2] = await place(sagittal);
    expect(y1).toBeCloseTo(y2 ?? 0, 3);
    await page.keyboard.press('End');
    await expect.poll(async () => (await place(sagittal))[1], soon).toBeCloseTo(heightOf(18), 0);
    await window.screenshot('viewer-reference-line');
    await page.keyboard.press('q');
    await axial.getByTestId('reference-line').waitFor({ state: 'attached' });
    const [x1, , x2] = await place(axial);
    expect(x1).toBeCloseTo(x2 ?? 0, 3);
    await page.keyboard.press('d');
    await expect.poll(() => page.getByTestId('reference-line').count(), soon).toBe(0);
    await page.keyboard.press('F1');
    await page.getByRole('dialog', { name: 'Keys and mouse' }).getByText('Reference lines').waitFor();
    await window.screenshot('viewer-keys');
    await page.keyboard.press('Escape');
    await leave(window);
  });

  test('shows a structured report as text, with its header', async (context) => {
    const window = theWindow(context);
    const { page } = window;
    await page.getByRole('searchbox', { name: 'Search studies' }).fill('P0009');
    await page.getByTestId('study-row').getByText('P0009').first().waitFor();
    await expect.poll(() => page.getByTestId('study-row').count(), soon).toBe(1);
    await page.getByTestId('study-row').dblclick();
    const report = page.getByTestId('report');
    await report.getByText('<img src=x onerror=alert(1)> Unchanged.').waitFor();
    expect(await report.locator('img').count()).toBe(0);
    await report.getByRole('heading', { name: 'Imaging Report' }).waitFor();
    await report.getByText('not verified').waitFor();
    await page.getByRole('navigation', { name: 'Series' }).getByText('SR · 1 report').waitFor();
    // Before the click: one that cannot be shown has no button.
    await report.getByText('an image that is not here').waitFor();
    expect(await report.getByText('an image that is not here').getAttribute('title')).toMatch(
      /^1\.2\.3\.9\.9\.9 .*import it/,
    );
    expect(await report.getByRole('button', { name: 'Show image' }).count()).toBe(0);
    await page.keyboard.press('h');
    await page.getByTestId('header-panel').getByText('ContentSequence').waitFor();
    await resized(window, 'viewer-report');
    await page.keyboard.press('0');
    await page.getByTestId('no-heat').getByText('This series has no pixels').waitFor();
    await window.screenshot('viewer-report-heat');
    await page.keyboard.press('0');
    await page.keyboard.press('h');
    await leave(window);
  });

  test('shows the colours of an uncompressed image in YBR as red, green and blue', async (context) => {
    const window = theWindow(context);
    const { page } = window;
    await openPatient(window, 'P0008');
    const middle = (): Promise<number[]> =>
      page.evaluate(`(() => {
        const canvas = document.querySelector('[data-testid="image-canvas"]');
        const [x, y] = [Math.floor(canvas.width / 2), Math.floor(canvas.height / 2)];
        return [...canvas.getContext('2d').getImageData(x, y, 1, 1).data];
      })()`);
    await expect.poll(async () => (await middle())[0], soon).toBeGreaterThan(250);
    const [, green = 255, blue = 255] = await middle();
    expect(Math.max(green, blue)).toBeLessThan(5);
    await page.getByTestId('image-canvas').hover();
    await page
      .getByTestId('probe')
      .getByText(/= 25[45] [01] [01]$/)
      .waitFor();
    await leave(window);
  });

  test('says why a damaged image is not shown', async (context) => {
    const window = theWindow(context);
    const { page } = window;
    await openPatient(window, 'P0003');
    await page.getByRole('alert').first().waitFor();
    expect(await page.getByRole('alert').first().innerText()).toMatch(/pixel|short|end|decod|damaged/i);
    await window.screenshot('viewer-damaged');
  });
});
