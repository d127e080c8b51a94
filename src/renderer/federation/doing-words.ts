// What a site does for a federation now, in one line; and, where its hub does not answer, since when, and what goes on all the same.
import { hasMissedProject, lacksFirstWeights, type Membership } from '../../contract/federation.ts';
import { isCertificateOver } from '../../contract/membership-certificate.ts';
import { counted, when } from '../ui/format.ts';

const activities: Record<Membership['activity'], string> = {
  waiting: 'Waiting for the other sites',
  probing: 'Trying to find your images in your next update, before anything is sent',
  training: 'Training on your cohort',
  evaluating: 'Measuring the shared model on your images',
  uploading: 'Sending an update',
  downloading: 'Fetching the shared model',
  idle: 'Nothing to do now',
};

export const stateWords: Record<Membership['state'], string> = {
  enrolling: 'joining',
  connecting: 'connecting',
  online: 'online',
  offline: 'offline',
  finished: 'finished',
  refused: 'not a member any more',
  left: 'left',
};

export function doingWords(membership: Membership): string {
  const { answer, role, project, cohort, leakProbe, state, activity, updates } = membership;
  if (state === 'refused') return 'Nothing is trained or sent any more. Studies, cohorts and models stay here.';
  if (answer?.answer === 'declined') return 'You declined the project: nothing is trained here';
  if (role === 'observer') return 'Observing: this site reads the shared model and sends nothing';
  if (state === 'finished') return 'Finished: the shared model has reached its last version';
  if (hasMissedProject(membership))
    return 'Finished before your site took part: the shared model has reached its last version';
  if (project !== null && cohort === null) return 'Waiting for your approval below';
  if (leakProbe?.isHeld) return 'Held back: nothing is trained or sent before you decide below';
  if (state === 'online') return activities[activity];
  if (project === null) return 'The hub says what is to be trained once it is reached';
  if (activity !== 'waiting' && activity !== 'idle') return activities[activity];
  if (project.mode.kind !== 'trunk')
    return lacksFirstWeights(membership)
      ? 'Waiting for the hub, which has the project’s first weights'
      : activities.waiting;
  if (updates.spooled === 0) return 'Waiting for the hub';
  return `Trained as far as can be without the hub: ${counted(updates.spooled, 'update')} will be sent once it is reached`;
}

/** A person has to answer before this site goes on. */
export const needsDecision = (membership: Membership): boolean => {
  const { project, cohort, answer, role, leakProbe, state } = membership;
  if (state === 'refused' || state === 'finished' || hasMissedProject(membership)) return false;
  return (
    (project !== null && cohort === null && answer === null && role !== 'observer') || (leakProbe?.isHeld ?? false)
  );
};

/** Null where the hub answers, or never did. */
export function unreachedWords(membership: Membership, now = Date.now()): string | null {
  const { state, unreachedSince, project, cohort, role, answer, leakProbe, certificateUntil } = membership;
  if (state !== 'offline' || unreachedSince === null) return null;
  const isAtWork =
    cohort !== null && role !== 'observer' && answer?.answer !== 'declined' && leakProbe?.isHeld !== true;
  const goesOn =
    project === null || !isAtWork
      ? ''
      : project.mode.kind === 'trunk'
        ? ' The work goes on here, and what it makes is kept until the hub has it.'
        : lacksFirstWeights(membership)
          ? ''
          : isCertificateOver(membership, now)
            ? ` Nothing goes on: the certificate of membership, which peers ask, was good until ${when(certificateUntil!)}, and the hub renews it once it is back.`
            : ' The sites that reach each other go on without it.';
  return `The hub has not been reached since ${when(unreachedSince)}.${goesOn} This site tries again by itself.`;
}
