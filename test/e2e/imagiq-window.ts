// Situations for the end-to-end tests: a real Electron window with the real station behind it.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import type { TestContext } from 'vitest';
import { type ElectronRuntime, resolveElectron } from '../../scripts/electron-runtime/resolve.ts';

const root = path.resolve(import.meta.dirname, '../..');
/** Folders of this test file's own, removed with its stage. */
const madeFolders: string[] = [];
const screenshots = path.join(root, 'artifacts', 'screenshots');

/** What the window tests run on, or the reason why they cannot. */
export interface Stage {
  readonly runtime: ElectronRuntime;
  readonly display: string | null;
  readonly close: () => void;
}

/** Finds Electron and a display, and builds the window when its sources are newer. A string is the reason to skip. */
export async function setStage(): Promise<Stage | string> {
  let runtime: ElectronRuntime;
  try {
    runtime = await resolveElectron();
  } catch (error) {
    return `no Electron can be had here: ${error instanceof Error ? error.message : String(error)}`;
  }
  const screen = process.platform === 'linux' && !process.env['DISPLAY'] ? await virtualScreen() : null;
  if (typeof screen === 'string') return screen;
  await ensureBuilt();
  return {
    runtime,
    display: screen?.display ?? null,
    close() {
      screen?.close();
      for (const folder of madeFolders.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

export interface OpenWindow {
  readonly app: ElectronApplication;
  readonly page: Page;
  readonly home: string;
  /** Takes a picture of the window into artifacts/screenshots. */
  readonly screenshot: (name: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Most that three processes take to start from source beside other tests. */
const startDeadlineMs = 30_000;
/** A window without a document by then never gets one. */
const documentDeadlineMs = 12_000;
const mostStarts = 4;

export interface WindowOptions {
  /** Further words of the command line, and variables beside this process's own. */
  readonly words?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What the station comes to; a window that is open before counts as not started. */
  readonly state?: 'running' | 'failed';
}

/** Opens ImagiQ on a home folder, a new one unless given. */
export async function openImagiq(
  stage: Stage,
  home = newFolder('home'),
  options: WindowOptions = {},
): Promise<OpenWindow> {
  // Of 28 windows of the stand-in Electron started two at a time, one stayed without a document: Chromium's GPU process was not
  // there, its page waited for it, and no code of ours had run. Such a start is told, and tried again.
  let app: ElectronApplication | null = null;
  for (let start = 0; start < mostStarts && app === null; start += 1) app = await started(stage, home, options);
  if (app === null) throw new Error(`the window did not start, ${mostStarts} times`);
  const page = await app.firstWindow();
  return {
    app,
    page,
    home,
    async screenshot(name) {
      mkdirSync(screenshots, { recursive: true });
      await page.screenshot({ path: path.join(screenshots, `${name}.png`) });
    },
    close: () => app.close(),
  };
}

/** The app with its window and its station in the state that is wanted; null when its page did not come to that in time. */
async function started(
  stage: Stage,
  home: string,
  { words = [], env: further = {}, state = 'running' }: WindowOptions,
): Promise<ElectronApplication | null> {
  const asRoot = process.platform === 'linux' && process.geteuid?.() === 0;
  const env = Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >;
  const app = await _electron.launch({
    executablePath: stage.runtime.executable,
    args: [...(asRoot ? ['--no-sandbox'] : []), ...words, root, '--home', home],
    env: {
      ...env,
      ...further,
      IMAGIQ_NODE: process.execPath,
      ...(stage.display === null ? {} : { DISPLAY: stage.display }),
    },
    chromiumSandbox: !asRoot,
    timeout: 30_000,
  });
  const page = await app.firstWindow();
  page.setDefaultTimeout(20_000);
  try {
    await page.locator('body').waitFor({ state: 'attached', timeout: documentDeadlineMs });
    await page.locator(`[data-testid="station-health"][data-state="${state}"]`).waitFor({ timeout: startDeadlineMs });
    return app;
  } catch {
    const shown = await page
      .locator('body')
      .innerText({ timeout: 2_000 })
      .catch(() => 'no document');
    console.error(`The window did not start (${page.url()}): ${shown.slice(0, 300)}`);
    const gone = new Promise((resolve) => app.process().once('exit', resolve));
    app.process().kill('SIGKILL');
    await gone;
    return null;
  }
}

/** The window that a file's tests share; without a stage the test is skipped with its reason. One that fails leaves a screenshot under `name`. */
export function openedWindow(
  context: TestContext,
  { stage, opened, name }: { stage: Stage | string; opened: OpenWindow | null; name: string },
): OpenWindow {
  if (typeof stage === 'string') context.skip(stage);
  if (!opened) throw new Error('the window is not open');
  const { screenshot } = opened;
  context.onTestFailed(() => screenshot(`failed: ${name} ${context.task.name}`.replaceAll(/\W+/g, '-')));
  return opened;
}

/** Answers the next system dialogs with these paths: a system dialog cannot be driven from outside. */
export async function answerDialogs(app: ElectronApplication, filePaths: string[]): Promise<void> {
  await app.evaluate(({ dialog }, chosen) => {
    dialog.showOpenDialog = () => Promise.resolve({ canceled: chosen.length === 0, filePaths: chosen });
  }, filePaths);
}

/** Starts the import that was chosen or dropped, as the dialog proposes it: one key. */
export async function startImport(page: Page): Promise<void> {
  await page.getByTestId('import-dialog').waitFor();
  await page.keyboard.press('Enter');
}

/**
 * Drops files or folders onto the middle of the window, as a person does: held over it until the window says that it would take
 * them. Once, in CI, a drop straight after the first move came to nothing.
 */
export async function dropOn(page: Page, paths: string[]): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  const send = (type: 'dragEnter' | 'dragOver' | 'drop'): Promise<unknown> =>
    devtools.send('Input.dispatchDragEvent', { type, x: 640, y: 400, data });
  await send('dragEnter');
  await send('dragOver');
  await page.getByText('Drop to import').waitFor();
  await send('dragOver');
  await send('drop');
  await devtools.detach();
}

/** Resolves when what the last event changed is drawn: what is not there then was not opened by it. */
export async function drawn(page: Page): Promise<void> {
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))');
}

/** A folder that goes when the stage closes. */
export function newFolder(name: string): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), `imagiq-e2e-${name}-`));
  madeFolders.push(folder);
  return folder;
}

