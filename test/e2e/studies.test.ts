// The study browser in the real window, over a made-up library of a thousand studies; screenshots in artifacts/screenshots.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { writeLargeLibrary } from '../../scripts/bench/large-library.ts';
import {
  answerDialogs,
  drawn,
  newFolder,
  openImagiq,
  startImport,
  type OpenWindow,
  setStage,
  type Stage,
} from './imagiq-window.ts';

const count = 1_000;
let stage: Stage | string;
let opened: OpenWindow | null = null;
let home: string;

beforeAll(async () => {
  stage = await setStage();
  if (typeof stage === 'string') return;
  home = newFolder('home');
  writeLargeLibrary(home, count);
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
  context.onTestFailed(() => screenshot(`failed: studies ${context.task.name}`.replaceAll(/\W+/g, '-')));
  return opened;
}

async function sized({ app, page, screenshot }: OpenWindow, name: string): Promise<void> {
  for (const [width, height] of [
    [2560, 1440],
    [1280, 800],
  ] as const) {
    await app.evaluate(
      ({ BrowserWindow }, size) => {
        const [window] = BrowserWindow.getAllWindows();
        window?.setContentSize(size.width, size.height);
      },
      { width, height },
    );
    // On a screen of just this size the window may lose a pixel.
    await expect
      .poll(() => page.evaluate<number>(`Math.abs(window.innerWidth - ${width})`), { timeout: 10_000 })
      .toBeLessThan(3);
    await screenshot(`${name}-${width}`);
  }
}

describe('the study browser', { timeout: 90_000 }, () => {
  test('finds a study while its name is typed, in any script, and Escape clears', async (context) => {
    const window = theWindow(context);
    const { page } = window;
    await page.getByTestId('study-row').first().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('山田');
    await page.getByText(/^\d+ of 1,000 studies match$/).waitFor();
    await expect.poll(() => page.getByTestId('study-row').first().innerText()).toContain('Yamada');
    await page.keyboard.press('Escape');
    await page.getByText('1,000 studies on this machine').waitFor();
    await sized(window, 'studies-list');
  });

  test('filters by values that the library has, and takes a filter away', async (context) => {
    const window = theWindow(context);
    const { page } = window;
    await page.getByRole('button', { name: 'Add a filter' }).click();
    await page.getByRole('checkbox', { name: /^MR/ }).check();
    await window.screenshot('studies-filter-editor');
    await page.getByRole('button', { name: 'Add filter', exact: true }).click();
    await page.getByTestId('filter-chip').getByText('MR').waitFor();
    await page.getByText(/of 1,000 studies match/).waitFor();
    await page.getByRole('button', { name: 'Add a filter' }).click();
    await page.getByRole('button', { name: 'Age', exact: true }).click();
    await page.getByLabel('At least').fill('60');
    await page.getByRole('button', { name: 'Add filter', exact: true }).click();
    await expect.poll(() => page.getByTestId('filter-chip').count()).toBe(2);
    await page.getByRole('button', { name: 'Remove filter Age' }).click();
    await expect.poll(() => page.getByTestId('filter-chip').count()).toBe(1);
  });

  test('saves a search, shows its count, deletes it and puts it back', async (context) => {
    const window = theWindow(context);
    const { page } = window;
    await page.getByRole('button', { name: 'Save this search' }).click();
    await page.getByLabel('Name of the search').fill('All MR');
    await page.keyboard.press('Enter');
    const held = page.getByTestId('saved-search').getByText('All MR');
    await held.waitFor();
    await page.getByRole('button', { name: 'All studies' }).click();
    await page.getByText('1,000 studies on this machine').waitFor();
    await held.click();
    await page.getByTestId('filter-chip').getByText('MR').waitFor();
    await held.focus();
    // The old name is selected: what is typed takes its place.
    await page.keyboard.press('F2');
    await page.getByLabel('Name of the search').waitFor();
    const chosen = (): Promise<string> => page.evaluate('getSelection().toString()');
    await expect.poll(chosen).toBe('All MR');
    await page.keyboard.press('Escape');
    await held.waitFor();
    await page.keyboard.press('Delete');
    await page.getByText('Deleted “All MR”').waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await held.waitFor();
    const found = async (): Promise<string | undefined> =>
      /^(\d+) of/.exec(await page.getByText(/of 1,000 studies match/).innerText())?.[1];
    const told = async (): Promise<string | undefined> =>
      /\d+$/.exec(await page.getByTestId('saved-search').innerText())?.[0];
    await expect.poll(async () => (await told()) === (await found())).toBe(true);
    expect(Number(await found())).toBeGreaterThan(0);
    await sized(window, 'studies-saved');
    await page.getByRole('button', { name: 'All studies' }).click();
  });

  test('selects every study found with one key, and makes a cohort of them but one', async (context) => {
    const { page } = theWindow(context);
    await page.getByTestId('study-rows').focus();
    await page.keyboard.press('Control+a');
    await page.getByRole('button', { name: 'Cohort of 1,000 selected' }).waitFor();
    await page.keyboard.press('End');
    await page.keyboard.press('Space');
    await page.getByRole('button', { name: 'Cohort of 999 selected' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Make a cohort' }).waitFor();
    await page.keyboard.press('Home');
    expect(await page.getByRole('row', { selected: true }).count()).toBe(0);
  });

  test('selects a long range by Shift, also of rows that were never shown', async (context) => {
    const { page } = theWindow(context);
    await page.getByTestId('study-rows').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('Shift+End');
    await page.getByRole('button', { name: 'Cohort of 1,000 selected' }).waitFor();
    // The same range ends elsewhere: what lies beyond is selected no more.
    await page.keyboard.press('Shift+Home');
    await page.getByRole('button', { name: 'Cohort of 1 selected' }).waitFor();
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowUp']) await page.keyboard.press(`Shift+${key}`);
    await page.getByRole('button', { name: 'Cohort of 2 selected' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Home');
    await expect.poll(() => page.getByRole('row', { selected: true }).count()).toBe(0);
  });

  test('keeps the keys in the list: past what is in view, after a dialog, after a study', async (context) => {
    const { page } = theWindow(context);
    const rows = page.getByTestId('study-rows');
    const hasFocus = (): Promise<boolean> => rows.evaluate((element) => element.matches(':focus'));
    const cursor = page.locator('[data-testid="study-row"].cursor');
    await page.getByTestId('study-row').first().click();
    await page.keyboard.press('End');
    await expect.poll(() => cursor.getAttribute('aria-rowindex')).toBe('1000');
    await page.keyboard.press('ArrowUp');
    await expect.poll(() => cursor.getAttribute('aria-rowindex')).toBe('999');
    expect(await hasFocus()).toBe(true);
    await page.keyboard.press('Delete');
    await page.getByRole('button', { name: 'Keep' }).click();
    await expect.poll(hasFocus).toBe(true);
    await page.keyboard.press('ContextMenu');
    await page.getByRole('menuitem').first().waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(hasFocus).toBe(true);
    await page.keyboard.press('Enter');
    await page.getByRole('navigation', { name: 'Series' }).waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(hasFocus).toBe(true);
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => cursor.getAttribute('aria-rowindex')).toBe('1000');
    await page.keyboard.press('Home');
  });

  test('resizes a column by its edge, fits it by a double click, and moves it by its head', async (context) => {
    const { page } = theWindow(context);
    const head = page.locator('[role="columnheader"][data-column="patientName"]');
    const width = async (): Promise<number> => (await head.boundingBox())?.width ?? Number.NaN;
    // The columns share the room anew when the rows are there.
    let before = Number.NaN;
    const isSettled = async (): Promise<boolean> => before === (before = await width());
    await expect.poll(isSettled).toBe(true);
    const edge = await head.locator('.edge').boundingBox();
    if (!edge) throw new Error('the column has no edge');
    const [x, y] = [edge.x + edge.width / 2, edge.y + edge.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + 90, y, { steps: 5 });
    await page.mouse.up();
    await expect.poll(width).toBeCloseTo(before + 90, 0);
    await head.locator('.edge').dblclick();
    await expect.poll(width).not.toBeCloseTo(before + 90, 0);
    const order = (): Promise<string[]> =>
      page.evaluate<string[]>(
        "[...document.querySelectorAll('[role=columnheader][data-column]')].map((head) => head.dataset.column)",
      );
    const [first = '', second = ''] = await order();
    await page.locator(`[data-column="${second}"] button`).dragTo(page.locator(`[data-column="${first}"] button`));
    await expect.poll(async () => (await order()).slice(0, 2)).toEqual([second, first]);
    await page.locator(`[data-column="${second}"] button`).focus();
    await page.keyboard.press('Alt+ArrowRight');
    await expect.poll(async () => (await order()).slice(0, 2)).toEqual([first, second]);
  });

  test('keeps chosen, moved and resized columns over a restart', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.getByRole('button', { name: 'Columns' }).click();
    await page.getByRole('checkbox', { name: 'Manufacturer', exact: true }).check();
    await page.getByRole('checkbox', { name: 'Age', exact: true }).check();
    await page.getByRole('checkbox', { name: 'Modality' }).uncheck();
    await page.getByRole('button', { name: 'Compact' }).click();
    await screenshot('studies-columns');
    await page.keyboard.press('Escape');
    await page.getByRole('columnheader', { name: 'Age', exact: true }).getByRole('button').focus();
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('Alt+ArrowLeft');
    const shown = (): Promise<string[]> => opened!.page.getByRole('columnheader').allInnerTexts();
    const before = await shown();
    expect(before.join(' ')).toMatch(/Age\s+Manufacturer/);
    await opened!.close();
    opened = await openImagiq(stage as Stage, home);
    await opened.page.getByTestId('study-row').first().waitFor();
    await expect.poll(shown, { timeout: 15_000 }).toEqual(before);
  });

  test('unfolds a patient to studies and series by keyboard', async (context) => {
    const window = theWindow(context);
    const { page } = window;
    await page.getByRole('button', { name: 'Patients', exact: true }).click();
    await page.getByTestId('tree-patient').first().waitFor();
    await page.getByRole('tree').focus();
    // The panel beside the tree is there on a patient too: the tree keeps its width.
    await page.getByTestId('patient-panel').getByText('Holds').waitFor();
    const { width = 0 } = (await page.getByRole('tree').boundingBox()) ?? {};
    await window.screenshot('studies-tree-patient');
    await page.keyboard.press('ArrowRight');
    await page.getByTestId('tree-study').first().waitFor();
    await page.keyboard.press('ArrowRight');
    await page.getByTestId('series-panel').waitFor();
    expect((await page.getByRole('tree').boundingBox())?.width).toBe(width);
    await page.keyboard.press('ArrowRight');
    await page.getByTestId('tree-series').first().waitFor();
    await sized(window, 'studies-tree');
    const description = page.getByTestId('tree-study').first().locator('.ellipsis');
    await description.hover();
    expect(await description.getAttribute('title')).toBeNull();
    // Too narrow a place for it.
    await page.evaluate(`document.querySelector('[data-testid=tree-study] .ellipsis').style.maxWidth = '12px'`);
    await page.getByRole('searchbox').hover();
    await description.hover();
    await expect.poll(() => description.getAttribute('title')).toBe((await description.textContent())?.trim());
    await page.keyboard.press('ArrowLeft');
    await expect.poll(() => page.getByTestId('tree-series').count()).toBe(0);
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    await expect.poll(() => page.getByTestId('tree-study').count()).toBe(0);
  });

  test('selects patients, and ranges by Shift, in the tree', async (context) => {
    const window = theWindow(context);
    const { page } = window;
    const selected = page.getByRole('treeitem', { selected: true });
    const patients = page.getByTestId('tree-patient');
    const names = (): Promise<string[]> => page.locator('[data-testid="tree-patient"] .name').allInnerTexts();
    const heads = page.getByRole('group', { name: 'Sort patients' });
    await heads.getByRole('button', { name: 'Patient' }).click();
    await expect.poll(async () => (await names())[0]).toMatch(/^Cohen/);
    await heads.getByRole('button', { name: 'Patient' }).click();
    await expect.poll(async () => (await names())[0]).not.toMatch(/^Cohen/);
    await heads.getByRole('button', { name: 'Latest' }).click();
    await expect.poll(() => heads.getByRole('button', { name: 'Latest' }).getAttribute('aria-pressed')).toBe('true');
    await page.getByRole('tree').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('Space');
    await expect.poll(() => selected.count()).toBe(1);
    await page.keyboard.press('Space');
    await page.getByRole('button', { name: 'Make a cohort' }).waitFor();
    // As many studies as the four rows tell; folded or not is the same.
    const told = await patients.locator('.numbers.end:has-text("stud")').allInnerTexts();
    const studies = told.slice(0, 4).reduce((sum, text) => sum + Number.parseInt(text, 10), 0);
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown']) await page.keyboard.press(`Shift+${key}`);
    await page.getByRole('button', { name: `Cohort of ${studies} selected` }).waitFor();
    await expect.poll(() => selected.count()).toBe(4);
    await sized(window, 'studies-tree-range');
    await page.keyboard.press('Shift+ArrowUp');
    await expect.poll(() => selected.count()).toBe(3);
    await page.keyboard.press('Shift+ArrowDown');
    await page.getByRole('button', { name: `Cohort of ${studies} selected` }).waitFor();
    await patients.first().click();
    await page.keyboard.press('ArrowRight');
    await page.getByTestId('tree-study').first().waitFor();
    await expect.poll(() => selected.count()).toBeGreaterThan(4);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Space');
    await page.getByRole('button', { name: `Cohort of ${studies - 1} selected` }).waitFor();
    expect(await patients.first().getAttribute('aria-selected')).toBe('false');
    await page.keyboard.press('Space');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    await expect.poll(() => selected.count()).toBe(4);
    await page.keyboard.press('Escape');
    await expect.poll(() => selected.count()).toBe(0);
    await patients.first().click();
    await patients.nth(3).click({ modifiers: ['Shift'] });
    await page.getByRole('button', { name: `Cohort of ${studies} selected` }).waitFor();
    await page.keyboard.press('Home');
    await page.keyboard.press('Shift+End');
    await page.getByRole('button', { name: 'Cohort of 1,000 selected' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Home');
  });

  test('opens a study or series by a double click or Enter, and nothing by a box that is ticked twice', async (context) => {
    const { page } = theWindow(context);
    const viewer = page.getByRole('navigation', { name: 'Series' });
    const back = async (): Promise<void> => {
      await viewer.waitFor();
      await page.getByRole('button', { name: 'Studies', exact: true }).first().click();
      await viewer.waitFor({ state: 'detached' });
    };
    // In the tree, which the test before has left folded, with its cursor on the first patient.
    await page.getByTestId('tree-patient').first().dblclick();
    const study = page.getByTestId('tree-study').first();
    await study.getByRole('button', { name: 'Unfold' }).dblclick();
    await drawn(page);
    expect(await viewer.count()).toBe(0);
    await study.getByRole('button', { name: 'Unfold' }).click();
    const series = page.getByTestId('tree-series').first();
    await series.click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Send this series to…' }).click();
    await page.getByRole('dialog', { name: 'Send 1 series' }).waitFor();
    await page.keyboard.press('Escape');
    await series.dblclick();
    await back();
    // The tree is as it was left.
    await study.click();
    await page.keyboard.press('Enter');
    await back();
    await page.getByRole('tree').focus();
    await page.keyboard.press('Control+a');
    await page.getByRole('button', { name: 'Cohort of 1,000 selected' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Make a cohort' }).waitFor();

    await page.getByRole('button', { name: 'List', exact: true }).click();
    const row = page.getByTestId('study-row').nth(1);
    await row.getByLabel('Select study').dblclick();
    await drawn(page);
    expect(await viewer.count()).toBe(0);
    await row.dblclick();
    await back();
    await page.getByTestId('study-rows').focus();
    await page.keyboard.press('Enter');
    await back();
    await page.getByRole('button', { name: 'Patients', exact: true }).click();
  });

  test('shows how the studies are distributed; a bar becomes a filter', async (context) => {
    const window = theWindow(context);
    const { page } = window;
    await page.getByRole('button', { name: 'Dashboard' }).click();
    const dashboard = page.getByTestId('dashboard');
    await dashboard.getByText('10,000', { exact: true }).waitFor();
    await sized(window, 'studies-dashboard');
    await page.emulateMedia({ colorScheme: 'dark' });
    await window.screenshot('studies-dashboard-dark');
    await page.emulateMedia({ colorScheme: 'light' });
    const file = path.join(newFolder('csv'), 'distributions.csv');
    await window.app.evaluate(({ session }, savePath) => {
      session.defaultSession.once('will-download', (_event, item) => item.setSavePath(savePath));
    }, file);
    await dashboard.getByRole('button', { name: 'Export CSV' }).click();
    await expect
      .poll(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\r\n'), { timeout: 20_000 })
      .toBe(true);
    const csv = readFileSync(file, 'utf8');
    expect(csv.split('\r\n').slice(0, 3).join(' ')).toMatch(
      /^field,value,studies total,patients,\d+ total,studies,1000$/,
    );
    const bar = dashboard.getByRole('button', { name: /^GE MEDICAL SYSTEMS: \d+ studies$/ });
    const studies = /(\d+) studies/.exec((await bar.getAttribute('aria-label')) ?? '')?.[1] ?? '';
    await bar.click();
    await page.getByText(`${studies} of 1,000 studies match`).waitFor();
    expect(csv).toContain(`manufacturer,GE MEDICAL SYSTEMS,${studies}\r\n`);
    await page.getByRole('button', { name: 'List', exact: true }).click();
    await page.getByRole('button', { name: 'Remove filter Manufacturer' }).click();
  });

  test('opens a menu on a study by the right button', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.getByTestId('study-row').nth(2).click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Open study' }).waitFor();
    await screenshot('studies-menu');
    await page.getByRole('menuitem', { name: 'Send to…' }).click();
    await page.getByRole('dialog', { name: 'Send 1 study' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByTestId('study-row').nth(2).click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Select', exact: true }).click();
    await page.getByRole('button', { name: 'Cohort of 1 selected' }).waitFor();
    await expect.poll(() => page.getByRole('row', { selected: true }).count()).toBe(1);
    await page.getByTestId('study-rows').focus();
    await page.keyboard.press('Escape');
  });

  test('tells a fault over the screen, not over its buttons; Escape or another screen takes it away', async (context) => {
    const window = theWindow(context);
    const { page } = window;
    const rows = page.getByTestId('study-rows');
    const before = await rows.boundingBox();
    await answerDialogs(window.app, [path.join(newFolder('gone'), 'not-there')]);
    await page.getByRole('button', { name: 'Import folder' }).click();
    await startImport(page);
    const toast = page.getByTestId('toast');
    await toast.waitFor();
    expect(await rows.boundingBox()).toEqual(before);
    await sized(window, 'studies-toast');
    // A click that the message would take shows a button under it.
    for (const button of await page.locator('main').getByRole('button').all()) {
      if (await button.isEnabled()) await button.click({ trial: true });
    }
    await rows.focus();
    // The clicks have scrolled the table sideways to its columns.
    const told = await rows.boundingBox();
    await page.keyboard.press('Escape');
    await expect.poll(() => toast.count()).toBe(0);
    expect(await rows.boundingBox()).toEqual(told);
    await page.getByRole('button', { name: 'Import folder' }).click();
    await startImport(page);
    await toast.waitFor();
    await page.getByRole('button', { name: 'Cohorts', exact: true }).click();
    await expect.poll(() => toast.count()).toBe(0);
    await page.getByRole('button', { name: 'Studies', exact: true }).click();
  });

  test('stands in the dark, and says when nothing is found', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.emulateMedia({ colorScheme: 'dark' });
    await screenshot('studies-list-dark');
    await page.getByRole('button', { name: 'Add a filter' }).click();
    await page.getByRole('button', { name: 'Has findings' }).click();
    await screenshot('studies-filter-dark');
    await page.getByRole('button', { name: 'With findings', exact: true }).click();
    await page.getByText('No study matches').waitFor();
    await screenshot('studies-none-dark');
    await page.getByRole('button', { name: 'Clear the search' }).click();
    await page.getByRole('button', { name: 'Remove filter Has findings' }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Patients', exact: true }).click();
    await page.getByTestId('tree-patient').first().waitFor();
    // Each heading stands over its column.
    for (const heading of ['Patient', 'ID', 'Images']) {
      await page.locator('.heads').getByText(heading, { exact: true }).waitFor();
    }
    await screenshot('studies-tree-dark');
    await page.getByRole('button', { name: 'List', exact: true }).click();
    await page.emulateMedia({ colorScheme: 'light' });
    await expect.poll(() => page.getByTestId('study-row').count()).toBeGreaterThan(5);
  });

  test('takes studies out of the library: Delete asks, says what goes and stays, and Keep keeps it', async (context) => {
    const { page, screenshot, app } = theWindow(context);
    const rows = page.getByTestId('study-rows');
    const dialog = page.getByTestId('remove-studies-dialog');
    const removal = page.getByRole('dialog');
    await page.getByTestId('study-row').nth(1).click();
    await page.keyboard.press('Space');
    await page
      .getByTestId('study-row')
      .nth(3)
      .click({ modifiers: ['ControlOrMeta'] });
    await page.getByRole('button', { name: 'Cohort of 2 selected' }).waitFor();
    await rows.focus();
    await page.keyboard.press('Delete');
    await page.getByText('Remove 2 studies from the library?').waitFor();
    await dialog.getByText('20 original files stay where they are.').waitFor();
    await dialog.getByText('This cannot be undone.').waitFor();
    await screenshot('studies-remove');
    await removal.getByRole('button', { name: 'Keep', exact: true }).click();
    await page.getByText('1,000 studies on this machine').waitFor();
    await rows.focus();
    await page.keyboard.press('Delete');
    await removal.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByText('2 studies (20 images) removed from the library.').waitFor();
    await page.getByText('998 studies on this machine').waitFor();
    expect(await page.getByRole('row', { selected: true }).count()).toBe(0);

    // Without a selection it is the study under the pointer, or under the cursor for the menu bar.
    await page.getByTestId('study-row').nth(2).click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Remove from library…' }).click();
    await page.getByText('Remove 1 study from the library?').waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => removal.count()).toBe(0);
    await app.evaluate(({ Menu }) => {
      const edit = Menu.getApplicationMenu()?.items.find(({ label }) => label === '&Edit');
      edit?.submenu?.items.find(({ label }) => label === 'Remove from library…')?.click();
    });
    await removal.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByText('997 studies on this machine').waitFor();
  });

  test('takes a series or a patient out by the tree', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.getByRole('button', { name: 'Patients', exact: true }).click();
    await page.getByTestId('tree-patient').first().click();
    await page.keyboard.press('ArrowRight');
    await page.getByTestId('tree-study').first().click();
    await page.keyboard.press('ArrowRight');
    await page.getByTestId('tree-series').first().click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Remove this series…' }).waitFor();
    await screenshot('studies-remove-series');
    await page.keyboard.press('Escape');
    await page.getByTestId('tree-patient').first().click();
    const patient = (await page.getByTestId('tree-patient').first().innerText()).match(/P\d{7}/)?.[0] ?? '';
    await page.getByTestId('study-rows').focus();
    await page.keyboard.press('Delete');
    await page.getByTestId('remove-studies-dialog').getByText(patient).waitFor();
    await screenshot('studies-remove-patient');
    await page.getByText(/^Remove \d+ stud(y|ies) from the library\?$/).waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByText(/^99[0-6] studies on this machine/).waitFor();
    await expect.poll(() => page.getByText(patient, { exact: true }).count()).toBe(0);
    await page.getByRole('button', { name: 'List', exact: true }).click();
  });
});
