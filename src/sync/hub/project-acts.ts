// The coordinator's acts on projects from a second process (`imagiq project`), while the hub runs or not. A running hub notices within
// a quarter of a second, and tells its sites.
import path from 'node:path';
import type { Project } from '../../contract/federation.ts';
import { openBlobFolder } from '../protocol/blob-folder.ts';
import { recordEvent } from './event-log.ts';
import { hubFault } from './faults.ts';
import { type HubDatabase, openHubDatabase, readSetting } from './hub-database.ts';
import { hubKeysIn } from './hub-keys.ts';
import { type EnterAct, hubSeal, openHubLedger } from './hub-ledger.ts';
import { type ProjectStanding, projectStanding } from './project-standing.ts';
import { currentProject } from './current-project.ts';
import { openTrunkStore } from './trunk-store.ts';
import { openTrunk } from './trunk.ts';

/** Where a hub's keys, rows and blobs are. */
export interface HubParts {
  readonly folder: string;
  /** Null, or the address of the database that several hubs share. */
  readonly postgres?: string | undefined;
  readonly blobs?: string | undefined;
}

/**
 * Makes a project the federation's: every site's data manager is asked. One that is known goes on where it stood.
 * @throws Fault 522 or 543 when no hub was ever started there, 524 when the project cannot be used, 540 for another hub's keys.
 */
export function proposeProjectIn(
  hub: HubParts,
  project: Project,
  initialWeights: Uint8Array,
): Promise<ProjectStanding> {
  return withHub(hub.postgres ?? hub.folder, async (db) => {
    const keys = hubKeysIn(hub.folder, await readSetting(db, 'fingerprint'));
    const { enter } = openHubLedger(db, hubSeal(keys), Date.now);
    const blobs = openBlobFolder(hub.blobs ?? path.join(hub.folder, 'blobs'), { isShared: db.isShared });
    const trunk = openTrunk({
      store: openTrunkStore(db, blobs, enter),
      isShared: db.isShared,
      blobs,
      keys,
      clock: Date.now,
      onCommit: () => {},
      onRetired: () => {},
      onCommitFailed: () => {},
      onUpdateLost: () => {},
      onDiscarded: () => {},
      onStep: () => {},
    });
    try {
      await trunk.setProject(project, initialWeights);
    } finally {
      await trunk.close();
      await blobs.close();
    }
    return projectStanding(db);
  });
}

/**
 * Ends the project in good order: the hub commits what waits, if the project's rule can, and then takes nothing more; sites keep
 * the last trunk. @throws Fault 522 or 543 no hub there, 510 no project, 512 finished already.
 */
export function retireProjectIn(place: string, because: string): Promise<ProjectStanding> {
  return withHub(place, async (db) => {
    await retireProject(db, openHubLedger(db, null, Date.now).enter, because);
    return projectStanding(db);
  });
}

/** One transaction; what waits is committed by whichever hub looks next. @throws Fault 510 no project, 512 finished or retired already. */
export function retireProject(db: HubDatabase, enter: EnterAct, because: string): Promise<void> {
  return db.transaction(async (tx) => {
    const current = await currentProject(tx);
    if (current === null) throw hubFault.noProject();
    if (current.isFinished || current.retiredBecause !== null) throw hubFault.finished();
    const { project, projectHash } = current;
    await tx.run('UPDATE projects SET retiredBecause = ? WHERE projectHash = ?', because, projectHash);
    await enter(tx, 'project-retired', { project: project.id, projectHash, reason: because });
    await recordEvent(tx, 'project-chosen', projectHash);
  });
}

async function withHub<Value>(place: string, act: (db: HubDatabase) => Promise<Value>): Promise<Value> {
  const db = await openHubDatabase(place, { mustExist: true });
  try {
    return await act(db);
  } finally {
    await db.close();
  }
}
