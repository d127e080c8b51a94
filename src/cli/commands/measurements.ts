// measurements: what readers measured on a study, as a table for other programs.
import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { contextOf } from '../context.ts';

export function measurementsCommand(): Command {
  return new Command('measurements')
    .description('list the measurements on a study as comma separated values')
    .argument('<studyInstanceUID>', 'from `imagiq studies --json`')
    .option('--out <file>', 'file to write; without it they are printed')
    .action(async (studyInstanceUID: string, options: { out?: string }, command: Command) => {
      const { output, withStation } = contextOf(command);
      const { measurements, text } = await withStation(async (station) => ({
        ...(await station.call('measurements', { studyInstanceUID })),
        text: (await station.call('measurements-table', { studyInstanceUID })).text,
      }));
      if (options.out === undefined) return output.document({ measurements }, text.trimEnd());
      await writeFile(options.out, text);
      output.result(
        { measurements: measurements.length, file: options.out },
        () => `${measurements.length} measurements → ${options.out}`,
      );
    });
}
