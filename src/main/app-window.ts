// The one window: sandboxed, isolated, without Node.
import { BrowserWindow, nativeTheme } from 'electron';
import path from 'node:path';
import { windowOrigin } from './app-protocol.ts';

export interface AppWindowOptions {
  readonly appFolder: string;
  readonly isPackaged: boolean;
}

export function openAppWindow({ appFolder, isPackaged }: AppWindowOptions): BrowserWindow {
  const window = new BrowserWindow({
    width: 1280,
    height: 800,
    minWidth: 960,
    minHeight: 600,
    show: false,
    useContentSize: true,
    autoHideMenuBar: true,
    title: 'ImagiQ',
    icon: path.join(appFolder, 'resources', 'icons', 'icon.png'),
    backgroundColor: nativeTheme.shouldUseDarkColors ? '#0f1417' : '#f7f8f9',
    webPreferences: {
      preload: path.join(appFolder, 'dist', 'main', 'preload.cjs'),
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webSecurity: true,
      navigateOnDragDrop: false,
      spellcheck: false,
      devTools: !isPackaged,
    },
  });
  window.once('ready-to-show', () => window.show());
  void window.loadURL(`${windowOrigin}/index.html`);
  return window;
}
