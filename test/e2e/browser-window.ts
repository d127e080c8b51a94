// A plain browser window for pages that a server of ours gives: the same Chromium that carries the app, without the app.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { _electron, type Page } from 'playwright-core';
import { newFolder, type Stage } from './imagiq-window.ts';

const screenshots = path.resolve(import.meta.dirname, '../../artifacts/screenshots');

export interface Browser {
  readonly page: Page;
  readonly screenshot: (name: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

const main = `
const { app, BrowserWindow } = require('electron');
app.whenReady().then(() => {
  const window = new BrowserWindow({ width: 1280, height: 800, useContentSize: true });
  void window.loadURL('about:blank');
});
`;

export async function openBrowser(stage: Stage): Promise<Browser> {
  const folder = newFolder('browser');
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: 'browser', main: 'main.cjs' }));
  writeFileSync(path.join(folder, 'main.cjs'), main);
  const asRoot = process.platform === 'linux' && process.geteuid?.() === 0;
  const env = Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const app = await _electron.launch({
    executablePath: stage.runtime.executable,
    args: [...(asRoot ? ['--no-sandbox'] : []), folder],
    env: { ...env, ...(stage.display === null ? {} : { DISPLAY: stage.display }) },
    chromiumSandbox: !asRoot,
    timeout: 60_000,
  });
  const page = await app.firstWindow();
  page.setDefaultTimeout(30_000);
  return {
    page,
    async screenshot(name) {
      mkdirSync(screenshots, { recursive: true });
      await page.screenshot({ path: path.join(screenshots, `${name}.png`) });
    },
    close: () => app.close(),
  };
}
