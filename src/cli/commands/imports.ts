// imports: what past imports did and found amiss.
import path from 'node:path';
import { Command, Option } from 'commander';
import {
  type Finding,
  findingKinds,
  findingWords,
  type PastImport,
  type ReportFormat,
  reportFormats,
} from '../../contract/import-report.ts';
import { contextOf } from '../context.ts';
import { positiveInteger } from '../options.ts';
import { counted, inLine, table } from '../output.ts';

/** Findings of a kind listed in text mode; --format and --json have all. */
const findingsShown = 10;
const listedAtMost = 10_000;

export function importsCommand(): Command {
  return new Command('imports')
    .description('list past imports; `imports show ID` tells what one found amiss')
    .option('--limit <number>', 'at most so many', positiveInteger, 100)
    .action(async (options: { limit: number }, command: Command) => {
      const { output, withStation } = contextOf(command);
      const found = await withStation((station) => station.call('imports', { limit: options.limit }));
      output.result(found, () => importsText(found.imports));
    })
    .addCommand(showCommand());
}

function showCommand(): Command {
  return new Command('show')
    .description('the report of one import')
    .argument('<id>', 'from `imagiq imports`', positiveInteger)
    .addOption(new Option('--format <format>', 'the whole report in this format').choices(reportFormats))
    .option('--out <file>', 'write it to a file (the format is its ending’s, unless --format says another)')
    .action(async (id: number, options: { format?: ReportFormat; out?: string }, command: Command) => {
      const { output, withStation } = contextOf(command);
      const format = options.format ?? formatOf(options.out);
      if (options.out !== undefined) {
        const file = path.resolve(options.out);
        await withStation((station) => station.call('export-import', { id, format: format ?? 'html', file }));
        output.result({ file }, () => `Written to ${file}.`);
        return;
      }
      if (format !== undefined && !output.isJson) {
        const { text } = await withStation((station) => station.call('export-import', { id, format }));
        output.document(text, (text ?? '').trimEnd());
        return;
      }
      const found = await withStation((station) => station.call('import-findings', { id, limit: listedAtMost }));
      output.result(found, () => findingsText(found.import, found.findings));
    });
}

function formatOf(file: string | undefined): ReportFormat | undefined {
  const ending = path
    .extname(file ?? '')
    .slice(1)
    .toLowerCase();
  return reportFormats.find((format) => format === ending);
}

function importsText(imports: readonly PastImport[]): string {
  if (imports.length === 0) return 'Nothing was imported yet. `imagiq import FOLDER` does.';
  const rows = imports.map((one) => [
    one.id,
    one.startedAt.slice(0, 16).replace('T', ' '),
    one.files,
    one.imported,
    one.duplicates,
    one.refused,
    one.findings.reduce((sum, { findings }) => sum + findings, 0),
    one.cancelled ? 'cancelled' : one.state,
    one.paths.join(' '),
  ]);
  return table(['import', 'at (UTC)', 'files', 'imported', 'known', 'refused', 'findings', 'state', 'from'], rows);
}

function findingsText(past: PastImport, findings: readonly Finding[]): string {
  const lines = [
    `Import ${past.id}, ${past.startedAt}: ${counted(past.files, 'file')}, ${past.imported} imported, ${past.duplicates} already there, ${past.refused} refused.`,
    ...(past.labelled > 0 ? [`${counted(past.labelled, 'image')} got a label.`] : []),
    ...past.notes.map((note) => `Note: ${note}`),
  ];
  if (past.state === 'running') lines.push('It is running: what it finds amiss is told at its end.');
  else if (past.state === 'cut-off')
    lines.push(
      past.mode === 'received'
        ? 'It was cut off by a fault or a kill: what was acknowledged is here; what is amiss is told when more of these series arrives.'
        : 'It was cut off by a fault or a kill: import the same paths again to have the rest and the findings.',
    );
  else if (findings.length === 0) lines.push('Nothing amiss was found.');
  for (const kind of findingKinds) {
    const ofKind = findings.filter((one) => one.kind === kind);
    if (ofKind.length === 0) continue;
    const { title, weight, advice } = findingWords[kind];
    lines.push('', `${title} (${weight}, ${ofKind.length})`, `  ${advice}`);
    for (const { subject, what, studyInstanceUID } of ofKind.slice(0, findingsShown)) {
      const study = studyInstanceUID === null ? '' : ` of study ${studyInstanceUID}`;
      lines.push(inLine(`  - ${subject}${study}: ${what}`));
    }
    if (ofKind.length > findingsShown)
      lines.push(`  … and ${ofKind.length - findingsShown} more (--format csv lists all)`);
  }
  return lines.join('\n');
}
