// hub console-link: the way into the hub's web console.
import { Command, Option } from 'commander';
import { consoleRoles, type ConsoleRole } from '../../contract/console.ts';
import { consoleLinkIn } from '../../sync/hub/console/sign-in.ts';
import { contextOf } from '../context.ts';
import { hubPlaceOf, type HubPlace } from '../hub-place.ts';

export function consoleLinkCommand(): Command {
  return new Command('console-link')
    .description('make a link that signs one person in to the web console, once, within 15 minutes')
    .usage('--data <folder> [options]')
    .addOption(
      new Option('--role <role>', 'an observer reads and changes nothing').choices(consoleRoles).default('coordinator'),
    )
    .action(async ({ role }: { role: ConsoleRole }, command: Command) => {
      const made = await consoleLinkIn(hubPlaceOf(command.optsWithGlobals<HubPlace>(), command), role);
      contextOf(command).output.result(made, () => made.link);
    });
}
