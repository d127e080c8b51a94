// join, run, leave, status: a site's membership from the command line.
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { Fault } from '../../contract/fault.ts';
import type { Membership } from '../../contract/federation.ts';
import { announcedProject } from '../announced-project.ts';
import { contextOf } from '../context.ts';
import { positiveInteger, share } from '../options.ts';
import type { StationLink } from '../station-link.ts';
import { exitCode, table } from '../output.ts';
import { estimateText } from '../follow-run.ts';

/** States in which a membership has nothing more to do. */
const ended: readonly Membership['state'][] = ['finished', 'refused', 'left'];

interface JoinOptions {
  site: string;
  cohort?: string;
  wait?: boolean;
  idleShare: number;
  threads?: number;
}

export function memberCommands(): Command[] {
  const join = new Command('join')
    .description('join a federation by invite; with a cohort, take part at once')
    .argument('<invite>', 'imagiq://join/…')
    .option('--site <name>', 'how the federation sees this hospital', 'site')
    .option('--cohort <name>', 'approve the federation’s project with this cohort')
    .option('--wait', 'stay and work until the project is finished (Ctrl+C leaves the work for later)')
    .option('--idle-share <share>', 'idle this share of the training time: 0.9 is ten times slower', share, 0)
    .option('--threads <number>', 'CPU threads', positiveInteger)
    .action(async (invite: string, options: JoinOptions, command: Command) => {
      const { output, withStation } = contextOf(command);
      const membership = await withStation(
        async (station) => {
          const joined = await station.call('join', { invite, site: options.site });
          output.log(
            `Joined ${joined.federation} as ${joined.site}; hub fingerprint ${joined.hubFingerprint.slice(0, 16)} …`,
          );
          if (options.cohort === undefined) {
            if (!options.wait) return joined;
          } else {
            await announcedProject(() => station.call('memberships', {}), joined.federation);
            const { federation } = joined;
            const approved = await station.call('approve-project', { federation, cohort: options.cohort });
            if (!options.wait) return approved;
          }
          return (await workToEnd(station, [joined.federation], output.progress))[0] ?? joined;
        },
        { idleShare: options.idleShare, ...(options.threads !== undefined && { threads: options.threads }) },
      );
      output.result(membership, () => membershipText(membership));
      failIfRefused([membership]);
    });

  const approve = new Command('approve')
    .description('approve a federation’s project with a cohort: it takes part from now on')
    .argument('[federation]', 'needed when there are several')
    .requiredOption('--cohort <name>', 'its classes must all be classes of the project')
    .action(async (name: string | undefined, options: { cohort: string }, command: Command) => {
      const { output, withStation } = contextOf(command);
      const membership = await withStation(async (station) => {
        const { memberships } = await station.call('memberships', {});
        const federation = chosenFederation(memberships, name, 'approve the project of');
        await announcedProject(() => station.call('memberships', {}), federation);
        return station.call('approve-project', { federation, cohort: options.cohort });
      });
      output.result(membership, () => membershipText(membership));
    });

  const run = new Command('run')
    .description('work for all federations of this home folder until their projects are finished')
    .option('--idle-share <share>', 'idle this share of the training time', share, 0)
    .action(async (options: { idleShare: number }, command: Command) => {
      const { output, withStation } = contextOf(command);
      const memberships = await withStation(
        async (station) => {
          const { memberships: known } = await station.call('memberships', {});
          if (known.length === 0)
            throw new Fault({
              code: 805,
              message: 'This data folder belongs to no federation yet. Join one with `imagiq join INVITE`.',
              retry: 'later',
            });
          return workToEnd(
            station,
            known.map(({ federation }) => federation),
            output.progress,
          );
        },
        { idleShare: options.idleShare },
      );
      output.result({ memberships }, () => memberships.map(membershipText).join('\n\n'));
      failIfRefused(memberships);
    });

  const leave = new Command('leave')
    .description('leave a federation; studies, cohorts and models stay here')
    .argument('[federation]', 'needed when there are several')
    .action(async (name: string | undefined, _options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      const left = await withStation(async (station) => {
        const { memberships } = await station.call('memberships', {});
        const federation = chosenFederation(memberships, name, 'leave');
        await station.call('leave', { federation });
        return federation;
      });
      output.result({ left }, () => `Left ${left}.`);
    });

  const status = new Command('status')
    .description('show this site: studies, federations, updates')
    .action(async (_options: unknown, command: Command) => {
      const { output, withStation } = contextOf(command);
      const { about, memberships } = await withStation(async (station) => ({
        about: await station.call('about', {}),
        ...(await station.call('memberships', {})),
      }));
      output.result(
        { home: about.home, version: about.version, studies: about.studies, freeBytes: about.freeBytes, memberships },
        () =>
          [
            `Data folder ${about.home}: ${about.studies} studies, ${(about.freeBytes / 1e9).toFixed(1)} GB free.`,
            memberships.length === 0 ? 'Member of no federation.' : memberships.map(membershipText).join('\n\n'),
          ].join('\n'),
      );
    });
  return [join, approve, run, leave, status];
}

