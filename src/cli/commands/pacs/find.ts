// pacs find: the studies that a peer holds.
import { Command } from 'commander';
import { type RemoteStudy, remoteQuerySchema } from '../../../contract/pacs.ts';
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
  studyInstanceUID: '--study has at most 64 characters.',
  limit: '--limit must be 1 to 10000.',
};

interface FindOptions {
  patientName: string;
  patientId: string;
  accession: string;
  date: string;
  modality: string;
  study: string;
  limit: number;
}

export function findCommand(): Command {
  return new Command('find')
    .description('look for studies at a peer; * and ? are wildcards')
    .argument('<peer>')
    .option('--patient-name <name>', 'as DICOM writes it: Miller^Anna', '')
    .option('--patient-id <id>', '', '')
    .option('--accession <number>', '', '')
    .option('--date <range>', '20260101, 20260101-20260131, 20260101-', '')
    .option('--modality <code>', 'CT, MR, …', '')
    .option('--study <uid>', 'Study Instance UID', '')
    .option('--limit <number>', 'most studies', positiveInteger, 500)
    .action(async (peer: string, options: FindOptions, command: Command) => {
      const { output, withStation } = contextOf(command);
      const query = remoteQuerySchema.safeParse({
        patientName: options.patientName,
        patientID: options.patientId,
        accessionNumber: options.accession,
        studyDate: options.date,
        modality: options.modality,
        studyInstanceUID: options.study,
        limit: options.limit,
      });
      if (!query.success) {
        const why = findRules[String(query.error.issues[0]?.path[0])] ?? 'This cannot be looked for.';
        return command.error(`error: ${why}`, { exitCode: exitCode.wrongUse });
      }
      const found = await withStation((station) => station.call('find-studies', { peer, query: query.data }));
      return output.result(found, () => foundText(found));
    });
}

function foundText({ studies, isCut }: { studies: RemoteStudy[]; isCut: boolean }): string {
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
  if (isCut) lines.push('There are more: narrow the search, or raise --limit.');
  return lines.join('\n');
}