/** Share of the canvas's pixels that are brighter than black, 0 to 1. */
export function litShare(page: Page): Promise<number> {
  // Code for the page is text: these files are checked with Node's types, not with a browser's.
  return page.evaluate<number>(`(() => {
    const canvas = document.querySelector('[data-testid="image-canvas"]');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let lit = 0;
    for (let index = 0; index < data.length; index += 4) if (data[index] > 16) lit += 1;
    return lit / Math.max(1, data.length / 4);
  })()`);
}

/** An X server for as long as the tests run. */
async function virtualScreen(): Promise<{ display: string; close(): void } | string> {
  if (spawnSync('which', ['Xvfb']).status !== 0) return 'no display here, and no Xvfb to make one';
  const server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1600x1000x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const channel = server.stdio[3];
  const number = await new Promise<string | null>((resolve) => {
    server.once('exit', () => resolve(null));
    channel?.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
  });
  return number === null ? 'Xvfb does not start here' : { display: `:${number}`, close: () => server.kill() };
}

/** Builds once, whichever test file comes first. */
async function ensureBuilt(): Promise<void> {
  const lock = path.join(root, 'dist', '.building');
  mkdirSync(path.join(root, 'dist'), { recursive: true });
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch {
      if (Date.now() > deadline) rmdirSync(lock);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  try {
    const built = path.join(root, 'dist', 'renderer', 'index.html');
    const newest = Math.max(
      ...['src/main', 'src/renderer', 'src/console', 'src/contract', 'scripts/build.ts'].map((part) =>
        newestIn(path.join(root, part)),
      ),
    );
    if (existsSync(built) && statSync(built).mtimeMs > newest) return;
    execFileSync(process.execPath, [path.join(root, 'scripts', 'build.ts')], { cwd: root, stdio: 'pipe' });
  } finally {
    rmdirSync(lock);
  }
}

function newestIn(place: string): number {
  const found = statSync(place);
  if (!found.isDirectory()) return found.mtimeMs;
  return Math.max(0, ...readdirSync(place).map((name) => newestIn(path.join(place, name))));
}
