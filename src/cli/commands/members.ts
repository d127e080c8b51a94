// members list, revoke, expel: the coordinator's view of who belongs, from the hub's folder, whether the hub runs or not.
import { Command, Option } from 'commander';
import { endMembershipIn, listMembersIn } from '../../sync/hub/membership-end.ts';
import {
  type MembershipEnd,
  type WaitingUpdates,
  waitingUpdatesByDefault,
  waitingUpdatesPolicies,
} from '../../sync/hub/members.ts';
import { contextOf } from '../context.ts';
import { hubPlaceOf, hubPlaceOptions, type HubPlace } from '../hub-place.ts';
import { table } from '../output.ts';

export function membersCommand(): Command {
  const members = new Command('members').description('who belongs to the federation of a hub');
  hubPlaceOptions(members.command('list'))
    .description('everyone who ever joined')
    .action(async (options: HubPlace, command: Command) => {
      const listed = await listMembersIn(hubPlaceOf(options, command));
      contextOf(command).output.result({ members: listed }, () =>
        listed.length === 0
          ? 'Nobody has joined yet. `imagiq invite` makes an invite.'
          : table(
              ['site', 'role', 'standing', 'updates', 'last seen', 'fingerprint', 'because'],
              listed.map(({ site, role, state, updates, lastSeen, fingerprint, because }) => [
                site,
                role,
                state,
                updates,
                lastSeen ?? 'never',
                fingerprint.slice(0, 16),
                because ?? '',
              ]),
            ),
      );
    });
  members.addCommand(
    endCommand(
      'revoke',
      'revoked',
      'cut a site off at once and bar its device for good: its key may be in other hands',
    ),
  );
  members.addCommand(
    endCommand('expel', 'expelled', 'cut a site off at once; it may come back when it is invited again'),
  );
  members.addCommand(
    endCommand('retire', 'retired', 'end a site’s part in good order; it may come back when it is invited again'),
  );
  return members;
}

interface EndOptions extends HubPlace {
  readonly because: string;
  readonly waiting: WaitingUpdates;
}

function endCommand(name: string, kind: MembershipEnd['kind'], description: string): Command {
  return hubPlaceOptions(new Command(name))
    .description(description)
    .argument('<site>', 'the member’s name')
    .requiredOption('--because <reason>', 'told to the site')
    .addOption(
      new Option('--waiting <policy>', 'its updates that were accepted and are in no commit yet')
        .choices(waitingUpdatesPolicies)
        .default(waitingUpdatesByDefault[kind]),
    )
    .action(async (site: string, options: EndOptions, command: Command) => {
      const because = options.because.trim().slice(0, 500);
      if (because === '') command.error('error: --because must say why.', { exitCode: 2 });
      const ended = await endMembershipIn(hubPlaceOf(options, command), site, {
        kind,
        because,
        waitingUpdates: options.waiting,
      });
      contextOf(command).output.result(
        ended,
        () =>
          `${site} is ${kind}; nothing more is taken. Its updates that no commit has counted yet are ${options.waiting === 'discard' ? 'thrown away' : 'still counted'}.`,
      );
    });
}
