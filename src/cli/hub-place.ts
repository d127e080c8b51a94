// Where a hub's rows are, as its coordinator says it: a data folder, or a PostgreSQL database.
import type { Command } from 'commander';
import { isPostgres } from '../sync/hub/hub-database.ts';
import { exitCode } from './output.ts';

export interface HubPlace {
  readonly data?: string;
  readonly postgres?: string;
}

/** Options of a command beside a hub. */
export function hubPlaceOptions(command: Command): Command {
  return command
    .option('--data <folder>', 'the hub’s data folder; the hub may be running')
    .option('--postgres <address>', 'or the database that several hubs share: postgres://user@host/database');
}

/** Ends the program with exit code 2 when neither was given, or no address. */
export function hubPlaceOf({ data, postgres }: HubPlace, command: Command): string {
  const place = postgresAddress(postgres, command) ?? data;
  if (place !== undefined) return place;
  return command.error("error: required option '--data <folder>' or '--postgres <address>' not specified", {
    exitCode: exitCode.wrongUse,
  });
}

/** The address is never repeated: it may hold a password. */
export function postgresAddress(postgres: string | undefined, command: Command): string | undefined {
  if (postgres === undefined || isPostgres(postgres)) return postgres;
  return command.error('error: --postgres must be an address such as postgres://user@host:5432/database', {
    exitCode: exitCode.wrongUse,
  });
}
