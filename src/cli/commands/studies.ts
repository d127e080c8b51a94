// studies: the study list from the command line.
import { Command } from 'commander';
import type { Distributions } from '../../contract/browse.ts';
import type { StudyPage } from '../../contract/dicom.ts';
import type { StudyFilterInput } from '../../contract/study-filter.ts';
import { contextOf } from '../context.ts';
import { positiveInteger } from '../options.ts';
import { table, shortened } from '../output.ts';
import { removeCommand } from './remove-studies.ts';
import { studyFilterHelp, studyFilterOption } from '../study-filters.ts';

interface StudiesOptions {
  readonly query: string;
  readonly modality?: string;
  readonly filter: StudyFilterInput[];
  readonly limit: number;
  readonly summary?: boolean;
}

export function studiesCommand(): Command {
  return new Command('studies')
    .description('list the studies of the library; `studies remove` takes some out of it')
    .option('--query <text>', 'words that must all occur: patient, description, accession number, UIDs', '')
    .option('--modality <modality>', 'short for --filter modality=…')
    .option('--filter <field=value>', studyFilterHelp, studyFilterOption, [])
    .option('--summary', 'tell how the studies are distributed instead of listing them')
    .option('--limit <number>', 'at most so many', positiveInteger, 100)
    .action(async ({ query, modality, filter, limit, summary }: StudiesOptions, command: Command) => {
      const { output, withStation } = contextOf(command);
      const filters: StudyFilterInput[] = modality ? [...filter, { field: 'modality', anyOf: [modality] }] : filter;
      if (summary) {
        const distributions = await withStation((station) => station.call('distributions', { query, filters }));
        output.result(distributions, () => summaryText(distributions));
        return;
      }
      const page = await withStation((station) => station.call('studies', { query, filters, limit }));
      output.result(page, () => studiesText(page));
    })
    .addCommand(removeCommand());
}

function studiesText({ total, studies }: StudyPage): string {
  if (total === 0) return 'No study matches. `imagiq studies` lists all; `imagiq import FOLDER` brings some in.';
  const rows = studies.map((study) => [
    study.studyDate,
    study.patientName,
    study.patientID,
    study.modalities.join('/'),
    study.description,
    study.series.length,
    study.images,
    study.frames,
    study.instances - study.images,
  ]);
  const shown = studies.length < total ? `\n${studies.length} of ${total} studies; --limit shows more.` : '';
  return (
    table(['date', 'patient', 'ID', 'modality', 'description', 'series', 'images', 'frames', 'other objects'], rows) +
    shown
  );
}

/** Widest bar of the summary, in characters. */
const barWidth = 24;

function summaryText({
  patients,
  studies,
  series,
  instances,
  images,
  fileBytes,
  distributions,
}: Distributions): string {
  const gigabytes = (fileBytes / 1e9).toFixed(fileBytes < 1e9 ? 3 : 1);
  const lines = [
    `${patients} patients, ${studies} studies, ${series} series, ${images} images, ${instances - images} other objects, ${gigabytes} GB of files.`,
  ];
  for (const { field, bars } of distributions) {
    if (bars.length === 0) continue;
    const most = Math.max(...bars.map((bar) => bar.studies), 1);
    const rows = bars.map((bar) => [
      shortened(bar.label),
      bar.studies,
      '█'.repeat(Math.round((bar.studies / most) * barWidth)),
    ]);
    lines.push('', table([field, 'studies', ''], rows));
  }
  return lines.join('\n');
}
