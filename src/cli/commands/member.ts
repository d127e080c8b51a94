// join, run, leave, status: a site's membership from the command line.
import { Command } from 'commander';
import { Fault } from '../../contract/fault.ts';
import type { Membership } from '../../contract/federation.ts';
import { mostThreads } from '../../contract/neighbour.ts';
import { announcedProject, lookMs, notAnnouncedCode, presentProject } from '../announced-project.ts';
import { connectionChanges } from '../connection-options.ts';
import { contextOf } from '../context.ts';
import { heardAnswer } from '../heard-answer.ts';
import { knownCohort } from '../known-cohort.ts';
import { share, siteName, wholeNumber, wholeNumberIn } from '../options.ts';
import { inviteFacts } from '../../sync/hub/invite-reach.ts';
import { settledMembership, settledMemberships } from '../settled-memberships.ts';
import type { StationLink } from '../station-link.ts';
import { isHeld, stayMinutes, workToEnd } from '../work-to-end.ts';
import { membershipText } from '../membership-text.ts';
import { exitCode, type Output } from '../output.ts';

/** Sends updates whatever the leak probe found: nobody looks at its pictures. */
export const sendAnyway = [
  '--send-anyway',
  'send updates also where the leak probe recognises an image, or fails',
] as const;

const stay = [
  '--stay-minutes <number>',
  'in a mode without trunk: how long to stay reachable, when all is done here, for peers that have not fetched the last model',
  wholeNumber,
  stayMinutes,
] as const;

interface JoinOptions {
  site: string;
  sendAnyway?: boolean;
  cohort?: string;
  wait?: boolean;
  stayMinutes: number;
  ca?: string;
  idleShare: number;
  threads?: number;
}

interface ApproveOptions {
  cohort: string;
  sendAnyway?: boolean;
}

interface ProjectAnswer {
  readonly federation: string;
  readonly cohort: string;
  readonly acceptsLeak: boolean;
  readonly projectHash: string | null;
}

/** Approves after telling how far privacy lets this site go in the project. @throws Fault 690 or 693 where it leaves no update */
async function approved(station: StationLink, output: Output, answer: ProjectAnswer): Promise<Membership> {
  const { sentence } = await station.call('project-privacy', answer);
  if (sentence !== null) output.log(sentence);
  return station.call('approve-project', answer);
}

/** The data manager's yes, which `imagiq project` has too. */
export function approveCommand(description: string): Command {
  return new Command('approve')
    .description(description)
    .argument('[federation]', 'needed when there are several')
    .requiredOption('--cohort <name>', 'its classes must all be classes of the project')
    .option(...sendAnyway)
    .action(async (name: string | undefined, options: ApproveOptions, command: Command) => {
      const { output, withStation } = contextOf(command);
      const membership = await withStation(async (station) => {
        const { memberships } = await station.call('memberships', {});
        const federation = chosenFederation(memberships, name, 'approve the project of');
        await knownCohort(station, options.cohort);
        const { projectHash } = await presentProject(() => station.call('memberships', {}), federation);
        const acceptsLeak = options.sendAnyway ?? false;
        const answer = { federation, cohort: options.cohort, acceptsLeak, projectHash };
        return heardAnswer(() => station.call('memberships', {}), await approved(station, output, answer));
      });
      output.result(membership, () => membershipText(membership));
    });
}

