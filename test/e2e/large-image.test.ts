// A radiograph of many more pixels than the window: painted from copies, measured on itself.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { dicomFile, syntaxes } from '../unit/station/library/pixels/dicom-files.ts';
import {
  litShare,
  newFolder,
  openedWindow,
  openImagiq,
  type OpenWindow,
  setStage,
  type Stage,
} from './imagiq-window.ts';

let stage: Stage | string;
let opened: OpenWindow | null = null;
const soon = { timeout: 30_000 };
const [rows, columns] = [5_000, 4_000];

/** Dark with a bright middle of 400 pixels, in which every other pixel is brighter by 200: a mean tells none of them. */
function valueAt(row: number, column: number): number {
  if (Math.abs(row - rows / 2) >= 200 || Math.abs(column - columns / 2) >= 200) return 100;
  return 2_000 + 200 * ((row + column) % 2);
}

beforeAll(async () => {
  stage = await setStage();
  if (typeof stage === 'string') return;
  const [home, folder] = [newFolder('home'), newFolder('radiograph')];
  const values = new Uint16Array(rows * columns);
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1) values[row * columns + column] = valueAt(row, column);
  const elements = [
    [0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.1.1'],
    [0x00080018, 'UI', '1.2.3.71.1.1'],
    [0x00080060, 'CS', 'DX'],
    [0x00100010, 'PN', 'Practice^Large'],
    [0x00100020, 'LO', 'LARGE'],
    [0x0020000d, 'UI', '1.2.3.71'],
    [0x0020000e, 'UI', '1.2.3.71.1'],
  ] as const;
  const pixels = new Uint8Array(values.buffer);
  const image = { syntax: syntaxes.explicitLittle, rows, columns, bitsAllocated: 16, bitsStored: 12, pixels };
  writeFileSync(path.join(folder, 'large.dcm'), dicomFile({ ...image, elements }));
  const cli = path.resolve(import.meta.dirname, '../../src/cli/cli.ts');
  execFileSync(process.execPath, [cli, '--home', home, 'import', folder], { stdio: 'pipe' });
  opened = await openImagiq(stage, home);
}, 180_000);

afterAll(async () => {
  await opened?.close();
  if (typeof stage === 'object') stage.close();
});

const theWindow = (context: TestContext): OpenWindow => openedWindow(context, { stage, opened, name: 'large' });

describe('a large image', { timeout: 90_000 }, () => {
  test('is painted whole and in part, and its values are those of the file', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.getByTestId('study-row').dblclick();
    await page.locator('[data-testid="viewport"][data-painted]').waitFor(soon);
    await expect.poll(() => litShare(page), soon).toBeGreaterThan(0.002);
    // Nothing is measured before all pixels are here.
    await page.getByText('Large image: its values follow').waitFor({ state: 'detached', ...soon });
    await screenshot('large-image');
    const box = await page.getByTestId('image-canvas').boundingBox();
    if (!box) throw new Error('the image is not on the screen');
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const probe = page.getByTestId('probe');
    for (let step = 0; step < 6; step += 1) {
      await page.mouse.move(x + step, y + 3);
      const [, column = '', row = '', value = ''] =
        /\((\d+), (\d+)\) = (\d+)/.exec((await probe.textContent(soon)) ?? '') ?? [];
      expect(Number(value)).toBe(valueAt(Number(row), Number(column)));
    }
    await page.keyboard.press('b');
    await page.mouse.move(x - 12, y - 12);
    await page.mouse.down();
    await page.mouse.move(x + 12, y + 12, { steps: 3 });
    await page.mouse.up();
    // Of the file's own pixels: those of a copy would all be 2,100.
    const measured = page.getByTestId('measurement');
    await expect.poll(() => measured.first().textContent(), soon).toMatch(/Mean 2100, SD 100.*2000 to 2200/s);
    // Closer than its own pixels.
    await page.keyboard.press('w');
    await page.mouse.move(x, y);
    await page.keyboard.down('Control');
    for (let turn = 0; turn < 8; turn += 1) await page.mouse.wheel(0, -300);
    await page.keyboard.up('Control');
    await expect.poll(() => litShare(page), soon).toBeGreaterThan(0.95);
    await screenshot('large-image-pixels');
  });
});