/** The federation that was named, or the only one. @throws Fault 804 */
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

/** A refused site worked for nothing: scripts must notice. */
function failIfRefused(memberships: readonly Membership[]): void {
  if (memberships.some(({ state }) => state === 'refused')) process.exitCode = exitCode.failed;
}

/** Keeps the station working until every named federation has nothing more to do, or until Ctrl+C. */
async function workToEnd(
  station: StationLink,
  federations: readonly string[],
  tell: (line: string) => void,
): Promise<Membership[]> {
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  const wake: { now: () => void } = { now: () => {} };
  const silence = station.listen('membership-changed', (membership) => {
    tell(
      `${membership.site}: ${membership.activity}, trunk ${membership.trunkVersion}/${membership.trunkCommits}, ${membership.updates.accepted} updates accepted`,
    );
    wake.now();
  });
  try {
    for (;;) {
      const { memberships } = await station.call('memberships', {});
      const mine = memberships.filter(({ federation }) => federations.includes(federation));
      if (stop.signal.aborted || mine.every(({ state }) => ended.includes(state))) return mine;
      // News wakes at once; the delay is only a net under missed news.
      await Promise.race([
        new Promise<void>((resolve) => (wake.now = resolve)),
        delay(1_000, undefined, { signal: stop.signal }).catch(() => {}),
      ]);
    }
  } finally {
    silence();
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

/** A membership in a few lines. */
export function membershipText(membership: Membership): string {
  const { updates, members, scoreboard } = membership;
  const lines = [
    `${membership.federation} as ${membership.site}: ${membership.state}${membership.reason ? ` (${membership.reason})` : ''}`,
    `hub ${membership.hubUrl}, fingerprint ${membership.hubFingerprint.slice(0, 16)} …`,
    projectLine(membership),
    `trunk version ${membership.trunkVersion} of ${membership.trunkCommits}; updates ${updates.accepted} accepted, ${updates.refused} refused, ${updates.spooled} waiting`,
    table(
      ['member', 'online', 'updates'],
      members.map(({ site, online, updates: count }) => [site, online ? 'yes' : 'no', count]),
    ),
  ];
  if (scoreboard)
    lines.push(
      table(
        [`on ${scoreboard.split}`, 'AUC', 'accuracy'],
        scoreboard.rows.map(({ model, auc, accuracy }) => [model, estimateText(auc), estimateText(accuracy)]),
      ),
    );
  return lines.join('\n');
}

function projectLine({ project, cohort, answer, role }: Membership): string {
  if (project === null) return 'no project yet';
  const named = `project ${project.title}${role === 'observer' ? ' (as an observer)' : ''}`;
  const heard = answer === null || answer.isHeard ? '' : ', which the hub has not heard yet';
  if (answer?.answer === 'declined')
    return `${named}: declined${answer.because === null ? '' : ` (${answer.because})`}${heard}`;
  return cohort === null
    ? `${named}: proposed; \`imagiq project approve --cohort NAME\` or \`imagiq project decline\``
    : `${named}, cohort ${cohort}: approved${heard}`;
}
