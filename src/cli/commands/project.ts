// project propose, show, retire: the coordinator's, at the hub's folder. project approve, decline: the data manager's, at the site.
import { Command } from 'commander';
import { sitesAwaitedText, tooFewText } from '../../contract/federation.ts';
import { initialTrunk } from '../../station/initial-trunk.ts';
import { proposeProjectIn, retireProjectIn } from '../../sync/hub/project-acts.ts';
import { type ProjectStanding, projectStandingIn } from '../../sync/hub/project-standing.ts';
import { presentProject } from '../announced-project.ts';
import { contextOf } from '../context.ts';
import { heardAnswer } from '../heard-answer.ts';
import { hubPlaceOf, hubPlaceOptions, type HubPlace, postgresAddress } from '../hub-place.ts';
import { counted, exitCode } from '../output.ts';
import { addProjectOptions, projectOf, type ProjectOptions } from '../project-options.ts';
import { membershipText, projectLine } from '../membership-text.ts';
import { projectText } from '../project-text.ts';
import { approveCommand, chosenFederation } from './member.ts';

interface ProposeOptions extends ProjectOptions {
  readonly data: string;
  readonly postgres?: string;
  readonly blobs?: string;
}

export function projectCommand(): Command {
  const project = new Command('project').description('a federation’s project: propose, approve, decline, retire');
  addProjectOptions(
    project
      .command('propose')
      .description('put a project to the sites: each data manager is asked (coordinator)')
      .argument('[file]', 'JSON of the project (docs/hub.md); or make one with the options below')
      .requiredOption('--data <folder>', 'the hub’s data folder, with its keys; the hub may be running')
      .option('--postgres <address>', 'the database that several hubs share')
      .option('--blobs <folder>', 'the folder of blobs that several hubs share'),
    'argument',
  ).action(async (file: string | undefined, options: ProposeOptions, command: Command) => {
    const proposed = projectOf({ ...options, ...(file !== undefined && { project: file }) });
    if (proposed === null)
      return command.error('error: name a project file, or --network and --classes.', { exitCode: exitCode.wrongUse });
    const standing = await proposeProjectIn(
      { folder: options.data, postgres: postgresAddress(options.postgres, command), blobs: options.blobs },
      proposed,
      initialTrunk(proposed),
    );
    contextOf(command).output.result(standing, () => `Put to the sites:\n${standingText(standing)}`);
  });
  hubPlaceOptions(project.command('show'))
    .description(
      'the project, its rules, who approved or declined, and where the trunk stands (coordinator); at a site, which names no hub, what was proposed to it',
    )
    .argument('[federation]', 'at a site that is in several')
    .action(async (name: string | undefined, options: HubPlace, command: Command) => {
      if (options.data === undefined && options.postgres === undefined) return showAtSite(name, command);
      const standing = await projectStandingIn(hubPlaceOf(options, command));
      contextOf(command).output.result(standing, () => standingText(standing));
    });
  hubPlaceOptions(project.command('retire'))
    .description('end the project in good order: what waits is committed, then nothing more is taken (coordinator)')
    .requiredOption('--because <reason>', 'kept in the ledger')
    .action(async (options: HubPlace & { because: string }, command: Command) => {
      const standing = await retireProjectIn(hubPlaceOf(options, command), options.because.trim().slice(0, 500));
      contextOf(command).output.result(standing, () => `The project ends.\n${standingText(standing)}`);
    });
  project.addCommand(approveCommand('take part with a cohort (data manager)'));
  project
    .command('decline')
    .description('take no part, or no longer (data manager)')
    .argument('[federation]', 'needed when there are several')
    .option('--because <reason>', 'told to the coordinator', '')
    .action(async (name: string | undefined, { because }: { because: string }, command: Command) => {
      const { output, withStation } = contextOf(command);
      const membership = await withStation(async (station) => {
        const { memberships } = await station.call('memberships', {});
        const federation = chosenFederation(memberships, name, 'decline');
        const { projectHash } = await presentProject(() => station.call('memberships', {}), federation);
        const answer = { federation, because: because.trim().slice(0, 500), projectHash };
        const declined = await station.call('decline-project', answer);
        return heardAnswer(() => station.call('memberships', {}), declined);
      });
      output.result(membership, () => membershipText(membership));
    });
  return project;
}

/** What was proposed here, also after it was answered: a data manager reads again what was approved. */
async function showAtSite(name: string | undefined, command: Command): Promise<void> {
  const { output, withStation } = contextOf(command);
  const membership = await withStation(async (station) => {
    const { memberships } = await station.call('memberships', {});
    const federation = chosenFederation(memberships, name, 'show the project of');
    return presentProject(() => station.call('memberships', {}), federation);
  });
  const { federation, project, projectHash, isProjectFinished, cohort, answer, trunkVersion, trunkCommits } =
    membership;
  const shown = { federation, project, projectHash, isProjectFinished, cohort, answer, trunkVersion, trunkCommits };
  output.result(shown, () =>
    [projectLine(membership), ...(project === null ? [] : projectText(project)), `Hash ${projectHash}`].join('\n'),
  );
}

/** Where a project stands, for a person. */
export function standingText(standing: ProjectStanding): string {
  const { project, trunkVersion, isFinished, retiredBecause, bufferedUpdates, awaited, projectHash, answers } =
    standing;
  const end = isFinished ? ', finished' : retiredBecause === null ? '' : ', ending';
  return [
    `${project.title} (${project.id})`,
    project.mode.kind === 'trunk'
      ? `Trunk ${trunkVersion} of ${project.commits}${end}; ${counted(bufferedUpdates, 'update waits', 'updates wait')}${awaited === null ? '' : `; ${sitesAwaitedText(awaited)}`}`
      : `${counted(project.commits, 'turn')}${end}, which the sites make among themselves; through: ${standing.through.join(', ') || 'nobody yet'}`,
    ...(retiredBecause === null ? [] : [`Retired: ${retiredBecause}`]),
    ...projectText(project),
    ...standing.leftOut.map(
      ({ site, updates, leftOut }) =>
        `Of ${site} the rule left out ${leftOut} of ${counted(updates, 'committed update')}`,
    ),
    `Hash ${projectHash}`,
    ...answers.map(
      ({ site, answer, because, answeredAt }) =>
        `${site} ${answer} on ${answeredAt}${because === null ? '' : `: ${because}`}`,
    ),
    ...tooFewLines(standing),
    ...(standing.unanswered.length === 0 || end !== '' ? [] : [`Not answered yet: ${standing.unanswered.join(', ')}`]),
  ].join('\n');
}

/** Where so many declined that the first commit cannot come. */
function tooFewLines({ awaited, answers, unanswered }: ProjectStanding): string[] {
  const takingPart = answers.filter(({ answer }) => answer === 'approved').length + unanswered.length;
  // Before anybody joined there is nobody to miss.
  const tooFew = awaited === null || answers.length === 0 ? null : tooFewText(awaited.needed, takingPart);
  return tooFew === null ? [] : [tooFew];
}
