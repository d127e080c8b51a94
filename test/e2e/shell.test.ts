// What the shell forbids a page, and how it outlives its background process.
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { inviteToNowhere } from './hub-process.ts';
import { openImagiq, type OpenWindow, setStage, type Stage } from './imagiq-window.ts';
import { lyonPatients } from './practice-numbers.ts';

let stage: Stage | string;
let opened: OpenWindow | null = null;

beforeAll(async () => {
  stage = await setStage();
  if (typeof stage === 'object') opened = await openImagiq(stage);
}, 180_000);

afterAll(async () => {
  await opened?.close();
  if (typeof stage === 'object') stage.close();
});

function theWindow(context: TestContext): OpenWindow {
  if (typeof stage === 'string') context.skip(stage);
  if (!opened) throw new Error('the window is not open');
  return opened;
}

describe('the shell', { timeout: 60_000 }, () => {
  test('gives the page no Node and only the named bridge', async (context) => {
    const { page } = theWindow(context);
    const seen = await page.evaluate(() => ({
      require: typeof (globalThis as { require?: unknown }).require,
      process: typeof (globalThis as { process?: unknown }).process,
      bridge: Object.keys((globalThis as unknown as { imagiqShell: object }).imagiqShell).sort(),
    }));
    expect(seen.require).toBe('undefined');
    expect(seen.process).toBe('undefined');
    expect(seen.bridge).toEqual([
      'buildWarning',
      'chooseFile',
      'chooseFiles',
      'chooseFolders',
      'chooseNewFile',
      'copyPicture',
      'keyChainLack',
      'onCommand',
      'onLink',
      'onStationState',
      'openStationPort',
      'pathOf',
      'platform',
      'savePicture',
      'sealKeys',
      'stationState',
      'takePicture',
    ]);
  });

  test('runs no script that is not its own', async (context) => {
    const { page } = theWindow(context);
    // Code for the page is text: these files are checked with Node's types, not with a browser's.
    const ran = await page.evaluate<boolean>(`(() => {
      const script = document.createElement('script');
      script.textContent = 'window.injected = true';
      document.body.append(script);
      return 'injected' in window;
    })()`);
    expect(ran).toBe(false);
  });

  test('does not answer a page that is not the window', async (context) => {
    const { app } = theWindow(context);
    const answer = await app.evaluate(async ({ BrowserWindow, app: shell }) => {
      const other = new BrowserWindow({
        show: false,
        webPreferences: { preload: `${shell.getAppPath()}/dist/main/preload.cjs`, sandbox: true },
      });
      await other.loadURL('data:text/html,<h1>stranger</h1>');
      const said = (await other.webContents.executeJavaScript(
        'imagiqShell.stationState().then(() => "answered", (error) => error.message)',
      )) as string;
      other.destroy();
      return said;
    });
    expect(answer).toContain('refused');
  });

  test('opens an imagiq:// link at the federation, read but not joined', async (context) => {
    const { app, page } = theWindow(context);
    await app.evaluate(
      ({ app: shell }, link) => void shell.emit('second-instance', {}, ['imagiq', link]),
      inviteToNowhere(),
    );
    await page.getByTestId('invite-offer').getByText('Nowhere').waitFor();
    expect(await page.getByTestId('membership').count()).toBe(0);
  });

  test('follows the menu by keyboard', async (context) => {
    const { app, page } = theWindow(context);
    const press = (keys: string): Promise<void> =>
      app.evaluate(({ Menu }, accelerator) => {
        const items = Menu.getApplicationMenu()?.items.flatMap((menu) => menu.submenu?.items ?? []) ?? [];
        items.find((item) => item.accelerator === accelerator)?.click();
      }, keys);
    // What needs an image says so where there is none.
    await press('CmdOrCtrl+S');
    await page.getByText('There is no image here to save. Open a study first.').waitFor();
    await press('CmdOrCtrl+7');
    await page.getByRole('heading', { name: 'Ledger' }).waitFor();
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Ledger');
    // The list of keys itself, which stands below what else is set.
    await press('F1');
    const keys = page.getByRole('region', { name: 'Keyboard shortcuts' });
    const top = async (): Promise<number> => (await keys.boundingBox())?.y ?? Number.NaN;
    await expect.poll(top).toBeLessThan(150);
    // No screen changes behind a dialog.
    await page.getByRole('button', { name: 'Past imports' }).click();
    await page.getByRole('dialog').waitFor();
    await press('CmdOrCtrl+2');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Settings and help');
    await press('F1');
    await expect.poll(top).toBeLessThan(150);
  });

  test('reads the guide: a page, a search, a link to another page', async (context) => {
    const { page, screenshot } = theWindow(context);
    await page.getByRole('button', { name: 'Guide' }).click();
    const pages = page.getByRole('navigation', { name: 'Pages' });
    await pages.getByRole('button', { name: 'The viewer' }).click();
    await page.getByRole('article').getByRole('heading', { name: 'Mouse' }).waitFor();
    await screenshot('guide');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.getByLabel('Search the guide').fill('C-STORE');
    await pages.getByRole('button', { name: /PACS/ }).click();
    await screenshot('guide-search-dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.getByLabel('Search the guide').fill('no such words anywhere');
    await pages.getByText('No page has these words').waitFor();
    await page.getByLabel('Search the guide').fill('');
    await pages.getByRole('button', { name: 'Studies: find', exact: false }).click();
    await page.getByRole('article').getByRole('link', { name: 'import-report.md' }).first().click();
    expect(await page.getByRole('article').getAttribute('data-page')).toBe('import-report');
    await page.getByRole('button', { name: 'Ledger', exact: true }).click();
  });

  test('restarts a station that was killed, says so, and answers again', async (context) => {
    const { app, page, screenshot } = theWindow(context);
    await page.getByRole('button', { name: 'Studies' }).click();
    await app.evaluate(() => {
      const handles = (
        process as unknown as { _getActiveHandles(): { spawnargs?: string[]; kill(signal: string): void }[] }
      )._getActiveHandles();
      handles.find(({ spawnargs }) => spawnargs?.some((word) => word.includes('station')))?.kill('SIGKILL');
    });
    await page.getByTestId('station-notice').waitFor();
    await screenshot('30-station-restarting');
    await page.locator('[data-testid="station-health"][data-state="running"]').waitFor();
    await page.getByRole('button', { name: 'Load practice studies' }).click();
    await page.getByText('Import finished').waitFor();
    expect(await page.getByTestId('station-notice').count()).toBe(0);
  });

  test('finds everything again when the window is closed and opened', async (context) => {
    const before = theWindow(context);
    await before.close();
    opened = await openImagiq(stage as Stage, before.home);
    await opened.page.getByText(`${lyonPatients} studies on this machine`).waitFor();
    expect(await opened.page.getByTestId('study-row').count()).toBeGreaterThan(10);
  });

  // Last, since Playwright waits forever for a navigation that was refused.
  test('keeps the page inside: no navigation, no new window, no other server, no file outside', async (context) => {
    const { app, page } = theWindow(context);
    const outcome = await page.evaluate(`(async () => {
      location.href = 'https://example.org/';
      return {
        popup: window.open('https://example.org/') === null,
        fetch: await fetch('https://example.org/').then(() => 'allowed', () => 'refused'),
        outside: (await fetch('/..%2f..%2fpackage.json')).status,
        location: (await navigator.permissions.query({ name: 'geolocation' })).state,
      };
    })()`);
    expect(outcome).toEqual({ popup: true, fetch: 'refused', outside: 404, location: 'denied' });
    expect(page.url()).toBe('app://ui/index.html');
    expect(app.windows()).toHaveLength(1);
  });
});
