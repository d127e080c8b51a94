// What a site does while a command waits for it, as lines for the person who watches: one for each change worth telling.
import { hasMissedProject, lacksFirstWeights, type Membership, tooFewToStart } from '../contract/federation.ts';
import { isCertificateOver } from '../contract/membership-certificate.ts';

/** @returns of each news of a membership the lines that its last one did not lead to. */
export function workTold(clock = Date.now): (membership: Membership) => string[] {
  const before = new Map<string, Membership>();
  const uncertified = new Set<string>();
  /** What is trained: said again where it failed, it is no news. */
  const training = new Map<string, string>();
  /** Of hubs whose trunk is older than it was, the version that it had. */
  const fellFrom = new Map<string, number>();
  return (now) => {
    const last = before.get(now.federation);
    before.set(now.federation, now);
    if (last !== undefined && last.projectHash === now.projectHash && last.trunkVersion > now.trunkVersion)
      fellFrom.set(now.federation, last.trunkVersion);
    const lost = now.trunkVersion > 0 ? fellFrom.get(now.federation) : undefined;
    if (lost !== undefined) fellFrom.delete(now.federation);
    const isOver = now.state === 'offline' && isCertificateOver(now, clock());
    const isNews = isOver && !uncertified.has(now.federation);
    if (isOver) uncertified.add(now.federation);
    else uncertified.delete(now.federation);
    const isSaid = (line: string): boolean => {
      const what = `${now.projectHash} ${line}`;
      const isAgain = line === trainingText(now) && training.get(now.federation) === what;
      if (line === trainingText(now)) training.set(now.federation, what);
      return !isAgain;
    };
    return [...lines(last, now, lost ?? null).filter(isSaid), ...(isNews ? [uncertifiedText(now)] : [])].map(
      (line) => `${now.federation}: ${line}`,
    );
  };
}

const uncertifiedText = ({ certificateUntil }: Membership): string =>
  `the certificate of membership was good until ${certificateUntil?.slice(0, 10)}: there are no direct lines to peers before the hub is back and renews it`;

/** @param lost version of the trunk that the hub had, and has no more */
function lines(last: Membership | undefined, now: Membership, lost: number | null): string[] {
  const told: string[] = [];
  const isAway = ({ state }: Membership): boolean => state === 'offline' || state === 'connecting';
  if (isAway(now) && last?.state === 'online') told.push('connection to the hub lost; trying again');
  if (now.state === 'online' && last !== undefined && isAway(last)) told.push('connected to the hub');
  const hasTrunk = (now.project?.mode.kind ?? 'trunk') === 'trunk';
  if (lost !== null)
    told.push(
      `the hub has trunk ${now.trunkVersion} again, where it had ${lost}: it was restored from a backup; the work goes on from there`,
    );
  else if (last !== undefined && now.trunkVersion > last.trunkVersion)
    told.push(
      hasTrunk
        ? `trunk ${now.trunkVersion} of ${now.trunkCommits} committed`
        : `turn ${now.trunkVersion} of ${now.trunkCommits}`,
    );
  if (last !== undefined && now.updates.accepted > last.updates.accepted)
    told.push(`update ${now.updates.accepted} sent and accepted`);
  if (now.reason !== null && now.reason !== last?.reason) told.push(now.reason);
  if (isProposed(now) && !(last !== undefined && isProposed(last) && last.projectHash === now.projectHash))
    told.push(
      hasMissedProject(now)
        ? `“${now.project?.title}” was finished before this site took part; imagiq project approve --cohort NAME measures the shared model here`
        : `“${now.project?.title}” waits for your answer: imagiq project approve --cohort NAME, or project decline`,
    );
  if (isDeclined(now) && !(last !== undefined && isDeclined(last) && last.projectHash === now.projectHash))
    told.push(
      `you declined “${now.project?.title}”; the next project is waited for. To take part in this one: imagiq project approve --cohort NAME`,
    );
  const tooFew = tooFewToTell(now);
  if (tooFew !== null && (last === undefined || tooFew !== tooFewToTell(last))) told.push(tooFew);
  if (now.activity === last?.activity || isProposed(now) || isDeclined(now)) return told;
  if (now.activity === 'probing') told.push('leak probe: trying to reconstruct images from an update');
  if (now.activity === 'training') told.push(trainingText(now));
  // The others are waited for without a hub, too, where it keeps no trunk. With a reason something else is waited for.
  if (now.activity === 'waiting' && now.reason === null && (now.state === 'online' || !hasTrunk))
    told.push(
      now.state !== 'online' && lacksFirstWeights(now)
        ? 'waiting for the hub, which has the project’s first weights'
        : 'waiting for the others',
    );
  return told;
}

function trainingText({ project, updates, trunkVersion, isProjectFinished }: Membership): string {
  if (isProjectFinished) return 'training a model on your images alone';
  if ((project?.mode.kind ?? 'trunk') !== 'trunk') return `training turn ${trunkVersion + 1}`;
  return `training update ${updates.accepted + updates.refused + updates.spooled + 1} from trunk ${trunkVersion}`;
}

/** Where members keep out of a project that this site takes part in: before others joined there is nothing to say. */
const tooFewToTell = (membership: Membership): string | null =>
  membership.cohort !== null && membership.members.some(({ takesPart }) => !takesPart)
    ? tooFewToStart(membership)
    : null;

/** The data manager has not answered to the project. */
const isProposed = ({ project, cohort, answer, role, state }: Membership): boolean =>
  project !== null && cohort === null && answer === null && role !== 'observer' && state !== 'finished';

/** The data manager takes no part in the project that there is: nothing is waited for but another. */
const isDeclined = ({ answer, state }: Membership): boolean => answer?.answer === 'declined' && state !== 'finished';
