// The bench's relay: models that sites share with each other go through here sealed. The hub checks who wrote them and hands
// them on; it holds no key that opens them.
import type { BlobFolder } from '../protocol/blob-folder.ts';
import { wireLimits } from '../protocol/limits.ts';
import type { Envelope, FromHub } from '../protocol/messages.ts';
import { parseStatement, readStatement, type Signed, type StatementOf } from '../protocol/statement.ts';
import { recordEvent } from './event-log.ts';
import { hubFault } from './faults.ts';
import type { HubDatabase, HubStatements } from './hub-database.ts';
import type { EnterAct } from './hub-ledger.ts';
import type { AdmittedSite, Members } from './members.ts';
import type { TrunkStore } from './trunk-store.ts';

type ModelStatement = StatementOf<'model'>;
export type ModelAvailable = Extract<FromHub, { kind: 'model-available' }>;

export interface Relay {
  /**
   * Stores a model once its sealed bytes are here; again with other envelopes it adds recipients. An author has one model on a
   * branch of a project: another takes the place of the earlier.
   * @returns who has something new. @throws Fault 403, 511, 514, 516 or 518 with the reason of refusal.
   */
  publish(author: AdmittedSite, signed: Signed, envelopes: readonly Envelope[]): Promise<readonly string[]>;
  /** What a recipient has not seen yet, oldest first. */
  availableTo(recipient: string, afterSequence: number): Promise<readonly ModelAvailable[]>;
  mayFetch(recipient: string, blob: string): Promise<boolean>;
}

export function openRelay(order: {
  readonly db: HubDatabase;
  readonly blobs: BlobFolder;
  readonly members: Members;
  readonly store: TrunkStore;
  readonly enter: EnterAct;
}): Relay {
  const { db, blobs, members, store, enter } = order;
  /** @returns the sealed blobs of the author's earlier models on the branch, whose rows are gone. */
  const replaceEarlier = async (
    tx: HubStatements,
    author: string,
    { model, projectHash, branch }: ModelStatement,
  ): Promise<string[]> => {
    const rows = await tx.all<{ number: number; sealedBlob: string; statement: string }>(
      'SELECT number, sealedBlob, statement FROM models WHERE author = ? AND model != ?',
      author,
      model,
    );
    const others = rows
      .map((row) => ({ ...row, ...parseStatement('model', row.statement), sealedBlob: row.sealedBlob }))
      .filter((row) => row.projectHash === projectHash);
    const earlier = others.filter((row) => row.branch === branch);
    if (others.length - earlier.length >= wireLimits.branches) throw hubFault.tooManyBranches(wireLimits.branches);
    for (const { number } of earlier) {
      await tx.run('DELETE FROM envelopes WHERE modelNumber = ?', number);
      await tx.run('DELETE FROM models WHERE number = ?', number);
    }
    return earlier.map(({ sealedBlob }) => sealedBlob);
  };
  const replace = (site: AdmittedSite, model: ModelStatement, signed: Signed, envelopes: readonly Envelope[]) =>
    db.transaction(async (tx) => {
      if (blobs.size(model.sealedBlob) !== model.sealedBytes) throw hubFault.missingBlob();
      const author = site.fingerprint;
      const dropped = await replaceEarlier(tx, author, model);
      await tx.run(
        'INSERT INTO models (model, author, statement, signature, sealedBlob) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
        model.model,
        author,
        signed.statement,
        signed.signature,
        model.sealedBlob,
      );
      const row = (await tx.get<{ number: number; sealedBlob: string }>(
        'SELECT number, sealedBlob FROM models WHERE author = ? AND model = ?',
        author,
        model.model,
      ))!;
      const recipients: string[] = [];
      // The first sealed form stays: later envelopes hold the key of that one.
      const fitting = row.sealedBlob === model.sealedBlob ? envelopes : [];
      for (const { recipient, sealedKey } of fitting) {
        const isNew = await tx.run(
          'INSERT INTO envelopes (modelNumber, recipient, sealedKey) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
          row.number,
          recipient,
          sealedKey,
        );
        if (isNew === 1) recipients.push(recipient);
      }
      await enter(tx, 'model-taken', {
        from: site.site,
        device: author,
        model: model.model,
        blob: model.sealedBlob,
        bytes: model.sealedBytes,
        recipients: recipients.length,
      });
      await recordEvent(tx, 'model-published', author);
      return { recipients, dropped };
    });

  return {
    async publish(author, signed, envelopes) {
      const model = readStatement('model', signed, author.publicKey);
      if (model.author !== author.fingerprint) throw hubFault.notAuthor();
      if (model.projectHash !== (await store.current())?.projectHash) throw hubFault.otherProject();
      const toMembers: Envelope[] = [];
      for (const envelope of envelopes) {
        const role = await members.roleOf(envelope.recipient);
        if (role !== null && role !== 'observer') toMembers.push(envelope);
      }
      const { recipients, dropped } = await replace(author, model, signed, toMembers);
      for (const hash of dropped) await store.dropBlob(hash);
      return recipients;
    },
    async availableTo(recipient, afterSequence) {
      const rows = await db.all<Signed & { sequence: number; sealedKey: string }>(
        `SELECT sequence, sealedKey, statement, signature FROM envelopes JOIN models ON models.number = modelNumber
         WHERE recipient = ? AND sequence > ? ORDER BY sequence`,
        recipient,
        afterSequence,
      );
      return rows.map(({ sequence, sealedKey, statement, signature }) => ({
        kind: 'model-available' as const,
        sequence,
        sealedKey,
        model: { statement, signature },
      }));
    },
    async mayFetch(recipient, blob) {
      const row = await db.get(
        'SELECT 1 FROM envelopes JOIN models ON models.number = modelNumber WHERE recipient = ? AND sealedBlob = ?',
        recipient,
        blob,
      );
      return row !== undefined;
    },
  };
}
