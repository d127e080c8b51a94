// A membership as the command line shows it.
import { hasMissedProject, type Membership, tooFewToStart } from '../contract/federation.ts';
import { counted, table } from './output.ts';
import { projectText } from './project-text.ts';
import { scoreboardText } from './scoreboard-text.ts';

/** A membership in a few lines. */
export function membershipText(membership: Membership): string {
  const { updates, members, scoreboard, certificateUntil } = membership;
  const mode = membership.project?.mode.kind ?? 'trunk';
  const certified =
    certificateUntil === null ? '' : `; certificate of membership until ${certificateUntil.slice(0, 10)}`;
  const lines = [
    `${membership.federation} as ${membership.site}: ${membership.state}${membership.reason ? ` (${membership.reason})` : ''}`,
    `hub ${membership.hubUrl}, fingerprint ${membership.hubFingerprint.slice(0, 16)} …${certified}`,
    projectLine(membership),
    ...proposedLines(membership),
    ...awaitedLines(membership),
    ...leakLines(membership),
    mode === 'trunk'
      ? `trunk version ${membership.trunkVersion} of ${membership.trunkCommits}; updates ${updates.accepted} accepted, ${updates.refused} refused, ${updates.spooled} waiting`
      : `turn ${membership.trunkVersion} of ${membership.trunkCommits} (${mode})`,
    ...(updates.discarded === 0
      ? []
      : [
          `${counted(updates.discarded, 'accepted update')} discarded by the hub: ${membership.discardedBecause ?? ''}`,
        ]),
    members.length === 0
      ? 'The hub has not said yet who else is a member.'
      : table(
          ['member', 'online', ...(mode === 'trunk' ? ['updates'] : [])],
          members.map(({ site, online, updates: count, takesPart }) => [
            site,
            online === null ? 'not known' : online ? 'yes' : 'no',
            ...(mode === 'trunk' ? [takesPart ? count : `${count}, takes no part`] : []),
          ]),
        ),
  ];
  if (scoreboard) lines.push(scoreboardText(scoreboard.split, scoreboard.rows));
  return lines.join('\n');
}

/** Of how many the hub has an update of this project only the hub knows: what a site hears counts those of earlier projects too. */
function awaitedLines(membership: Membership): string[] {
  const { project, trunkVersion } = membership;
  if (project?.mode.kind !== 'trunk' || trunkVersion > 0 || project.sitesToStart < 2) return [];
  return [`the first commit is waiting for ${project.sitesToStart} sites`, tooFewToStart(membership) ?? []].flat();
}

function leakLines({ cohort, leakProbe }: Membership): string[] {
  if (cohort === null) return [];
  if (leakProbe === null) return ['leak probe: not run yet; it comes before anything is sent'];
  const { isHeld: isWaiting, isAccepted, sentence, failure, isRecognised } = leakProbe;
  const then = isWaiting
    ? ' NOTHING IS SENT before you decide.'
    : isAccepted && (isRecognised || failure !== null)
      ? ' Updates are sent anyway, as was decided here.'
      : '';
  return [`leak probe: ${sentence}${then}`];
}

/** What is answered to, all of it; an observer and who has answered know it. */
function proposedLines(membership: Membership): string[] {
  const { project, cohort, answer, role } = membership;
  if (project === null || cohort !== null || answer !== null || role === 'observer') return [];
  return hasMissedProject(membership) ? [] : projectText(project);
}

/** What the project is called, and how this site stands to it. */
export function projectLine(membership: Membership): string {
  const { project, cohort, answer, role } = membership;
  if (project === null) return 'no project yet';
  const named = `project ${project.title}${role === 'observer' ? ' (as an observer)' : ''}`;
  const heard = answer === null || answer.isHeard ? '' : ', which the hub has not heard yet';
  if (answer?.answer === 'declined')
    return `${named}: declined${answer.because === null ? '' : ` (${answer.because})`}${heard}`;
  if (hasMissedProject(membership)) {
    const alone = project.peerModels ? '; a model is then also trained here alone and shown to the other sites' : '';
    return `${named}: finished before this site took part. \`imagiq project approve --cohort NAME\` measures the shared model on your images, and \`imagiq peers keep\` takes it among the models here${alone}`;
  }
  return cohort === null
    ? `${named}: proposed; \`imagiq project approve --cohort NAME\` or \`imagiq project decline\``
    : `${named}, cohort ${cohort}: approved${heard}`;
}
