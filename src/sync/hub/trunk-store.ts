// Project, trunk versions and updates in the database. Rows only: what they mean is decided in trunk.ts.
import { projectSchema, type Project } from '../../contract/federation.ts';
import type { BlobFolder } from '../protocol/blob-folder.ts';
import type { Signed, TrunkStatement } from '../protocol/statement.ts';
import {
  type BufferedUpdate,
  bufferedUpdates,
  type CurrentProject,
  currentProject,
  projectHashOf,
} from './current-project.ts';
import { recordEvent } from './event-log.ts';
import { hubFault } from './faults.ts';
import { type EndedBuffer, endMaskedBuffer } from './masked-store.ts';
import { type HubDatabase, type HubStatements, writeSetting } from './hub-database.ts';
import type { EnterAct } from './hub-ledger.ts';
import { hasDeclined, outsiderFault } from './outsiders.ts';
import { openTrunkReports, type TrunkReports } from './trunk-reports.ts';
import { type NewUpdate, openUpdateRows, type UpdateRows } from './update-rows.ts';

export interface TrunkStore extends TrunkReports, UpdateRows {
  current(): Promise<CurrentProject | null>;
  /** Makes a project the current one; one seen before goes on where it stood. */
  setProject(project: Project, first: { statement: TrunkStatement; signed: Signed }, at: string): Promise<void>;
  /** The hash of a known project that says the same, also if it was written before some of its fields existed. */
  knownProject(project: Project): Promise<string | null>;
  selectProject(projectHash: string): Promise<void>;
  buffered(projectHash: string): Promise<readonly BufferedUpdate[]>;
  /** @returns null while another process makes a commit of this project. */
  beginAggregation(projectHash: string): Promise<Aggregation | null>;
  /**
   * One transaction: the version, its updates counted, the optimiser's state in place of the last, and the end of the project,
   * with which updates that still wait are discarded.
   * @throws Fault 542, and writes nothing, when a later turn has begun.
   */
  commit(order: NewCommit): Promise<void>;
  /** One transaction: the project ends where it stands, and what waits is never counted. */
  finish(projectHash: string, at: string): Promise<void>;
  /** Of a trunk version, or the control variate of a newest one. */
  isTrunkBlob(hash: string): Promise<boolean>;
  /** Of each site the control variate that was counted last. */
  siteVariates(projectHash: string): Promise<readonly SiteVariate[]>;
  memberFingerprints(): Promise<ReadonlySet<string>>;
  /** Later versions than this, oldest first. */
  trunksAfter(projectHash: string, version: number): Promise<readonly Signed[]>;
  /** The blob of a trunk version; null where there never was one. */
  trunkBlob(projectHash: string, version: number): Promise<string | null>;
  /**
   * Throws a blob away unless a trunk version, an optimiser's state, a control variate, an update that is not counted yet, masked or not, or a shared model consists of
   * it; nothing can begin to need it meanwhile. @returns whether it is gone.
   */
  dropBlob(hash: string): Promise<boolean>;
  /** Whether the site's last word on the project was no. */
  hasDeclined(projectHash: string, site: string): Promise<boolean>;
  /** Whether it is a member that did not decline. */
  takesPart(projectHash: string, site: string): Promise<boolean>;
  committedBlobs(projectHash: string): Promise<readonly string[]>;
}

/** The blobs that rows need (a null among them): trunk versions, shared models, optimisers' states, control variates, updates that are not counted yet. */
export const neededBlobs = `(SELECT blob FROM trunk UNION ALL SELECT sealedBlob FROM models UNION ALL
  SELECT optimizerBlob FROM projects UNION ALL SELECT variateBlob FROM projects UNION ALL SELECT blob FROM siteVariates UNION ALL
  SELECT blob FROM maskedUpdates UNION ALL
  SELECT blob FROM updates WHERE committedVersion IS NULL) AS needed`;

/** A site's control variate, and of how many examples it is the mean gradient. */
export interface SiteVariate {
  readonly site: string;
  readonly blob: string;
  readonly examples: number;
}

/** Control variates that a commit changes. */
export interface NewVariates {
  /** Null with the last commit. */
  readonly trunk: { readonly blob: string; readonly bytes: number } | null;
  readonly sites: readonly SiteVariate[];
  /** Blobs that nothing needs afterwards. */
  readonly replaced: readonly string[];
}

