// How studies are hung in the real window: synthetic mammograms whose headers tell side, view and directions.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { dicomFile, type ElementSpec, sliceElements } from '../fixtures/dicom-bytes.ts';
import { newFolder, openImagiq, type OpenWindow, setStage, type Stage } from './imagiq-window.ts';

let stage: Stage | string;
let opened: OpenWindow | null = null;
const side = 96;

interface Mammogram {
  readonly number: number;
  readonly laterality: 'R' | 'L';
  readonly view: 'CC' | 'MLO';
  readonly orientation: string;
}

/** As acquired: the breast lies with the chest wall at the left edge, whichever side it is of. */
const mammograms: readonly Mammogram[] = [
  { number: 1, laterality: 'L', view: 'CC', orientation: 'A\\R' },
  { number: 2, laterality: 'R', view: 'CC', orientation: 'A\\L' },
  { number: 3, laterality: 'L', view: 'MLO', orientation: 'A\\F' },
  { number: 4, laterality: 'R', view: 'MLO', orientation: 'A\\F' },
];

function mammogram({ number, laterality, view, orientation }: Mammogram): Buffer {
  const pixels = Uint16Array.from({ length: side * side }, (_, at) => {
    const [x, y] = [at % side, Math.floor(at / side) - side / 2];
    return Math.hypot(x / 1.2, y) < side / 2.4 ? 1_200 + number * 150 : 40;
  });
  const replaced: ElementSpec[] = [
    { tag: 0x00080016, value: '1.2.840.10008.5.1.4.1.1.1.2' },
    { tag: 0x00185101, value: view },
    { tag: 0x00200020, value: orientation },
    { tag: 0x00200062, value: laterality },
    { tag: 0x7fe00010, value: new Uint8Array(pixels.buffer), vr: 'OW' },
  ];
  const plain = sliceElements({
    uid: `1.2.826.0.1.9.${number}`,
    study: '1.2.826.0.1.9',
    series: `1.2.826.0.1.9.1${number}`,
    modality: 'MG',
    description: 'Synthetic mammograms',
    size: side,
  });
  const kept = plain.filter(({ tag }) => replaced.every((one) => one.tag !== tag));
  return dicomFile([...kept, ...replaced].sort((a, b) => a.tag - b.tag));
}

