// What every command gets: where its data lie, how it speaks, and how it reaches a station.
import os from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import type { OnPreparing } from '../station/library/database.ts';
import { type Output, outputTo } from './output.ts';
import { linkStation, type StationLink } from './station-link.ts';

export interface Context {
  readonly output: Output;
  readonly home: string;
  /** Runs `work` with a link to the home folder's station and closes it afterwards. */
  withStation<Value>(
    work: (station: StationLink) => Promise<Value>,
    options?: { idleShare?: number; threads?: number },
  ): Promise<Value>;
}

/** The context of a command line, from its global options. */
export function contextOf(command: Command): Context {
  const { json, home } = command.optsWithGlobals<{ json?: boolean; home?: string }>();
  const folder = path.resolve(home ?? process.env['IMAGIQ_HOME'] ?? defaultHome());
  const output = outputTo(json ?? false, process.stdout, process.stderr);
  const onGuests = (): void =>
    output.log('Another imagiq command works through this one, which stays until that one ends.');
  const onPreparing: OnPreparing = ({ step, steps }) =>
    output.log(`Preparing the study index for this version: step ${step} of ${steps}.`);
  return {
    output,
    home: folder,
    async withStation(work, options = {}) {
      const station = await linkStation({ home: folder, onGuests, onPreparing, ...options });
      try {
        return await work(station);
      } finally {
        await station.close();
      }
    },
  };
}

/** The folder that the desktop app uses by default, so that both see the same studies. */
function defaultHome(): string {
  if (process.platform === 'win32') return path.join(process.env['APPDATA'] ?? os.homedir(), 'ImagiQ', 'home');
  if (process.platform === 'darwin') return path.join(os.homedir(), 'Library', 'Application Support', 'ImagiQ', 'home');
  return path.join(process.env['XDG_CONFIG_HOME'] ?? path.join(os.homedir(), '.config'), 'ImagiQ', 'home');
}
