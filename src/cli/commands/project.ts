// project show: what a hub's federation works on, and how far it is.
import { Command } from 'commander';
import { projectStandingIn } from '../../sync/hub/project-standing.ts';
import { contextOf } from '../context.ts';
import { hubPlaceOf, hubPlaceOptions, type HubPlace } from '../hub-place.ts';

export function projectCommand(): Command {
  const project = new Command('project').description('the project of a hub');
  hubPlaceOptions(project.command('show'))
    .description('the project, its rules, and where the trunk stands')
    .action(async (options: HubPlace, command: Command) => {
      const standing = await projectStandingIn(hubPlaceOf(options, command));
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
