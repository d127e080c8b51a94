// Updates in the database: accepted once, counted by a commit or discarded, each with its entry in the ledger.
import type { BlobFolder } from '../protocol/blob-folder.ts';
import { wireLimits } from '../protocol/limits.ts';
import type { Signed, UpdateStatement } from '../protocol/statement.ts';
import { type BufferedUpdate, bufferedUpdates, type CurrentProject } from './current-project.ts';
import { recordEvent } from './event-log.ts';
import { hubFault } from './faults.ts';
import type { HubDatabase, HubStatements } from './hub-database.ts';
import type { EnterAct } from './hub-ledger.ts';
import { endedProjectFault, outsiderFault } from './outsiders.ts';

/** Stands for the version of an update that is never counted: its site's membership ended, or its project. */
export const discardedVersion = -1;

export interface StoredReceipt {
  readonly site: string;
  readonly receipt: Signed;
}

/** An update that is accepted, with the receipt that says so. */
export interface NewUpdate {
  readonly update: Pick<
    UpdateStatement,
    'idempotencyKey' | 'project' | 'projectHash' | 'baseVersion' | 'blob' | 'bytes' | 'examples'
  >;
  readonly signed: Signed;
  readonly site: string;
  readonly receipt: Signed;
  readonly acceptedAt: string;
}

export interface DiscardedUpdate {
  readonly idempotencyKey: string;
  readonly reason: string;
}

export interface UpdateRows {
  receiptOf(idempotencyKey: string): Promise<StoredReceipt | null>;
  /**
   * One transaction. @returns the receipt that counts: an earlier one where the update is known already.
   * @throws Fault 504, 511, 512 or 528 when site or project ended meanwhile, 514 when the bytes are gone.
   */
  acceptUpdate(
    row: NewUpdate & { readonly update: UpdateStatement },
  ): Promise<StoredReceipt & { readonly isDuplicate: boolean }>;
  /** An accepted update is never counted, for the reason that the ledger keeps. @returns its site's name; null where it was counted or discarded already. */
  discardUpdate(
    project: Pick<CurrentProject, 'project'>,
    update: Pick<BufferedUpdate, 'idempotencyKey' | 'site'>,
    because: string,
  ): Promise<string | null>;
  /** The newest updates of a site that are never counted, and why. */
  discardedOf(projectHash: string, site: string): Promise<readonly DiscardedUpdate[]>;
  /** Updates of a site that are not counted yet. */
  waiting(projectHash: string, site: string): Promise<number>;
}

/** What other transactions do with updates. */
export interface UpdateChanges {
  addUpdate(tx: HubStatements, update: NewUpdate, isMasked: boolean): Promise<void>;
  /** What waits when a project ends is never counted. */
  discardWaiting(tx: HubStatements, projectHash: string): Promise<void>;
}

/** `blobs` are the bytes that the rows name: looked at inside the transactions. */
export function openUpdateRows(db: HubDatabase, blobs: BlobFolder, enter: EnterAct): UpdateRows & UpdateChanges {
  const siteOf = async (tx: HubStatements, fingerprint: string): Promise<string | null> =>
    (await tx.get<{ site: string }>('SELECT site FROM members WHERE fingerprint = ?', fingerprint))?.site ?? null;
  const addUpdate = async (
    tx: HubStatements,
    { update, signed, site, receipt, acceptedAt }: NewUpdate,
    isMasked: boolean,
  ): Promise<void> => {
    await tx.run(
      `INSERT INTO updates (idempotencyKey, projectHash, site, baseVersion, blob, examples, statement, signature,
         receiptStatement, receiptSignature, acceptedAt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
    await enter(tx, 'update-accepted', {
      project: update.project,
      from: await siteOf(tx, site),
      device: site,
      baseVersion: update.baseVersion,
      blob: update.blob,
      bytes: update.bytes,
      examples: update.examples,
      ...(isMasked && { masked: true }),
    });
  };
  /** What waits when a project ends is never counted. */
  const discardWaiting = async (tx: HubStatements, projectHash: string): Promise<void> => {
    const waiting = await bufferedUpdates(tx, projectHash);
    if (waiting.length === 0) return;
    await tx.run(
      'UPDATE updates SET committedVersion = ?, discardedBecause = ? WHERE projectHash = ? AND committedVersion IS NULL',
      discardedVersion,
      'The project ended before the updates of a commit were together.',
      projectHash,
    );
    await enter(tx, 'updates-discarded', { projectHash, updates: waiting.length });
    for (const site of new Set(waiting.map((update) => update.site))) await recordEvent(tx, 'update-discarded', site);
  };
  const receiptOf = async (from: HubStatements, idempotencyKey: string): Promise<StoredReceipt | null> => {
    const row = await from.get<{ site: string; statement: string; signature: string }>(
      'SELECT site, receiptStatement AS statement, receiptSignature AS signature FROM updates WHERE idempotencyKey = ?',
      idempotencyKey,
    );
    return row === undefined
      ? null
      : { site: row.site, receipt: { statement: row.statement, signature: row.signature } };
  };

  return {
    addUpdate,
    discardWaiting,
    receiptOf: (idempotencyKey) => receiptOf(db, idempotencyKey),
    acceptUpdate: ({ update, signed, site, receipt, acceptedAt }) =>
      db.transaction(async (tx) => {
        const earlier = await receiptOf(tx, update.idempotencyKey);
        if (earlier !== null) return { ...earlier, isDuplicate: true };
        const ended =
          (await outsiderFault(tx, update.projectHash, site)) ?? (await endedProjectFault(tx, update.projectHash));
        if (ended !== null) throw ended;
        if (blobs.size(update.blob) !== update.bytes) throw hubFault.missingBlob();
        await addUpdate(tx, { update, signed, site, receipt, acceptedAt }, false);
        await recordEvent(tx, 'update-accepted', site);
        return { site, receipt, isDuplicate: false };
      }),
    async waiting(projectHash, site) {
      const sql = 'SELECT count(*) AS n FROM updates WHERE projectHash = ? AND site = ? AND committedVersion IS NULL';
      return (await db.get<{ n: number }>(sql, projectHash, site))!.n;
    },
    discardUpdate: ({ project }, { idempotencyKey, site }, because) =>
      db.transaction(async (tx) => {
        const updates = await tx.run(
          'UPDATE updates SET committedVersion = ?, discardedBecause = ? WHERE idempotencyKey = ? AND committedVersion IS NULL',
          discardedVersion,
          because,
          idempotencyKey,
        );
        if (updates === 0) return null;
        await recordEvent(tx, 'update-discarded', site);
        const from = await siteOf(tx, site);
        await enter(tx, 'updates-discarded', { project: project.id, from, device: site, updates, reason: because });
        return from ?? site;
      }),
    discardedOf: (projectHash, site) =>
      db.all<DiscardedUpdate>(
        `SELECT idempotencyKey, discardedBecause AS reason FROM updates
         WHERE projectHash = ? AND site = ? AND committedVersion = ? AND discardedBecause IS NOT NULL ORDER BY number DESC LIMIT ?`,
        projectHash,
        site,
        discardedVersion,
        wireLimits.discards,
      ),
  };
}
