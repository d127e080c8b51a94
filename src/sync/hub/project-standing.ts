// Where a hub's project stands, read from its folder or database by a second process (`imagiq project show`), while the hub runs or not.
import type { Project, SitesAwaited } from '../../contract/federation.ts';
import { sitesAwaited } from '../aggregation/next-commit.ts';
import { hubFault } from './faults.ts';
import { type HubStatements, openHubDatabase, readSetting } from './hub-database.ts';
import { answersTo, type ProjectAnswer } from './project-answers.ts';
import { bufferedUpdates, currentProject } from './current-project.ts';

export interface ProjectStanding {
  readonly federation: string;
  readonly project: Project;
  /** SHA-256 of the project's text: sites that approved it approved this. */
  readonly projectHash: string;
  readonly trunkVersion: number;
  /** SHA-256 of the newest trunk's weights. */
  readonly trunk: string;
  readonly committedAt: string;
  readonly isFinished: boolean;
  readonly retiredBecause: string | null;
  readonly bufferedUpdates: number;
  /** What the first commit waits for; null when it does not. */
  readonly awaited: SitesAwaited | null;
  readonly answers: readonly ProjectAnswer[];
  /** Sites of whose committed updates the project's rule did not keep some, and how many. */
  readonly leftOut: readonly { readonly site: string; readonly updates: number; readonly leftOut: number }[];
  /** In a mode without a trunk: sites that said that they made their last turn. */
  readonly through: readonly string[];
  /** Members that have not answered. */
  readonly unanswered: readonly string[];
}

/** @throws Fault 522 or 543 when no hub was ever started there, 510 when it has no project yet. */
export async function projectStandingIn(place: string): Promise<ProjectStanding> {
  const db = await openHubDatabase(place, { mustExist: true });
  try {
    return await projectStanding(db);
  } finally {
    await db.close();
  }
}

/** @throws Fault 510 when there is no project yet. */
export async function projectStanding(db: HubStatements): Promise<ProjectStanding> {
  const current = await currentProject(db);
  if (current === null) throw hubFault.noProject();
  const { project, projectHash, isFinished, retiredBecause, trunk } = current;
  const buffered = await bufferedUpdates(db, projectHash);
  const hasEnded = isFinished || retiredBecause !== null;
  const answers = await answersTo(db, projectHash);
  const leftOut = await db.all<ProjectStanding['leftOut'][number]>(
    `SELECT members.site, count(*) AS updates, count(CASE isLeftOut WHEN 1 THEN 1 END) AS leftOut
     FROM updates JOIN members ON members.fingerprint = updates.site WHERE projectHash = ? AND committedVersion > 0
     GROUP BY members.fingerprint, members.site HAVING max(isLeftOut) = 1 ORDER BY members.site`,
    projectHash,
  );
  const through = await db.all<{ site: string }>(
    `SELECT members.site FROM turnsDone JOIN members ON members.fingerprint = turnsDone.site
     WHERE projectHash = ? ORDER BY members.site`,
    projectHash,
  );
  const members = await db.all<{ site: string }>("SELECT site FROM members WHERE state = 'member' ORDER BY site");
  return {
    federation: (await readSetting(db, 'federation')) ?? '',
    project,
    projectHash,
    trunkVersion: trunk.version,
    trunk: trunk.blob,
    committedAt: trunk.committedAt,
    isFinished,
    retiredBecause,
    bufferedUpdates: buffered.length,
    awaited: hasEnded ? null : sitesAwaited({ project, trunkVersion: trunk.version }, buffered),
    answers,
    leftOut,
    through: through.map(({ site }) => site),
    unanswered: members.map(({ site }) => site).filter((site) => !answers.some((answer) => answer.site === site)),
  };
}
