// The bridge between the isolated page and the shell: named functions only, no channel names from the page.
import { contextBridge, ipcRenderer, webUtils } from 'electron';
import type { FileKind, ShellBridge, ShellCommand, StationState } from '../contract/shell.ts';

const bridge: ShellBridge = {
  platform: process.platform,
  chooseFolders: () => ipcRenderer.invoke('choose-folders') as Promise<string[] | null>,
  chooseFile: (kind: FileKind) => ipcRenderer.invoke('choose-file', kind) as Promise<string | null>,
  // Electron before 32 has no webUtils; there the path is a property of the file itself.
  pathOf: (file) => (webUtils as typeof webUtils | undefined)?.getPathForFile(file) ?? '',
  openStationPort: () => ipcRenderer.invoke('open-station-port') as Promise<void>,
  stationState: () => ipcRenderer.invoke('station-state') as Promise<StationState>,
  onStationState: (listener) => listen<StationState>('station-state', listener),
  onCommand: (listener) => listen<ShellCommand>('command', listener),
  onLink: (listener) => listen<string>('link', listener),
};

function listen<Value>(channel: string, listener: (value: Value) => void): void {
  ipcRenderer.on(channel, (_event, value: Value) => listener(value));
}

contextBridge.exposeInMainWorld('imagiqShell', bridge);
// Ports do not cross the context bridge; they reach the page as a message of its own window.
ipcRenderer.on('station-port', (event) => window.postMessage('station-port', location.origin, event.ports));
