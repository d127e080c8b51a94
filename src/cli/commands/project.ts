// project show: what a hub's federation works on, and how far it is.
import { Command } from 'commander';
import { projectStandingIn } from '../../sync/hub/project-standing.ts';
import { contextOf } from '../context.ts';

export function projectCommand(): Command {
  const project = new Command('project').description('the project of a hub');
  project
    .command('show')
    .description('the project, its rules, and where the trunk stands')
    .requiredOption('--data <folder>', 'the hub’s data folder; the hub may be running')
    .action(async ({ data }: { data: string }, command: Command) => {
      const standing = await projectStandingIn(data);
      const { project: shown, trunkVersion, isFinished, bufferedUpdates, projectHash } = standing;
      contextOf(command).output.result(standing, () =>
        [
          `${shown.title} (${shown.id})`,
          `Classes ${shown.classes.join(', ')}; network ${shown.network.name}`,
          `Trunk ${trunkVersion} of ${shown.commits}${isFinished ? ', finished' : ''}; ${bufferedUpdates} updates wait`,
          `Rule ${JSON.stringify(shown.trunkRule)}`,
          `Hash ${projectHash}`,
        ].join('\n'),
      );
    });
  return project;
}
