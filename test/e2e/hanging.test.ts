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
    await page.getByTestId('study-row').dblclick();
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
    await screenshot('hanging-mammograms');
    // It is a beginning: the reader goes on as ever.
    await page.keyboard.press('v');
    await page.getByLabel('Layout').selectOption('1 × 1');
    await viewports.nth(1).waitFor({ state: 'detached' });
    await page.keyboard.press('Escape');
  });
});
