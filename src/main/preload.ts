// The bridge between the isolated page and the shell: named functions only, no channel names from the page.
import { contextBridge, ipcRenderer, webUtils } from 'electron';
import type {
  FileKind,
  PictureOutcome,
  PictureTaken,
  SealingOutcome,
  ShellBridge,
  StationState,
} from '../contract/shell.ts';

const bridge: ShellBridge = {
  platform: process.platform,
  chooseFolders: () => ipcRenderer.invoke('choose-folders') as Promise<string[] | null>,
  chooseFiles: () => ipcRenderer.invoke('choose-files') as Promise<string[] | null>,
  chooseNewFile: (name: string) => ipcRenderer.invoke('choose-new-file', name) as Promise<string | null>,
  chooseFile: (kind: FileKind) => ipcRenderer.invoke('choose-file', kind) as Promise<string | null>,
  takePicture: (asked) => ipcRenderer.invoke('take-picture', asked) as Promise<PictureTaken>,
  copyPicture: (png) => ipcRenderer.invoke('copy-picture', png) as Promise<void>,
  savePicture: (png, name) => ipcRenderer.invoke('save-picture', { png, name }) as Promise<PictureOutcome>,
  // Electron before 32 has no webUtils; there the path is a property of the file itself.
  pathOf: (file) => (webUtils as typeof webUtils | undefined)?.getPathForFile(file) ?? '',
  openStationPort: () => ipcRenderer.invoke('open-station-port') as Promise<void>,
  stationState: () => ipcRenderer.invoke('station-state') as Promise<StationState>,
  buildWarning: () => ipcRenderer.invoke('build-warning') as Promise<string | null>,
  keyChainLack: () => ipcRenderer.invoke('key-chain-lack') as Promise<string | null>,
  sealKeys: (isOn: boolean) => ipcRenderer.invoke('seal-keys', isOn) as Promise<SealingOutcome>,
  onStationState: (listener) => listen('station-state', listener),
  onCommand: (listener) => listen('command', listener),
  onLink: (listener) => listen('link', listener),
};

// What comes on these channels is main's own, so its type is taken at its word.
function listen(channel: string, listener: (value: never) => void): void {
  ipcRenderer.on(channel, (_event, value: unknown) => listener(value as never));
}

contextBridge.exposeInMainWorld('imagiqShell', bridge);
// Ports do not cross the context bridge; they reach the page as a message of its own window.
ipcRenderer.on('station-port', (event) => window.postMessage('station-port', location.origin, event.ports));
