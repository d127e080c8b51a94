// The project that the federation works on, its newest trunk version, and the updates that wait for the next: rows, as they stand.
import { createHash } from 'node:crypto';
import { projectSchema, type Project } from '../../contract/federation.ts';
import { parseStatement, type Signed, type TrunkStatement } from '../protocol/statement.ts';
import type { HubStatements } from './hub-database.ts';

export interface CurrentProject {
  readonly project: Project;
  /** The JSON text that `projectHash` is the hash of. */
  readonly projectText: string;
  readonly projectHash: string;
  readonly isFinished: boolean;
  /** Why the coordinator ended it before its last commit; null when nobody did. */
  readonly retiredBecause: string | null;
  readonly trunk: TrunkStatement;
  readonly signedTrunk: Signed;
  /** The server optimiser's state after the newest trunk version; null without one. */
  readonly optimizerBlob: string | null;
}

export interface BufferedUpdate {
  readonly idempotencyKey: string;
  readonly site: string;
  readonly baseVersion: number;
  readonly blob: string;
  readonly examples: number;
  readonly acceptedAt: string;
}

export function projectHashOf(project: Project): string {
  return createHash('sha256').update(JSON.stringify(project)).digest('hex');
}

export async function currentProject(db: HubStatements): Promise<CurrentProject | null> {
  // One statement, so that the trunk and the optimiser's state are of one moment.
  const row = await db.get<
    Signed & {
      projectHash: string;
      project: string;
      finishedAt: string | null;
      optimizerBlob: string | null;
      retiredBecause: string | null;
    }
  >(
    `SELECT projects.projectHash, project, finishedAt, optimizerBlob, retiredBecause, statement, signature FROM settings
     JOIN projects ON projects.projectHash = value JOIN trunk ON trunk.projectHash = value
     WHERE key = 'project' ORDER BY version DESC LIMIT 1`,
  );
  if (row === undefined) return null;
  return {
    project: projectSchema.parse(JSON.parse(row.project)),
    projectText: row.project,
    projectHash: row.projectHash,
    isFinished: row.finishedAt !== null,
    retiredBecause: row.retiredBecause,
    trunk: parseStatement('trunk', row.statement),
    signedTrunk: { statement: row.statement, signature: row.signature },
    optimizerBlob: row.optimizerBlob,
  };
}

export function bufferedUpdates(db: HubStatements, projectHash: string): Promise<readonly BufferedUpdate[]> {
  return db.all<BufferedUpdate>(
    `SELECT idempotencyKey, site, baseVersion, blob, examples, acceptedAt FROM updates
     WHERE projectHash = ? AND committedVersion IS NULL ORDER BY number`,
    projectHash,
  );
}