export function memberCommands(): Command[] {
  const join = new Command('join')
    .description('join a federation by invite; with a cohort, take part at once')
    .argument('<invite>', 'imagiq://join/…')
    .option('--site <name>', 'how the federation sees this hospital', siteName, 'site')
    .option('--cohort <name>', 'approve the federation’s project with this cohort')
    .option(...sendAnyway)
    .option(
      '--ca <file>',
      'PEM file of the authority of the hub’s certificate, or of a proxy before it; kept with the settings',
    )
    .option('--wait', 'stay and work until the project is finished (Ctrl+C leaves the work for later)')
    .option(...stay)
    .option('--idle-share <share>', 'idle this share of the training time: 0.9 is ten times slower', share, 0)
    .option('--threads <number>', 'CPU threads', wholeNumberIn(1, mostThreads))
    .action(async (invite: string, options: JoinOptions, command: Command) => {
      const { output, withStation } = contextOf(command);
      // A cut-off link makes no data folder.
      inviteFacts(invite);
      const membership = await withStation(
        async (station) => {
          if (options.cohort !== undefined) await knownCohort(station, options.cohort);
          const joined = await believing(station, options.ca, () =>
            station.call('join', { invite, site: options.site }),
          );
          output.log(
            `Joined ${joined.federation} as ${joined.site}; hub fingerprint ${joined.hubFingerprint.slice(0, 16)} …`,
          );
          const announced = (withinMs?: number): Promise<Membership> =>
            announcedProject(() => station.call('memberships', {}), joined.federation, withinMs);
          const settled = (changed: Membership): Promise<Membership> =>
            settledMembership(() => station.call('memberships', {}), changed);
          // Another fault stays one.
          const unannounced = <Value>(thrown: unknown, instead: () => Value): Value => {
            if (thrown instanceof Fault && thrown.code === notAnnouncedCode) return instead();
            throw thrown;
          };
          if (options.cohort === undefined) {
            // A hub says what it has right after it let a site in; one without a project has nothing to say.
            if (!options.wait)
              return settled(await announced(lookMs).catch((thrown) => unannounced(thrown, () => joined)));
          } else {
            const { federation } = joined;
            const { projectHash } = await announced(lookMs).catch((thrown) =>
              unannounced(thrown, () => {
                output.log(`${federation} has no project yet. Waiting up to a minute for one to approve …`);
                return announced();
              }),
            );
            const acceptsLeak = options.sendAnyway ?? false;
            const answer = { federation, cohort: options.cohort, acceptsLeak, projectHash };
            const taken = await approved(station, output, answer);
            if (!options.wait) return settled(await heardAnswer(() => station.call('memberships', {}), taken));
          }
          const { federation } = joined;
          return (await workToEnd(station, [federation], output, options))[0] ?? joined;
        },
        { idleShare: options.idleShare, ...(options.threads !== undefined && { threads: options.threads }) },
      );
      output.result(membership, () => membershipText(membership));
      failIfStopped([membership], output);
    });

  const approve = approveCommand('approve a federation’s project with a cohort: it takes part from now on');

  const run = new Command('run')
    .description('work for all federations of this home folder until their projects are finished')
    .option('--idle-share <share>', 'idle this share of the training time', share, 0)
    .option(...sendAnyway)
    .option(...stay)
    .action(async (options: { idleShare: number; sendAnyway?: boolean; stayMinutes: number }, command: Command) => {
      const { output, withStation } = contextOf(command);
      const memberships = await withStation(
        async (station) => {
          // A project that has ended here may have been followed by another.
          const known = await settledMemberships(() => station.call('memberships', {}));
          if (known.length === 0)
            throw new Fault({
              code: 805,
              message: 'This data folder belongs to no federation yet. Join one with `imagiq join INVITE`.',
              retry: 'later',
            });
          const { problem } = await station.call('listening', {});
          if (problem !== null) output.log(problem);
          return workToEnd(
            station,
            known.map(({ federation }) => federation),
            output,
            options,
          );
        },
        { idleShare: options.idleShare },
      );
      output.result({ memberships }, () => memberships.map(membershipText).join('\n\n'));
      failIfStopped(memberships, output);
    });

  const leave = new Command('leave')
    .description('leave a federation; studies, cohorts and models stay here')
    .argument('[federation]', 'needed when there are several')
    .action(async (name: string | undefined, _options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      const { left, hasHubHeard } = await withStation(async (station) => {
        const { memberships } = await station.call('memberships', {});
        const federation = chosenFederation(memberships, name, 'leave');
        return { left: federation, ...(await station.call('leave', { federation })) };
      });
      const unheard =
        ' The hub does not answer and has not heard of it: the app or `imagiq status` tells it as soon as it does.';
      output.result({ left, hasHubHeard }, () => `Left ${left}.${hasHubHeard ? '' : unheard}`);
    });

  const status = new Command('status')
    .description('show this site: studies, federations, updates')
    .action(async (_options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      const { about, memberships } = await withStation(async (station) => ({
        about: await station.call('about', {}),
        memberships: await settledMemberships(() => station.call('memberships', {})),
      }));
      output.result(
        {
          home: about.home,
          version: about.version,
          studies: about.studies,
          freeBytes: about.freeBytes,
          keysSealed: about.keysSealed,
          memberships,
        },
        () =>
          [
            `Data folder ${about.home}: ${about.studies} studies, ${(about.freeBytes / 1e9).toFixed(1)} GB free.`,
            ...(about.keysSealed ? ['The keys are sealed by the system’s key chain.'] : []),
            memberships.length === 0 ? 'Member of no federation.' : memberships.map(membershipText).join('\n\n'),
          ].join('\n'),
      );
    });
  return [join, approve, run, leave, status];
}

/**
 * Joins with a further certificate authority among the station's settings; where that fails they are as before.
 * @throws Fault 814 where they name another file: its other federations may need that one.
 */
async function believing<Value>(
  station: StationLink,
  file: string | undefined,
  join: () => Promise<Value>,
): Promise<Value> {
  if (file === undefined) return join();
  const { caFile } = connectionChanges({ ca: file }, undefined);
  const before = await station.call('connection-settings', {});
  if (before.caFile !== null && before.caFile !== caFile)
    throw new Fault({
      code: 814,
      message: `This station believes the authorities of ${before.caFile} already. Put both into one PEM file and name it with \`imagiq settings --ca FILE\`; then join without --ca.`,
      retry: 'never',
    });
  await station.call('change-connection-settings', { caFile });
  try {
    return await join();
  } catch (thrown) {
    await station.call('change-connection-settings', { caFile: before.caFile });
    throw thrown;
  }
}

/** The named federation, or the only one. @throws Fault 804 */
export function chosenFederation(memberships: readonly Membership[], name: string | undefined, act: string): string {
  const current = memberships.filter(({ state }) => state !== 'left');
  const chosen =
    name === undefined
      ? current.length === 1
        ? current[0]
        : undefined
      : current.find(({ federation }) => federation === name);
  if (chosen) return chosen.federation;
  const known =
    current.length === 0
      ? 'This site belongs to none.'
      : `It belongs to: ${current.map(({ federation }) => federation).join(', ')}.`;
  throw new Fault({
    code: 804,
    message: `${name === undefined ? `Name the federation to ${act}.` : `This site is not in ${name}.`} ${known}`,
    retry: 'never',
  });
}

/** The site left while its hub was away: it counts as a member there. */
const isLeaveUnheard = ({ state, reason }: Membership): boolean => state === 'left' && reason !== null;

/** A refused site worked for nothing, one that is held back waits for a person, and one that left for its hub: scripts must notice. */
function failIfStopped(memberships: readonly Membership[], output: Output): void {
  for (const { federation } of memberships.filter(isHeld))
    output.log(
      `${federation}: nothing is sent before you decide. See \`imagiq leak-probe --federation "${federation}" --pictures FOLDER\`, then \`imagiq run --send-anyway\` or \`imagiq project decline\`.`,
    );
  if (memberships.some((one) => one.state === 'refused' || isHeld(one) || isLeaveUnheard(one)))
    process.exitCode = exitCode.failed;
}
