// Which home folder this window works on, and how to start the station for it.
import { app } from 'electron';
import path from 'node:path';

/** The value of `--home DIR` or `--home=DIR`, else the folder that the system keeps for the app. */
export function homeFolder(words: readonly string[]): string {
  const index = words.findIndex((word) => word === '--home' || word.startsWith('--home='));
  const word = words[index];
  const given = word === '--home' ? words[index + 1] : word?.slice('--home='.length);
  return given ? path.resolve(given) : path.join(app.getPath('userData'), 'home');
}

export interface StationProgram {
  readonly node: string;
  readonly file: string;
}

/**
 * The station's TypeScript, run by the Node that the package carries, or from a clone by the one that `IMAGIQ_NODE` names.
 * A package never reads the variable, so that no one can slip another program in.
 */
export function stationProgram(): StationProgram {
  const nodeName = process.platform === 'win32' ? 'node.exe' : 'node';
  if (app.isPackaged) {
    return {
      node: path.join(process.resourcesPath, 'node', nodeName),
      file: path.join(process.resourcesPath, 'app.asar.unpacked', 'src', 'station', 'station.ts'),
    };
  }
  return {
    node: process.env['IMAGIQ_NODE'] ?? nodeName,
    file: path.join(app.getAppPath(), 'src', 'station', 'station.ts'),
  };
}
