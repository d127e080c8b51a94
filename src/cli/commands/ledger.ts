// ledger list, verify, export: the append-only record, of a site (its data folder) or of a hub (--data).
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { reasonOf } from '../../contract/fault.ts';
import type { LedgerEntry, LedgerVerification } from '../../contract/ledger.ts';
import { ledgerRow } from '../../contract/ledger-acts.ts';
import { ledgerFault } from '../../ledger/faults.ts';
import { ledgerExport } from '../../ledger/export-text.ts';
import { hubLedgerEntriesIn, verifyHubLedgerIn } from '../../sync/hub/ledger-in.ts';
import { contextOf } from '../context.ts';
import { type HubPlace, postgresAddress } from '../hub-place.ts';
import { ledgerAct, positiveInteger } from '../options.ts';
import { counted, exitCode, table } from '../output.ts';

interface Which extends HubPlace {
  readonly act?: string;
  readonly federation?: string;
}

export function ledgerCommand(): Command {
  const ledger = new Command('ledger').description('the append-only record of each act and of every byte that left');
  which(ledger.command('list').description('the latest entries, newest first'))
    .option('--limit <number>', 'how many', positiveInteger, 40)
    .action(async (options: Which & { limit: number }, command: Command) => {
      const { output, withStation } = contextOf(command);
      const { data, limit, act = null, federation = null } = options;
      const postgres = database(options, command);
      const entries =
        data === undefined
          ? (await withStation((station) => station.call('ledger', { limit: Math.min(limit, 1_000), act, federation })))
              .entries
          : await hubLedgerEntriesIn(data, limit, wanted(options), postgres);
      output.result({ entries }, () => (entries.length === 0 ? 'No entry.' : listed(entries)));
    });
  hubsOwn(ledger.command('verify'))
    .description('recompute the whole chain and its signed checkpoints; the first wrong entry is named, exit code 1')
    .action(async (options: Which, command: Command) => {
      const { data } = options;
      const postgres = database(options, command);
      const { output, withStation } = contextOf(command);
      const found =
        data === undefined
          ? await withStation((station) => station.call('verify-ledger', {}))
          : await verifyHubLedgerIn(data, postgres);
      output.result(found, () => verificationText(found));
      if (!found.verified) process.exitCode = exitCode.failed;
    });
  which(ledger.command('export').description('write the entries to a file: .json with the chain, or .csv'))
    .argument('<file>', 'ends in .json or .csv')
    .action(async (file: string, options: Which, command: Command) => {
      const { output, withStation } = contextOf(command);
      const format = path.extname(file).toLowerCase().slice(1);
      if (format !== 'csv' && format !== 'json')
        return command.error('error: the file must end in .json or .csv.', { exitCode: exitCode.wrongUse });
      const { data, act = null, federation = null } = options;
      const postgres = database(options, command);
      let entries: number;
      if (data === undefined) {
        const order = { file: path.resolve(file), format, act, federation } as const;
        entries = (await withStation((station) => station.call('export-ledger', order))).entries;
      } else {
        const found = (await hubLedgerEntriesIn(data, Infinity, wanted(options), postgres)).reverse();
        try {
          writeFileSync(file, ledgerExport(found, format), { mode: 0o600 });
        } catch (thrown) {
          throw ledgerFault.exportNotWritten(file, reasonOf(thrown));
        }
        entries = found.length;
      }
      output.result({ file, entries }, () => `${counted(entries, 'entry', 'entries')} written to ${file}.`);
    });
  return ledger;
}

function which(command: Command): Command {
  return hubsOwn(command)
    .option('--act <name>', 'only this act, such as update-sent', ledgerAct)
    .option('--federation <name>', 'only this federation');
}

function hubsOwn(command: Command): Command {
  return command
    .option('--data <folder>', 'a hub’s data folder instead of this site’s; the hub may be running')
    .option('--postgres <address>', 'with --data: the database that the hub shares with others');
}

/** Ends the program with exit code 2 where the folder is missing that holds the hub's keys. */
function database({ data, postgres }: Which, command: Command): string | undefined {
  if (postgres !== undefined && data === undefined)
    return command.error('error: --postgres needs --data, the folder with the hub’s keys.', {
      exitCode: exitCode.wrongUse,
    });
  return postgresAddress(postgres, command);
}

function wanted({ act, federation }: Which): (entry: LedgerEntry) => boolean {
  return (entry) =>
    (act === undefined || entry.act === act) && (federation === undefined || entry.detail['federation'] === federation);
}

function listed(entries: readonly LedgerEntry[]): string {
  return table(
    ['no.', 'when', 'act', 'whom', 'bytes', 'what'],
    entries.map((entry) => {
      const { words, whom, bytes, told } = ledgerRow(entry);
      return [String(entry.sequence), entry.at, words, whom, bytes === null ? '' : String(bytes), told];
    }),
  );
}

function verificationText(found: LedgerVerification): string {
  const lines = [
    found.verified
      ? `The chain holds: ${counted(found.entries, 'entry', 'entries')}, ${counted(found.checkpoints, 'signed checkpoint')}, ${found.signedEntries} of the entries signed.`
      : `The ledger is NOT as it was written. Entry ${found.firstBroken}: ${found.reason}.`,
    ...found.witnesses.map(({ by, entries, at }) => `Countersigned by ${by} up to entry ${entries} on ${at}.`),
  ];
  return lines.join('\n');
}
