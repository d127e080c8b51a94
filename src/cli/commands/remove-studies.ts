// studies remove: takes studies, series and patients out of the library.
import { Command } from 'commander';
import type { RemovalPlan, RemovalReport } from '../../contract/removal.ts';
import { contextOf } from '../context.ts';
import { counted, exitCode } from '../output.ts';

interface RemoveOptions {
  readonly patient: string[];
  readonly yes?: boolean;
}

export function removeCommand(): Command {
  return new Command('remove')
    .description(
      'take studies or series out of the library, for good; copies of theirs are deleted, files indexed in place are not touched',
    )
    .argument('[uid...]', 'Study or Series Instance UIDs, from `imagiq studies --json`')
    .option(
      '--patient <patient-id...>',
      'all studies of a patient: PatientID as in the study list, the study’s UID where its files have none',
      [],
    )
    .option('--yes', 'remove them; without it, only tell what would go')
    .action(async (uids: string[], { patient, yes }: RemoveOptions, command: Command) => {
      if (uids.length === 0 && patient.length === 0)
        command.error('error: name studies or series by UID, or a patient with --patient', {
          exitCode: exitCode.wrongUse,
        });
      const { output, withStation } = contextOf(command);
      const request = { uids, patientIDs: patient };
      if (yes !== true) {
        const plan = await withStation((station) => station.call('plan-removal', request));
        output.result(plan, () => planText(plan));
        process.exitCode = exitCode.failed;
        return;
      }
      const report = await withStation((station) => {
        const cancelling = new AbortController();
        const cancel = (): void => {
          output.log('Cancelling; what is removed stays removed.');
          cancelling.abort();
        };
        process.once('SIGINT', cancel);
        station.listen('removal-progress', ({ done, total }) =>
          output.progress(`Removing ${done} of ${counted(total, 'instance')}`),
        );
        return station.call('remove-studies', request, cancelling.signal).finally(() => process.off('SIGINT', cancel));
      });
      output.result(report, () => reportText(report));
      if (report.cancelled) process.exitCode = exitCode.failed;
    });
}

function planText(plan: RemovalPlan): string {
  const { studies, series, instances, copies, measurements, labels, cohorts, usedBy, unknown } = plan;
  const missing = unknown.map((one) => `Not in the library: ${one}`);
  if (series === 0) return [...missing, 'Nothing would be removed.'].join('\n');
  const along = [
    ...(measurements > 0 ? [counted(measurements, 'measurement')] : []),
    ...(labels > 0 ? [counted(labels, 'label')] : []),
  ];
  return [
    ...missing,
    `${counted(studies, 'whole study', 'whole studies')}, ${series} series, ${counted(instances, 'instance')} would go${along.length > 0 ? `, with ${along.join(' and ')}` : ''}.`,
    `${counted(copies, 'copy', 'copies')} in the data folder would be deleted; ${counted(instances - copies, 'original')} where they lie would not be touched.`,
    ...cohorts.map(
      ({ name, images }) =>
        `Cohort ${name} has ${counted(images, 'image')} of it: it stays as it is, and they are left out of what is built from it next.`,
    ),
    ...usedBy.map((use) => `In the way: ${use}.`),
    usedBy.length > 0
      ? 'Nothing can be removed before that has ended.'
      : 'Nothing was removed. With --yes it is, and cannot be undone; importing the files again brings the studies back.',
  ].join('\n');
}

function reportText({ studies, series, instances, copies, cancelled }: RemovalReport): string {
  return [
    `${counted(instances, 'instance')} removed: ${counted(studies, 'whole study', 'whole studies')}, ${series} series. ${counted(copies, 'copy', 'copies')} deleted.`,
    ...(cancelled ? ['Cancelled before the end: the same command continues.'] : []),
  ].join('\n');
}