export interface NewCommit {
  readonly statement: TrunkStatement;
  readonly signed: Signed;
  readonly optimizerBlob: string | null;
  readonly isLast: boolean;
  /** Of the turn in which it was made. */
  readonly epoch: number;
  /** Of a masked buffer: its updates, accepted and counted in one, and the buffer is gone. */
  readonly masked?: { readonly updates: readonly NewUpdate[]; readonly buffer: EndedBuffer } | null;
  readonly variates?: NewVariates | null;
  /** Sites whose updates are counted as committed, and are not in it: the rule did not keep them. */
  readonly leftOut?: readonly string[];
}

/** The turn to make a project's commits; `epoch` grows with each. */
export interface Aggregation {
  readonly epoch: number;
  end(): Promise<void>;
}

/** `blobs` are the bytes that the rows name: looked at, and thrown away, inside the transactions. */
export function openTrunkStore(db: HubDatabase, blobs: BlobFolder, enter: EnterAct): TrunkStore {
  const addTrunk = async (tx: HubStatements, statement: TrunkStatement, signed: Signed): Promise<void> => {
    const { projectHash, version, blob } = statement;
    await tx.run(
      'INSERT INTO trunk VALUES (?, ?, ?, ?, ?)',
      projectHash,
      version,
      blob,
      signed.statement,
      signed.signature,
    );
  };
  const choose = async (tx: HubStatements, projectHash: string, isNew: boolean): Promise<void> => {
    if ((await currentProject(tx))?.projectHash === projectHash) return;
    await writeSetting(tx, 'project', projectHash);
    const chosen = await currentProject(tx);
    if (!isNew && chosen !== null)
      await enter(tx, 'project-taken-up-again', { project: chosen.project.id, projectHash });
    await recordEvent(tx, 'project-chosen', projectHash);
  };
  const { addUpdate, discardWaiting, ...updates } = openUpdateRows(db, blobs, enter);

  return {
    ...openTrunkReports(db),
    ...updates,
    buffered: (projectHash) => bufferedUpdates(db, projectHash),
    current: () => currentProject(db),
    setProject: (project, first, at) =>
      db.transaction(async (tx) => {
        const hash = projectHashOf(project);
        const isNew = await tx.run(
          'INSERT INTO projects (projectHash, project, createdAt) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
          hash,
          JSON.stringify(project),
          at,
        );
        // Another hub was quicker: its first trunk stands.
        if (isNew === 1) {
          await addTrunk(tx, first.statement, first.signed);
          const trunk = first.statement.blob;
          await enter(tx, 'project-proposed', { project: project.id, projectHash: hash, trunk });
        }
        await choose(tx, hash, isNew === 1);
      }),
    async knownProject(project) {
      const hash = projectHashOf(project);
      const rows = await db.all<{ projectHash: string; project: string }>('SELECT projectHash, project FROM projects');
      if (rows.some(({ projectHash }) => projectHash === hash)) return hash;
      const same = rows.find((row) => {
        const stored = projectSchema.safeParse(JSON.parse(row.project));
        return stored.success && projectHashOf(stored.data) === hash;
      });
      return same?.projectHash ?? null;
    },
    selectProject: (projectHash) => db.transaction((tx) => choose(tx, projectHash, false)),
    commit: ({ statement, signed, optimizerBlob, isLast, epoch, masked, variates = null, leftOut = [] }) =>
      db.transaction(async (tx) => {
        const { projectHash, version, committedAt } = statement;
        const variateBlob = variates?.trunk?.blob ?? null;
        const siteVariates = variates?.sites ?? [];
        for (const blob of [statement.blob, optimizerBlob, variateBlob, ...siteVariates.map((one) => one.blob)]) {
          if (blob !== null && !blobs.has(blob)) throw new Error(`blob ${blob} of a commit is gone`);
        }
        const isInTurn = await tx.run(
          'UPDATE projects SET optimizerBlob = ?, variateBlob = ? WHERE projectHash = ? AND epoch = ?',
          optimizerBlob,
          variateBlob,
          projectHash,
          epoch,
        );
        if (isInTurn !== 1) throw hubFault.fenced();
        await addTrunk(tx, statement, signed);
        for (const { site, blob, examples } of siteVariates) {
          await tx.run('DELETE FROM siteVariates WHERE projectHash = ? AND site = ?', projectHash, site);
          await tx.run('INSERT INTO siteVariates VALUES (?, ?, ?, ?)', projectHash, site, blob, examples);
        }
        if (isLast) await tx.run('DELETE FROM siteVariates WHERE projectHash = ?', projectHash);
        for (const update of masked?.updates ?? []) await addUpdate(tx, update, true);
        for (const key of statement.updates) {
          const counted = await tx.run(
            'UPDATE updates SET committedVersion = ? WHERE idempotencyKey = ? AND projectHash = ? AND committedVersion IS NULL',
            version,
            key,
            projectHash,
          );
          // An update that is already counted must not be counted again: nothing of this commit may happen then.
          if (counted !== 1) throw new Error(`update ${key} twice`);
        }
        let updatesLeftOut = 0;
        for (const site of leftOut) {
          const sql = 'UPDATE updates SET isLeftOut = 1 WHERE projectHash = ? AND committedVersion = ? AND site = ?';
          updatesLeftOut += await tx.run(sql, projectHash, version, site);
        }
        await enter(tx, 'trunk-committed', {
          project: statement.project,
          version,
          blob: statement.blob,
          bytes: statement.bytes,
          updates: statement.updates.length,
          ...(updatesLeftOut > 0 && { leftOut: updatesLeftOut }),
          isFinished: isLast,
        });
        if (isLast) {
          await tx.run('UPDATE projects SET finishedAt = ? WHERE projectHash = ?', committedAt, projectHash);
          await discardWaiting(tx, projectHash);
        }
        await recordEvent(tx, 'trunk-committed', projectHash);
        // Sites hear of the trunk first, and then offer what was not counted anew.
        if (masked != null) await endMaskedBuffer(tx, projectHash, masked.buffer);
      }),
    async beginAggregation(projectHash) {
      const turn = await db.turn(projectHash);
      if (turn === null) return null;
      try {
        const row = await db.get<{ epoch: number }>(
          'UPDATE projects SET epoch = epoch + 1 WHERE projectHash = ? RETURNING epoch',
          projectHash,
        );
        return { epoch: row!.epoch, end: () => turn.end() };
      } catch (thrown) {
        await turn.end();
        throw thrown;
      }
    },
    trunksAfter: (projectHash, version) =>
      db.all<Signed>(
        'SELECT statement, signature FROM trunk WHERE projectHash = ? AND version > ? ORDER BY version',
        projectHash,
        version,
      ),
    finish: (projectHash, at) =>
      db.transaction(async (tx) => {
        await tx.run(
          'UPDATE projects SET finishedAt = ?, variateBlob = NULL WHERE projectHash = ? AND finishedAt IS NULL',
          at,
          projectHash,
        );
        await tx.run('DELETE FROM siteVariates WHERE projectHash = ?', projectHash);
        await discardWaiting(tx, projectHash);
        await recordEvent(tx, 'project-chosen', projectHash);
      }),
    async isTrunkBlob(hash) {
      const sql = 'SELECT 1 FROM trunk WHERE blob = ? UNION ALL SELECT 1 FROM projects WHERE variateBlob = ? LIMIT 1';
      return (await db.get(sql, hash, hash)) !== undefined;
    },
    siteVariates: (projectHash) =>
      db.all<SiteVariate>(
        'SELECT site, blob, examples FROM siteVariates WHERE projectHash = ? ORDER BY site',
        projectHash,
      ),
    async memberFingerprints() {
      const rows = await db.all<{ fingerprint: string }>("SELECT fingerprint FROM members WHERE state = 'member'");
      return new Set(rows.map(({ fingerprint }) => fingerprint));
    },
    async trunkBlob(projectHash, version) {
      const row = await db.get<{ blob: string }>(
        'SELECT blob FROM trunk WHERE projectHash = ? AND version = ?',
        projectHash,
        version,
      );
      return row?.blob ?? null;
    },
    dropBlob: (hash) =>
      db.transaction(async (tx) => {
        const need = await tx.get(`SELECT 1 FROM ${neededBlobs} WHERE blob = ? LIMIT 1`, hash);
        if (need === undefined) blobs.remove(hash);
        return need === undefined;
      }),
    hasDeclined: (projectHash, site) => hasDeclined(db, projectHash, site),
    takesPart: async (projectHash, site) => (await outsiderFault(db, projectHash, site)) === null,
    async committedBlobs(projectHash) {
      const rows = await db.all<{ blob: string }>(
        'SELECT blob FROM updates WHERE projectHash = ? AND committedVersion IS NOT NULL',
        projectHash,
      );
      return rows.map((row) => row.blob);
    },
  };
}
