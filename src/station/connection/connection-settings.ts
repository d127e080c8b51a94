// The settings by which this station reaches hubs, in connection.json of the home folder (for its user only: it may hold a proxy's password).
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Answers } from '../../contract/calls.ts';
import {
  type connectionCalls,
  type ConnectionChange,
  type ConnectionSettings,
  connectionSettingsSchema,
  type ShownConnection,
} from '../../contract/connection.ts';
import { faultValueOf } from '../../contract/fault.ts';
import { certificatesOf, wayOut } from '../../sync/site/way-out.ts';
import { writeFileDurably } from '../home/durable-file.ts';

export interface ConnectionBook {
  settings(): ConnectionSettings;
  change(given: ConnectionChange): void;
}

/** A damaged file counts as none: the proxy is then the environment's. */
export function openConnectionBook(folder: string): ConnectionBook {
  const file = path.join(folder, 'connection.json');
  let settings = readSettings(file);
  return {
    settings: () => settings,
    change(given) {
      const next = connectionSettingsSchema.parse({ ...settings, ...given });
      writeFileDurably(file, `${JSON.stringify(next, null, 2)}\n`);
      settings = next;
    },
  };
}

function readSettings(file: string): ConnectionSettings {
  try {
    if (existsSync(file)) return connectionSettingsSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    console.error('station: connection.json is damaged; hubs are reached as the environment says');
  }
  return connectionSettingsSchema.parse({});
}

export function connectionAnswers({
  connection,
}: {
  connection: ConnectionBook;
}): Answers<keyof typeof connectionCalls> {
  const shown = (): ShownConnection => {
    const { proxyPassword, ...settings } = connection.settings();
    return {
      ...settings,
      hasPassword: proxyPassword !== null && proxyPassword !== '',
      // Any address that no exception of NO_PROXY is likely to name.
      proxyInUse: withoutLogin(wayOut(connection.settings).proxyFor('wss://hub.imagiq.invalid')),
      caProblem: caProblem(settings.caFile),
    };
  };
  return {
    'connection-settings': () => shown(),
    'change-connection-settings'(given) {
      // One that cannot be used does not take the place of one that can. @throws Fault 484
      certificatesOf(given.caFile ?? null);
      connection.change(given);
      return shown();
    },
  };
}

function withoutLogin(proxy: URL | null): string | null {
  return proxy === null ? null : `${proxy.protocol}//${proxy.host}`;
}

function caProblem(file: string | null): string | null {
  try {
    certificatesOf(file);
    return null;
  } catch (error) {
    return faultValueOf(error).message;
  }
}
