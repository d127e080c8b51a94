// Where a hub's project stands, read from its folder by a second process (`imagiq project show`), while the hub runs or not.
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

/** @throws Fault 522 when no hub was ever started there, 510 when it has no project yet. */
export async function projectStandingIn(folder: string): Promise<ProjectStanding> {
  const db = await openHubDatabase(folder, { mustExist: true });
  try {
    const federation = await readSetting(db, 'federation');
    if (federation === null) throw hubFault.noHubHere(folder);
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
