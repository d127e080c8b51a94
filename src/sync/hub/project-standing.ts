// Where a hub's project stands, read from its folder or database by a second process (`imagiq project show`), while the hub runs or not.
import type { Project } from '../../contract/federation.ts';
import { hubFault } from './faults.ts';
import { openHubDatabase, readSetting } from './hub-database.ts';
import { bufferedUpdates, currentProject } from './trunk-store.ts';

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
  readonly bufferedUpdates: number;
}

/** @throws Fault 522 or 543 when no hub was ever started there, 510 when it has no project yet. */
export async function projectStandingIn(place: string): Promise<ProjectStanding> {
  const db = await openHubDatabase(place, { mustExist: true });
  try {
    const federation = (await readSetting(db, 'federation'))!;
    const current = await currentProject(db);
    if (current === null) throw hubFault.noProject();
    const { project, projectHash, isFinished, trunk } = current;
    return {
      federation,
      project,
      projectHash,
      trunkVersion: trunk.version,
      trunk: trunk.blob,
      committedAt: trunk.committedAt,
      isFinished,
      bufferedUpdates: (await bufferedUpdates(db, projectHash)).length,
    };
  } finally {
    await db.close();
  }
}
