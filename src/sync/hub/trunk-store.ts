// Project, trunk versions and updates in the database. Rows only: what they mean is decided in trunk.ts.
import { createHash } from 'node:crypto';
import { projectSchema, type Project } from '../../contract/federation.ts';
import { parseStatement, type Signed, type TrunkStatement, type UpdateStatement } from '../protocol/statement.ts';
import { readSetting, writeSetting, type HubDatabase } from './hub-database.ts';

export interface CurrentProject {
  readonly project: Project;
  /** The JSON text that `projectHash` is the hash of. */
  readonly projectText: string;
  readonly projectHash: string;
  readonly isFinished: boolean;
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

export interface TrunkStore {
  current(): CurrentProject | null;
  /** Makes a project the current one; one seen before goes on where it stood. */
  setProject(project: Project, first: { statement: TrunkStatement; signed: Signed }, at: string): void;
  /** The hash of a known project that says the same, also if it was written before some of its fields existed. */
  knownProject(project: Project): string | null;
  selectProject(projectHash: string): void;
  receiptOf(idempotencyKey: string): { readonly site: string; readonly receipt: Signed } | null;
  /** One transaction. */
  acceptUpdate(row: {
    readonly update: UpdateStatement;
    readonly signed: Signed;
    readonly site: string;
    readonly receipt: Signed;
    readonly acceptedAt: string;
  }): void;
  buffered(projectHash: string): readonly BufferedUpdate[];
  /** One transaction: the version, its updates counted, the optimiser's state in place of the last, and the end of the project. */
  commit(order: NewCommit): void;
  isTrunkBlob(hash: string): boolean;
  /** The blob of a trunk version; null where there never was one. */
  trunkBlob(projectHash: string, version: number): string | null;
  /** Updates of a site that are not counted yet. */
  waiting(projectHash: string, site: string): number;
  /** Whether a trunk version, an optimiser's state, an update that is not counted yet, or a shared model consists of this blob. */
  isBlobNeeded(hash: string): boolean;
  committedBlobs(projectHash: string): readonly string[];
  acceptedUpdates(): number;
}

export interface NewCommit {
  readonly statement: TrunkStatement;
  readonly signed: Signed;
  readonly optimizerBlob: string | null;
  readonly isLast: boolean;
}

export function projectHashOf(project: Project): string {
  return createHash('sha256').update(JSON.stringify(project)).digest('hex');
}

export function openTrunkStore(db: HubDatabase): TrunkStore {
  interface ProjectRow {
    readonly project: string;
    readonly finishedAt: string | null;
    readonly optimizerBlob: string | null;
  }
  const projectRow = db.prepare<[string], ProjectRow>(
    'SELECT project, finishedAt, optimizerBlob FROM projects WHERE projectHash = ?',
  );
  const newest = db.prepare<[string], Signed>(
    'SELECT statement, signature FROM trunk WHERE projectHash = ? ORDER BY version DESC LIMIT 1',
  );
  const insertTrunk = db.prepare('INSERT INTO trunk VALUES (?, ?, ?, ?, ?)');
  const addTrunk = (statement: TrunkStatement, signed: Signed): void => {
    insertTrunk.run(statement.projectHash, statement.version, statement.blob, signed.statement, signed.signature);
  };
  const setProject = db.transaction(
    (project: Project, first: { statement: TrunkStatement; signed: Signed }, at: string): void => {
      const hash = projectHashOf(project);
      db.prepare('INSERT INTO projects VALUES (?, ?, ?, NULL, NULL)').run(hash, JSON.stringify(project), at);
      addTrunk(first.statement, first.signed);
      writeSetting(db, 'project', hash);
    },
  );
  const insertUpdate = db.prepare(
    `INSERT INTO updates (idempotencyKey, projectHash, site, baseVersion, blob, examples, statement, signature,
       receiptStatement, receiptSignature, acceptedAt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const commit = db.transaction(({ statement, signed, optimizerBlob, isLast }: NewCommit): void => {
    addTrunk(statement, signed);
    db.prepare('UPDATE projects SET optimizerBlob = ? WHERE projectHash = ?').run(optimizerBlob, statement.projectHash);
    const count = db.prepare(
      'UPDATE updates SET committedVersion = ? WHERE idempotencyKey = ? AND projectHash = ? AND committedVersion IS NULL',
    );
    for (const key of statement.updates) {
      // An update that is already counted must not be counted again: nothing of this commit may happen then.
      if (count.run(statement.version, key, statement.projectHash).changes !== 1)
        throw new Error(`update ${key} twice`);
    }
    if (isLast) {
      db.prepare('UPDATE projects SET finishedAt = ? WHERE projectHash = ?').run(
        statement.committedAt,
        statement.projectHash,
      );
    }
  });

  return {
    current() {
      const projectHash = readSetting(db, 'project');
      if (projectHash === null) return null;
      const row = projectRow.get(projectHash)!;
      const signedTrunk = newest.get(projectHash)!;
      return {
        project: projectSchema.parse(JSON.parse(row.project)),
        projectText: row.project,
        projectHash,
        isFinished: row.finishedAt !== null,
        trunk: parseStatement('trunk', signedTrunk.statement),
        signedTrunk,
        optimizerBlob: row.optimizerBlob,
      };
    },
    setProject: (project, first, at) => setProject.immediate(project, first, at),
    knownProject(project) {
      const hash = projectHashOf(project);
      if (projectRow.get(hash) !== undefined) return hash;
      const rows = db.prepare<[], { projectHash: string; project: string }>(
        'SELECT projectHash, project FROM projects',
      );
      const same = rows.all().find((row) => {
        const stored = projectSchema.safeParse(JSON.parse(row.project));
        return stored.success && projectHashOf(stored.data) === hash;
      });
      return same?.projectHash ?? null;
    },
    selectProject: (projectHash) => writeSetting(db, 'project', projectHash),
    receiptOf(idempotencyKey) {
      const row = db
        .prepare<[string], { site: string; statement: string; signature: string }>(
          'SELECT site, receiptStatement AS statement, receiptSignature AS signature FROM updates WHERE idempotencyKey = ?',
        )
        .get(idempotencyKey);
      return row === undefined
        ? null
        : { site: row.site, receipt: { statement: row.statement, signature: row.signature } };
    },
    acceptUpdate({ update, signed, site, receipt, acceptedAt }) {
      insertUpdate.run(
        update.idempotencyKey,
        update.projectHash,
        site,
        update.baseVersion,
        update.blob,
        update.examples,
        signed.statement,
        signed.signature,
        receipt.statement,
        receipt.signature,
        acceptedAt,
      );
    },
    buffered: (projectHash) =>
      db
        .prepare<[string], BufferedUpdate>(
          `SELECT idempotencyKey, site, baseVersion, blob, examples, acceptedAt FROM updates
           WHERE projectHash = ? AND committedVersion IS NULL ORDER BY number`,
        )
        .all(projectHash),
    waiting: (projectHash, site) =>
      db
        .prepare<[string, string], { n: number }>(
          'SELECT count(*) AS n FROM updates WHERE projectHash = ? AND site = ? AND committedVersion IS NULL',
        )
        .get(projectHash, site)!.n,
    commit: (order) => commit.immediate(order),
    isTrunkBlob: (hash) => db.prepare('SELECT 1 FROM trunk WHERE blob = ? LIMIT 1').get(hash) !== undefined,
    trunkBlob: (projectHash, version) =>
      db
        .prepare<[string, number], { blob: string }>('SELECT blob FROM trunk WHERE projectHash = ? AND version = ?')
        .get(projectHash, version)?.blob ?? null,
    isBlobNeeded: (hash) =>
      db
        .prepare(
          `SELECT 1 FROM trunk WHERE blob = :hash UNION ALL SELECT 1 FROM models WHERE sealedBlob = :hash UNION ALL
           SELECT 1 FROM projects WHERE optimizerBlob = :hash UNION ALL SELECT 1 FROM updates WHERE blob = :hash AND committedVersion IS NULL LIMIT 1`,
        )
        .get({ hash }) !== undefined,
    committedBlobs: (projectHash) =>
      db
        .prepare<[string], { blob: string }>(
          'SELECT blob FROM updates WHERE projectHash = ? AND committedVersion IS NOT NULL',
        )
        .all(projectHash)
        .map((row) => row.blob),
    acceptedUpdates: () => db.prepare<[], { n: number }>('SELECT count(*) AS n FROM updates').get()!.n,
  };
}
