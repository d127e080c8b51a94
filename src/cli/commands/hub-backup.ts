// hub backup, restore: a hub's folder saved while it runs, and brought back.
import { Command } from 'commander';
import type { BackupManifest } from '../../sync/hub/backup/manifest.ts';
import { restoreBackup } from '../../sync/hub/backup/restore-backup.ts';
import { takeBackup } from '../../sync/hub/backup/take-backup.ts';
import { brokenLedgerText } from '../../sync/hub/ledger-watch.ts';
import { contextOf } from '../context.ts';
import { exitCode } from '../output.ts';

interface Place {
  readonly data?: string;
  readonly blobs?: string;
  readonly postgres?: string;
}

export function backupCommands(): Command[] {
  const backup = new Command('backup')
    .description('save a hub’s folder, while the hub runs or not; what is written is read back and checked')
    .usage('--data <folder> [--blobs <folder>] --to <folder>')
    .addHelpText('after', '\nThe hub is named as for `imagiq hub`: --data, and --blobs where its blobs lie elsewhere.')
    .requiredOption('--to <folder>', 'a new folder for the backup; it will hold the hub’s private key')
    .action(async ({ to }: { to: string }, command: Command) => {
      const { data, blobs } = placeOf(command);
      const manifest = await takeBackup({ folder: data, blobs, to });
      const { output } = contextOf(command);
      // So that a script which throws older backups away after this one does not.
      if (isLedgerBroken(manifest, output.log)) process.exitCode = exitCode.failed;
      output.result(
        { ...manifest, blobs: manifest.blobs.length },
        () =>
          `${to}: trunk ${manifest.trunkVersion ?? '–'}, ${manifest.acceptedUpdates} updates, ${manifest.blobs.length} blobs, ${(manifest.bytes / 1e6).toFixed(1)} MB`,
      );
    });
  const restore = new Command('restore')
    .description('make a hub’s folder out of a backup; a damaged one is refused')
    .usage('--from <folder> --data <new folder>')
    .addHelpText('after', '\nThe folder that is made is named as for `imagiq hub`: --data.')
    .requiredOption('--from <folder>', 'the backup')
    .action(async ({ from }: { from: string }, command: Command) => {
      const { data } = placeOf(command);
      const manifest = await restoreBackup({ from, to: data });
      const { output } = contextOf(command);
      isLedgerBroken(manifest, output.log);
      output.result(
        { ...manifest, blobs: manifest.blobs.length },
        () => `${data} is as the hub was at ${manifest.takenAt}. Start it: imagiq hub --data ${data} --port 8443`,
      );
    });
  return [backup, restore];
}

/** Says so where it is. */
function isLedgerBroken({ ledger: { firstBroken, reason } }: BackupManifest, log: (line: string) => void): boolean {
  if (firstBroken === null || reason === null) return false;
  log(`Warning: the backup is whole, but ${brokenLedgerText({ firstBroken, reason })}.`);
  return true;
}

function placeOf(command: Command): { data: string; blobs: string | undefined } {
  const { data, blobs, postgres } = command.optsWithGlobals<Place>();
  if (postgres !== undefined) {
    command.error('error: rows in PostgreSQL are saved with pg_dump (docs/hub.md).', { exitCode: 2 });
  }
  if (data === undefined) {
    return command.error("error: required option '--data <folder>' not specified", { exitCode: 2 });
  }
  return { data, blobs };
}