beforeAll(async () => {
  stage = await setStage();
  if (typeof stage === 'string') return;
  const [home, folder] = [newFolder('home'), newFolder('mammograms')];
  mkdirSync(folder, { recursive: true });
  for (const one of mammograms) writeFileSync(path.join(folder, `${one.number}.dcm`), mammogram(one));
  // The same patient two years before, and another patient.
  const slices: readonly (readonly [string, string, string])[] = [
    ['1.2.826.0.1.10', '20240102', 'P7'],
    ['1.2.826.0.1.11', '20211224', 'P7'],
    ['1.2.826.0.1.12', '20221224', 'P8'],
  ];
  for (const [study, studyDate, patientID] of slices) {
    for (let at = 1; at <= 4; at += 1) {
      const spec = { uid: `${study}.${at}`, study, series: `${study}.9`, studyDate, patientID, instanceNumber: at };
      const elements = sliceElements({ ...spec, description: 'Course', positionMm: at * 5, size: 32, fill: 20 + at });
      const all = [...elements, { tag: 0x00200052, value: '1.2.826.0.1.99' }].sort((a, b) => a.tag - b.tag);
      writeFileSync(path.join(folder, `${study}-${at}.dcm`), dicomFile(all));
    }
  }
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
  context.onTestFailed(() => screenshot(`failed: hanging ${context.task.name}`.replaceAll(/\W+/g, '-')));
  return opened;
}

describe('hanging', { timeout: 90_000 }, () => {
  test('puts mammograms in their places, chest walls facing each other', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.getByTestId('study-row').filter({ hasText: 'Synthetic mammograms' }).dblclick();
    const viewports = page.getByTestId('viewport');
    for (const [place, words] of ['R CC', 'L CC', 'R MLO', 'L MLO'].entries())
      await viewports.nth(place).getByText(`MG · ${words}`).waitFor();
    expect(await viewports.count()).toBe(4);
    expect(await page.getByLabel('Layout').inputValue()).toBe('2 × 2');
    for (const [place, isMirrored] of [true, false, true, false].entries()) {
      await viewports.nth(place).locator('canvas').first().waitFor();
      expect(await viewports.nth(place).getByText('Mirrored').count()).toBe(isMirrored ? 1 : 0);
    }
    await page.locator('[data-testid="viewport"][data-painted]').nth(3).waitFor();
    // The last bright column of a right breast lies at the right edge, the first of a left one at the left.
    const edges = (place: number): Promise<number> =>
      page.evaluate(`(() => {
        const canvas = document.querySelectorAll('[data-testid="image-canvas"]')[${place}];
        const { width, height } = canvas;
        const { data } = canvas.getContext('2d').getImageData(0, Math.floor(height / 2), width, 1);
        const lit = [...Array(width).keys()].filter((x) => data[x * 4] > 100);
        return ${place} % 2 === 0 ? width - 1 - lit.at(-1) : lit[0];
      })()`);
    for (const place of [0, 1, 2, 3]) await expect.poll(() => edges(place)).toBeLessThan(4);
    await screenshot('hanging-mammograms');
    // Seen closer together, each from its chest wall.
    await page.keyboard.press('n');
    await page.keyboard.press('+');
    for (const place of [0, 1, 2, 3]) {
      await expect.poll(() => edges(place)).toBeLessThan(4);
      expect(await viewports.nth(place).getByText('Mirrored').count()).toBe(place % 2 === 0 ? 1 : 0);
    }
    await screenshot('hanging-mammograms-closer');
    await page.keyboard.press('n');
    // It is a beginning: the reader goes on as ever.
    await page.keyboard.press('v');
    await page.getByLabel('Layout').selectOption('1 × 1');
    await viewports.nth(1).waitFor({ state: 'detached' });
    await page.keyboard.press('Escape');
  });

  test('puts the study before beside this one, marked as such, and away again', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.getByTestId('study-row').filter({ hasText: '2024-01-02' }).filter({ hasText: 'Course' }).dblclick();
    const viewports = page.getByTestId('viewport');
    await page.getByRole('toolbar').getByRole('button', { name: 'Prior study' }).waitFor();
    await page.keyboard.press('Shift+V');
    await viewports.nth(1).getByTestId('prior').getByText('Prior, 2 years before').waitFor();
    await viewports.nth(1).getByText('2021-12-24').waitFor();
    await page.locator('[data-testid="viewport"][data-painted]').nth(1).waitFor();
    expect(await viewports.first().getByTestId('prior').count()).toBe(0);
    expect(await viewports.first().getByTestId('study-moment').innerText()).toBe('2024-01-02');
    await screenshot('hanging-prior');
    // Both were written in one frame of reference: the two follow by number all the same.
    await page.keyboard.press('ArrowDown');
    await viewports.nth(1).getByText('Follows by image number: positions do not compare').waitFor();
    await page.keyboard.press('ArrowUp');
    // What is measured in the prior is the prior's, and is told with its series.
    await page.keyboard.press('q');
    await page.keyboard.press('Shift+K');
    await viewports.nth(1).getByTestId('key-image').waitFor();
    await page.keyboard.press('m');
    await page.getByTestId('measurement-panel').getByText('image 2').waitFor();
    await page.keyboard.press('m');
    // A series of this study that is chosen while the prior is active is shown as this study's.
    await page.getByRole('navigation', { name: 'Series' }).getByRole('button').first().click();
    await page.getByTestId('prior').waitFor({ state: 'detached' });
    await page.keyboard.press('Shift+V');
    await page.getByTestId('prior').waitFor();
    await page.getByRole('toolbar').getByRole('button', { name: 'Prior study' }).click();
    await viewports.nth(1).waitFor({ state: 'detached' });
    await page.keyboard.press('Escape');
    await page.getByTestId('study-row').filter({ hasText: '2021-12-24' }).dblclick();
    await page.locator('[data-testid="viewport"][data-painted]').waitFor();
    await page.getByTestId('key-image').waitFor();
    expect(await page.getByRole('toolbar').getByRole('button', { name: 'Prior study' }).count()).toBe(0);
  });
});
