// measurements: what readers measured on a study, as a table for other programs.
import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import type { Measurement } from '../../contract/annotation.ts';
import { contextOf } from '../context.ts';

export function measurementsCommand(): Command {
  return new Command('measurements')
    .description('list the measurements on a study as comma separated values')
    .argument('<studyInstanceUID>', 'from `imagiq studies --json`')
    .option('--out <file>', 'file to write; without it they are printed')
    .action(async (studyInstanceUID: string, options: { out?: string }, command: Command) => {
      const { output, withStation } = contextOf(command);
      const { measurements } = await withStation((station) => station.call('measurements', { studyInstanceUID }));
      const text = measurementsTable(measurements);
      if (options.out === undefined) return output.result({ measurements }, () => text.trimEnd());
      await writeFile(options.out, text);
      output.result(
        { measurements: measurements.length, file: options.out },
        () => `${measurements.length} measurements → ${options.out}`,
      );
    });
}

/** RFC 4180; one column for each name of a measured value; points as `column row` pairs. */
function measurementsTable(measurements: readonly Measurement[]): string {
  const names = [...new Set(measurements.flatMap(({ values }) => Object.keys(values)))].sort();
  const header = ['StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID', 'frame', 'kind', 'label', 'changedAt'];
  const rows = measurements.map((one) => [
    one.studyInstanceUID,
    one.seriesInstanceUID,
    one.sopInstanceUID,
    one.frame,
    one.kind,
    one.label,
    one.changedAt,
    one.points.map((point) => point.join(' ')).join('; '),
    ...names.map((name) => one.values[name] ?? ''),
  ]);
  return [[...header, 'points', ...names], ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

/** Text that a spreadsheet would run as a formula is kept from it by an apostrophe. */
function cell(value: string | number): string {
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
