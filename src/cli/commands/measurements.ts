// measurements: what readers measured, as a table for other programs.
import path from 'node:path';
import { Command } from 'commander';
import { contextOf } from '../context.ts';
import { exitCode } from '../output.ts';

export function measurementsCommand(): Command {
  return new Command('measurements')
    .description('list the measurements on a study, or on all of them, as comma separated values')
    .argument('[studyInstanceUID]', 'from `imagiq studies --json`')
    .option('--all', 'those of every study')
    .option('--out <file>', 'file to write; without it they are printed')
    .action(async (uid: string | undefined, options: { all?: true; out?: string }, command: Command) => {
      if ((uid === undefined) !== (options.all === true))
        return command.error('error: Name one study by its Study Instance UID, or give --all.', {
          exitCode: exitCode.wrongUse,
        });
      const { output, withStation } = contextOf(command);
      const asked = { studyInstanceUID: uid ?? null };
      if (options.out === undefined) {
        const { measurements, text } = await withStation(async (station) => ({
          ...(await station.call('measurements', asked)),
          text: (await station.call('measurements-table', asked)).text,
        }));
        return output.document({ measurements }, text.trimEnd());
      }
      const file = path.resolve(options.out);
      const { measurements } = await withStation((station) => station.call('save-measurements', { ...asked, file }));
      output.result({ measurements, file: options.out }, () => `${measurements} measurements → ${options.out}`);
    });
}
