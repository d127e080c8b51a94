// cohort create, show, list, delete.
import path from 'node:path';
import { Command, Option } from 'commander';
import { type Cohort, cohortProgressWords, type LabelOrigin, labelOrigins } from '../../contract/cohort.ts';
import { Fault } from '../../contract/fault.ts';
import { type Task, taskNames } from '../../contract/network.ts';
import type { StudyFilterInput } from '../../contract/study-filter.ts';
import { contextOf } from '../context.ts';
import { cohortName } from '../options.ts';
import { table } from '../output.ts';
import { studyFilterHelp, studyFilterOption } from '../study-filters.ts';

interface CreateOptions {
  query: string;
  filter: StudyFilterInput[];
  labels?: string;
  task: Task;
  labelColumn?: string;
  labelColumns?: string[];
  labelsFrom?: LabelOrigin;
}

export function cohortCommand(): Command {
  const cohort = new Command('cohort').description('choose the studies that take part in training');
  cohort
    .command('create')
    .description('make a cohort, or its next version')
    .argument('<name>', 'letters, digits, spaces, . _ - (at most 64)', cohortName)
    .addOption(
      new Option('--task <task>', 'one label of each image, several labels, or the slices of segmented series')
        .choices(taskNames)
        .default('classification'),
    )
    .option('--query <text>', 'only studies that match, as in `imagiq studies`', '')
    .option('--filter <field=value>', studyFilterHelp, studyFilterOption, [])
    .option('--labels <file>', 'CSV: a column file, sopInstanceUID, studyInstanceUID or patientID, and a column label')
    .option('--label-column <name>', 'the label’s column, where it is not called label')
    .option(
      '--label-columns <names>',
      'for multi-label: columns of 0 and 1, by comma; without it all such columns, or a column label with labels joined by |',
      (names: string) => names.split(',').map((name) => name.trim()),
    )
    .addOption(
      new Option(
        '--labels-from <origin>',
        'labels stored with the studies; without this and --labels, those of the import',
      )
        .choices(labelOrigins)
        .conflicts('labels'),
    )
    .action(async (name: string, options: CreateOptions, command: Command) => {
      const { output, withStation } = contextOf(command);
      const labelsFile = options.labels === undefined ? null : path.resolve(options.labels);
      const asked = {
        name,
        task: options.task,
        query: options.query,
        filters: options.filter,
        labelsFile,
        labelColumn: options.labelColumn ?? null,
        labelColumns: options.labelColumns ?? null,
        labelsFrom: options.labelsFrom ?? null,
      };
      const created = await withStation((station) => {
        const cancelling = new AbortController();
        const cancel = (): void => cancelling.abort();
        process.once('SIGINT', cancel);
        station.listen('cohort-progress', (news) => output.progress(cohortProgressWords(news)));
        return station.call('create-cohort', asked, cancelling.signal).finally(() => process.off('SIGINT', cancel));
      });
      output.result(created, () => cohortText(created));
    });
  cohort
    .command('show')
    .argument('<name>')
    .description('show a cohort: classes, split, warnings')
    .action(async (name: string, _options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      const { cohorts } = await withStation((station) => station.call('cohorts', {}));
      const found = cohorts.find((candidate) => candidate.name === name);
      if (!found) throw noSuchCohort(name, cohorts);
      output.result(found, () => cohortText(found));
    });
  cohort
    .command('list')
    .description('list the cohorts')
    .action(async (_options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      const { cohorts } = await withStation((station) => station.call('cohorts', {}));
      output.result({ cohorts }, () =>
        table(
          ['name', 'task', 'version', 'patients', 'instances', 'classes'],
          cohorts.map(({ name, task, version, patients, instances, classes }) => [
            name,
            task,
            version,
            patients,
            instances,
            listedClasses(classes),
          ]),
          'No cohorts yet. `imagiq cohort create NAME` makes one.',
        ),
      );
    });
  cohort
    .command('delete')
    .argument('<name>')
    .description('delete a cohort; studies and models stay')
    .action(async (name: string, _options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      await withStation((station) => station.call('delete-cohort', { name }));
      output.result({ deleted: name }, () => `Cohort ${name} deleted.`);
    });
  cohort
    .command('forget-patient')
    .argument('<patient-id>', 'PatientID as in the study list; the study’s UID where its files have none')
    .description('take a patient out of all cohorts and built data sets, for good; the studies stay in the library')
    .action(async (patientID: string, _options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      const { cohorts } = await withStation((station) => station.call('forget-patient', { patientID }));
      const told =
        cohorts.length === 0
          ? 'No cohort had a patient of this ID, written as in the study list; none will take one in.'
          : `Taken out of ${cohorts.join(', ')}.`;
      output.result({ cohorts }, () => told);
    });
  return cohort;
}

function noSuchCohort(name: string, cohorts: readonly Cohort[]): Fault {
  const known =
    cohorts.length > 0 ? `Known cohorts: ${cohorts.map((cohort) => cohort.name).join(', ')}.` : 'There is none yet.';
  return new Fault({ code: 801, message: `There is no cohort ${name}. ${known}`, retry: 'never' });
}

function cohortText(cohort: Cohort): string {
  const { split } = cohort;
  const lines = [
    `Cohort ${cohort.name}, version ${cohort.version} (${cohort.hash.slice(0, 12)})`,
    `${cohort.studies} studies of ${cohort.patients} patients, ${cohort.instances} ${cohort.task === 'segmentation' ? 'slices with masks' : 'labelled instances'}, ${cohort.unlabelled} without a label left out`,
    table(
      ['class', 'instances', 'patients'],
      cohort.classes.map(({ name, instances, patients }) => [name, instances, patients]),
    ),
    table(
      ['split', 'instances', 'patients'],
      (['train', 'validation', 'test'] as const).map((part) => [part, split[part].instances, split[part].patients]),
    ),
    ...cohort.warnings.map((warning) => `Note: ${warning}`),
  ];
  return lines.join('\n');
}

const classesListed = 8;

/** The first names, and how many there are where they do not fit a line. */
function listedClasses(classes: Cohort['classes']): string {
  const names = classes.slice(0, classesListed).map(({ name }) => name);
  return names.join(', ') + (classes.length > classesListed ? ` … (${classes.length} in all)` : '');
}
