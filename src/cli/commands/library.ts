// import, studies, pixels: the library from the command line.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { CallInput } from '../../contract/calls.ts';
import { Fault } from '../../contract/fault.ts';
import { findingWords } from '../../contract/import-report.ts';
import { systemReason } from '../../contract/system-reason.ts';
import { importModes, type ImportReport } from '../../contract/dicom.ts';
import { contextOf } from '../context.ts';
import { counted, exitCode, inLine, table } from '../output.ts';
import { positiveInteger } from '../options.ts';
import { studiesCommand } from './studies.ts';

/** Refusals listed in text mode; --json lists all. */
const refusalsShown = 20;

export function libraryCommands(): Command[] {
  return [importCommand(), studiesCommand(), instancesCommand(), pixelsCommand()];
}

interface ImportOptions {
  mode: (typeof importModes)[number];
  labels?: string;
  labelColumn?: string;
}

/** A file that is called folders is given as ./folders. */
function labelsOf({ labels, labelColumn }: ImportOptions): CallInput<'import-paths'>['labels'] {
  if (labels === undefined) return null;
  return labels === 'folders' ? labels : { file: path.resolve(labels), column: labelColumn ?? null };
}

/** Refuses an empty path, an unset variable of a script: it would mean the folder that one stands in. */
function statedPaths(text: string, before: string[] | undefined): string[] {
  if (text === '') throw new InvalidArgumentError('a path is empty; the folder that you are in is written “.”.');
  return [...(before ?? []), text];
}

function importCommand(): Command {
  return new Command('import')
    .description(
      'index DICOM files, folders, discs and zip archives; PNG, JPEG and NIfTI are wrapped as DICOM; files are never changed',
    )
    .argument('<path...>', 'files, folders (searched recursively) or zip archives', statedPaths)
    .addOption(
      new Option('--mode <mode>', 'leave files in place or copy them in').choices(importModes).default('reference'),
    )
    .option(
      '--labels <folders|file>',
      'labels: the name of the folder that holds each file, or a CSV with a column file (or sopInstanceUID, …) and a column label',
    )
    .option('--label-column <name>', 'the label’s column, where it is not called label')
    .action(async (paths: string[], options: ImportOptions, command: Command) => {
      const absolute = paths.map((name) => path.resolve(name));
      const { output, withStation } = contextOf(command);
      const report = await withStation(async (station) => {
        station.listen('import-progress', ({ done, found, walking, refused }) =>
          output.progress(`Importing ${done} of ${found}${walking ? '+' : ''} files, ${refused} refused`),
        );
        const cancel = (): void => {
          output.log('Cancelling; what was imported stays.');
          // Where it cannot be asked to, it has ended by itself: the command tells how.
          void station.call('cancel-import', {}).catch(() => {});
        };
        process.once('SIGINT', cancel);
        return station
          .call('import-paths', { paths: absolute, mode: options.mode, labels: labelsOf(options) })
          .finally(() => process.off('SIGINT', cancel));
      });
      output.result(report, () => reportText(report));
      const isNothing = report.imported + report.duplicates === 0;
      if (isNothing && !report.cancelled) output.log(`imagiq: Nothing was imported: ${nothingBecause(report)}`);
      const unreadable = report.refusals.filter(({ path: one }) => absolute.includes(one));
      if (!isNothing && unreadable.length > 0)
        output.log(`imagiq: ${unreadable.length} of the ${absolute.length} paths could not be imported:`);
      if (!isNothing) for (const { path: one, reason } of unreadable) output.log(`  ${one}: ${reason}`);
      if (report.cancelled || isNothing || unreadable.length > 0) process.exitCode = exitCode.failed;
    });
}

function nothingBecause({ files }: ImportReport): string {
  return files === 0
    ? 'there is no file under the path. Name the folder that holds the studies.'
    : 'no file here could be taken in; the reasons stand above.';
}

function reportText(report: ImportReport): string {
  const lines = [
    `${counted(report.files, 'file')}: ${report.imported} imported, ${report.duplicates} already there, ${report.refused} refused (${report.seconds.toFixed(1)} s).`,
    `${counted(report.studies, 'study', 'studies')}, ${report.series} series.`,
  ];
  if (report.labelled > 0) {
    lines.push(
      `${counted(report.labelled, 'image has a label', 'images have labels')}: \`imagiq cohort create NAME\` makes a cohort of them.`,
    );
  }
  lines.push(...report.notes.map((note) => `Note: ${note}`));
  if (report.cancelled) lines.push('Cancelled before the end: import the same path again to continue.');
  for (const { path: file, reason } of report.refusals.slice(0, refusalsShown))
    lines.push(inLine(`  refused ${file}: ${reason}`));
  if (report.refusals.length > refusalsShown)
    lines.push(`  … and ${report.refusals.length - refusalsShown} more (--json lists all)`);
  if (report.findings.length > 0) {
    for (const { kind, findings } of report.findings) {
      const { title, weight } = findingWords[kind];
      lines.push(`  ${title}: ${findings}${weight === 'note' ? ' (to look at)' : ''}`);
    }
    lines.push(`\`imagiq imports show ${report.id}\` tells more.`);
  }
  return lines.join('\n');
}

function instancesCommand(): Command {
  return new Command('instances')
    .description('list the instances of a series')
    .argument('<seriesInstanceUID>', 'from `imagiq studies --json`')
    .action(async (seriesInstanceUID: string, _options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      const found = await withStation((station) => station.call('instances', { seriesInstanceUID }));
      output.result(found, () =>
        table(
          ['number', 'SOP Instance UID', 'frames', 'columns', 'rows'],
          found.instances.map(({ instanceNumber, sopInstanceUID, frames, columns, rows }) => [
            instanceNumber ?? '',
            sopInstanceUID,
            frames,
            columns,
            rows,
          ]),
        ),
      );
    });
}

function pixelsCommand(): Command {
  return new Command('pixels')
    .description('write the stored values of one frame, little-endian, as decoded')
    .argument('<sopInstanceUID>')
    .option('--frame <number>', 'frame of a multi-frame instance, from 1', positiveInteger, 1)
    .requiredOption('--out <file>', 'file to write')
    .action(async (sopInstanceUID: string, options: { frame: number; out: string }, command: Command) => {
      const { output, withStation } = contextOf(command);
      const frame = await withStation((station) => station.call('frame', { sopInstanceUID, frame: options.frame }));
      await writeFile(options.out, frame.pixels).catch((error: unknown) => {
        throw new Fault({
          code: 819,
          message: `The pixels cannot be written to ${options.out}: ${systemReason((error as { code?: unknown }).code)}.`,
          retry: 'later',
        });
      });
      const { rows, columns, samples, bits, signed, photometric, transferSyntax } = frame;
      const description = { rows, columns, samples, bits, signed, photometric, transferSyntax };
      output.result(
        description,
        () =>
          `${columns}×${rows}×${samples}, ${bits} bit${signed ? ' signed' : ''}, ${photometric}, ${transferSyntax} → ${options.out}`,
      );
    });
}
