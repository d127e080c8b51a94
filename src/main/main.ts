// The Electron shell: composes window, protocol, locks and the station's process. Thin on purpose: no database, no native
// module, no business rule, so that the window lives on when one of those fails.
import { app, type BrowserWindow, safeStorage } from 'electron';
import path from 'node:path';
import type { ShellCommand, StationState } from '../contract/shell.ts';
import { setAppMenu } from './app-menu.ts';
import { registerAppScheme, serveWindowFiles } from './app-protocol.ts';
import { openAppWindow } from './app-window.ts';
import { buildWarning } from './build-age.ts';
import { linkIn, watchLinks } from './deep-link.ts';
import { homeFolder, stationProgram } from './home-folder.ts';
import { openKeyChain } from './key-chain.ts';
import { lockPermissions, lockWebContents } from './locks.ts';
import { answerShellCalls } from './shell-calls.ts';
import { startStationProcess } from './station-process.ts';
import { openStationRelay } from './station-relay.ts';
import { watchWorkstation } from './workstation.ts';

const home = homeFolder(process.argv);
// A home folder of its own means a shell of its own: two homes may be open at once, one home only once.
if (process.argv.some((word) => word.startsWith('--home'))) app.setPath('userData', path.join(home, 'shell'));
registerAppScheme();
// With --no-sandbox (root on Linux) this call would keep Chromium's helpers from starting.
if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox();
lockWebContents();

if (app.requestSingleInstanceLock()) void open();
else app.quit();

async function open(): Promise<void> {
  let window: BrowserWindow | null = null;
  let pendingLink = linkIn(process.argv);
  const tell = (channel: string, value: unknown): void => {
    if (window && !window.isDestroyed()) window.webContents.send(channel, value);
  };
  const showWindow = (): void => {
    if (window?.isMinimized()) window.restore();
    window?.focus();
  };
  app.on('second-instance', showWindow);
  watchLinks((link) => {
    showWindow();
    tell('link', link);
  });

  await app.whenReady();
  lockPermissions();
  serveWindowFiles(path.join(app.getAppPath(), 'dist', 'renderer'));
  setAppMenu({ isPackaged: app.isPackaged, tell: (command: ShellCommand) => tell('command', command) });

  const keyChain = openKeyChain(home, safeStorage);
  const relay = openStationRelay(() => station);
  const station = startStationProcess({
    program: stationProgram(),
    home,
    keyChain: () => keyChain.news(),
    onMessage: (message) => relay.deliver(message),
    onState: (state: StationState) => tell('station-state', state),
    onGone: () => relay.failWaiting(),
  });
  // Id −1 is no window's: nobody waits for the answer.
  watchWorkstation((news) => void station.send({ id: -1, call: 'workstation', arguments: news }));
  answerShellCalls({
    openStationPort: (contents) => {
      relay.openPort(contents);
      if (pendingLink) tell('link', pendingLink);
      pendingLink = null;
    },
    stationState: () => station.state,
    buildWarning: () => (app.isPackaged ? Promise.resolve(null) : buildWarning(app.getAppPath())),
    keyChainLack: () => keyChain.lack(),
    sealKeys: async (isOn) => station.changeSealing(isOn ? keyChain.newSeal() : null),
  });
  window = openAppWindow({ appFolder: app.getAppPath(), isPackaged: app.isPackaged });

  app.on('window-all-closed', () => app.quit());
  let isClosed = false;
  app.on('before-quit', (event) => {
    if (isClosed) return;
    event.preventDefault();
    void station.close().then(() => {
      isClosed = true;
      app.quit();
    });
  });
}
