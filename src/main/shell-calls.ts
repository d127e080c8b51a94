// The few services that only the shell can give the window. Every call checks its sender and decodes its argument.
import path from 'node:path';
import { app, BrowserWindow, dialog, ipcMain, type IpcMainInvokeEvent } from 'electron';
import { z } from 'zod';
import {
  type FileKind,
  fileKinds,
  type PictureOutcome,
  type PictureTaken,
  type SealingOutcome,
  type StationState,
} from '../contract/shell.ts';
import { faultValueOf } from '../contract/fault.ts';
import { isFromWindow } from './locks.ts';
import { copyPicture, takePicture, writePicture } from './pictures.ts';

export interface ShellServices {
  readonly openStationPort: (contents: Electron.WebContents) => void;
  readonly stationState: () => StationState;
  readonly buildWarning: () => Promise<string | null>;
  readonly keyChainLack: () => string | null;
  readonly sealKeys: (isOn: boolean) => Promise<boolean>;
}

export function answerShellCalls(services: ShellServices): void {
  const { openStationPort, stationState, buildWarning, keyChainLack, sealKeys } = services;
  answer('choose-folders', async (event) => {
    const chosen = await openDialog(event, {
      title: 'Import a folder of studies',
      buttonLabel: 'Choose',
      properties: ['openDirectory', 'multiSelections'],
    });
    return chosen.length > 0 ? chosen : null;
  });
  answer('choose-files', async (event) => {
    const chosen = await openDialog(event, {
      title: 'Import files, a zip archive or a DICOMDIR',
      buttonLabel: 'Choose',
      properties: ['openFile', 'multiSelections'],
    });
    return chosen.length > 0 ? chosen : null;
  });
  answer('choose-file', async (event, kind) => {
    if (!fileKinds.includes(kind as FileKind)) throw new Error('unknown kind of file');
    const [chosen] = await openDialog(event, {
      title: 'Choose a file',
      properties: ['openFile'],
      filters: kind === 'csv' ? [{ name: 'Table (CSV)', extensions: ['csv', 'tsv', 'txt'] }] : [],
    });
    return chosen ?? null;
  });
  answer('choose-new-file', saveDialog);
  answer('take-picture', async (event, asked): Promise<PictureTaken> => {
    try {
      return { png: await takePicture(event.sender, asked) };
    } catch (error) {
      return { fault: faultValueOf(error) };
    }
  });
  answer('copy-picture', (_event, png) => copyPicture(png));
  answer('save-picture', async (event, asked): Promise<PictureOutcome> => {
    const { png, name } = z.object({ png: z.unknown(), name: z.unknown() }).parse(asked);
    const file = await saveDialog(event, name);
    try {
      if (file !== null) await writePicture(file, png);
      return { file };
    } catch (error) {
      return { fault: faultValueOf(error) };
    }
  });
  answer('open-station-port', (event) => openStationPort(event.sender));
  answer('station-state', () => stationState());
  answer('build-warning', () => buildWarning());
  answer('key-chain-lack', () => keyChainLack());
  answer('seal-keys', async (_event, isOn): Promise<SealingOutcome> => {
    if (typeof isOn !== 'boolean') throw new Error('neither on nor off');
    try {
      return { isSealed: await sealKeys(isOn) };
    } catch (error) {
      // An error that crosses here as one would lose its code.
      return { fault: faultValueOf(error) };
    }
  });
}

function answer(channel: string, reply: (event: IpcMainInvokeEvent, argument: unknown) => unknown): void {
  ipcMain.handle(channel, (event, argument: unknown) => {
    if (!isFromWindow(event)) throw new Error('refused: not ImagiQ’s window');
    return reply(event, argument);
  });
}

/** A place for a new file; null where the user cancelled. */
async function saveDialog(event: IpcMainInvokeEvent, name: unknown): Promise<string | null> {
  if (typeof name !== 'string' || !/^[\w .-]{1,120}$/.test(name)) throw new Error('unusable name of a file');
  const extension = path.extname(name).slice(1);
  const window = BrowserWindow.fromWebContents(event.sender);
  const options = {
    title: 'Save',
    defaultPath: path.join(app.getPath('documents'), name),
    filters: extension === '' ? [] : [{ name: extension.toUpperCase(), extensions: [extension] }],
  };
  const result = window ? await dialog.showSaveDialog(window, options) : await dialog.showSaveDialog(options);
  return result.canceled || result.filePath === '' ? null : result.filePath;
}

async function openDialog(event: IpcMainInvokeEvent, options: Electron.OpenDialogOptions): Promise<string[]> {
  const window = BrowserWindow.fromWebContents(event.sender);
  const result = window ? await dialog.showOpenDialog(window, options) : await dialog.showOpenDialog(options);
  return result.canceled ? [] : result.filePaths;
}
