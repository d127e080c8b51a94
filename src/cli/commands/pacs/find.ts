// pacs find: the studies that a peer holds, and the series of one.
import { Command } from 'commander';
import { type RemoteSeries, type RemoteStudy, remoteQuerySchema } from '../../../contract/pacs.ts';
import { contextOf } from '../../context.ts';
import { positiveInteger } from '../../options.ts';
import { exitCode, table } from '../../output.ts';

/** What a study may be looked for by, by the query's part. */
const findRules: Readonly<Record<string, string>> = {
  patientName: '--patient-name has at most 200 characters.',
  patientID: '--patient-id has at most 64 characters.',
  accessionNumber: '--accession has at most 64 characters.',
  studyDate:
    '--date must be a day or a range as DICOM writes them: 20260101, 20260101-20260131, 20260101- or -20260131.',
  modality: '--modality has at most 16 characters.',
  description: '--description has at most 64 characters.',
  studyInstanceUID: '--study has at most 64 characters.',
  limit: '--limit must be 1 to 10000.',
};

interface FindOptions {
  patientName: string;
  patientId: string;
  accession: string;
  date: string;
  modality: string;
  description: string;
  study: string;
  series?: true;
  limit: number;
}

export function findCommand(): Command {
  return new Command('find')
    .description('look for studies at a peer, told newest first; * and ? are wildcards')
    .argument('<peer>')
    .option('--patient-name <name>', 'as DICOM writes it: Miller^Anna', '')
    .option('--patient-id <id>', '', '')
    .option('--accession <number>', '', '')
    .option('--date <range>', '20260101, 20260101-20260131, 20260101-', '')
    .option('--modality <code>', 'CT, MR, …', '')
    .option('--description <text>', 'of the study; not every PACS looks for it', '')
    .option('--study <uid>', 'Study Instance UID', '')
    .option('--series', 'list the series of the study that --study names')
    .option('--limit <number>', 'most studies', positiveInteger, 500)
    .action(async (peer: string, options: FindOptions, command: Command) => {
      const { output, withStation } = contextOf(command);
      const query = remoteQuerySchema.safeParse({
        patientName: options.patientName,
        patientID: options.patientId,
        accessionNumber: options.accession,
        studyDate: options.date,
        modality: options.modality,
        description: options.description,
        studyInstanceUID: options.study,
        limit: options.limit,
      });
      if (!query.success) {
        const why = findRules[String(query.error.issues[0]?.path[0])] ?? 'This cannot be looked for.';
        return command.error(`error: ${why}`, { exitCode: exitCode.wrongUse });
      }
      if (options.series) {
        const studyInstanceUID = options.study;
        if (!/^[0-9][0-9.]*$/.test(studyInstanceUID))
          return command.error('error: --series lists the series of one study: name it with --study UID.', {
            exitCode: exitCode.wrongUse,
          });
        const { series } = await withStation((station) => station.call('find-series', { peer, studyInstanceUID }));
        return output.result({ series }, () => seriesText(series));
      }
      const found = await withStation((station) => station.call('find-studies', { peer, query: query.data }));
      return output.result(found, () => foundText(found, options.limit));
    });
}

function foundText({ studies, isCut }: { studies: RemoteStudy[]; isCut: boolean }, limit: number): string {
  if (studies.length === 0) return 'No study found.';
  const rows = studies.map((study) => [
    study.studyDate,
    study.patientID,
    study.patientName,
    study.modalities.join(' '),
    study.description,
    `${study.instancesHere}/${study.instances ?? '?'}`,
    study.studyInstanceUID,
  ]);
  const lines = [table(['date', 'patient ID', 'name', 'modality', 'description', 'here', 'Study Instance UID'], rows)];
  if (isCut) {
    const which = `there are more, and which ${limit} were told is the peer’s choice, not by date`;
    lines.push(`Cut at --limit ${limit}: ${which}. Narrow the search (--date), or raise --limit.`);
  }
  return lines.join('\n');
}

function seriesText(series: readonly RemoteSeries[]): string {
  const rows = series.map((one) => [
    one.seriesNumber ?? '',
    one.modality,
    one.description,
    `${one.instancesHere}/${one.instances ?? '?'}`,
    one.seriesInstanceUID,
  ]);
  return table(['number', 'modality', 'description', 'here', 'Series Instance UID'], rows);
}
