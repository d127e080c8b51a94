// The bench's relay: models that sites share with each other go through here sealed. The hub checks who wrote them and hands
// them on; it holds no key that opens them.
import type { BlobFolder } from '../protocol/blob-folder.ts';
import { wireLimits } from '../protocol/limits.ts';
import type { Envelope, FromHub } from '../protocol/messages.ts';
import { parseStatement, readStatement, type Signed, type StatementOf } from '../protocol/statement.ts';
import { hubFault } from './faults.ts';
import type { HubDatabase } from './hub-database.ts';
import type { AdmittedSite } from './members.ts';

type ModelStatement = StatementOf<'model'>;
export type ModelAvailable = Extract<FromHub, { kind: 'model-available' }>;

export interface Relay {
  /**
   * Stores a model once its sealed bytes are here; again with other envelopes it adds recipients. An author has one model on a
   * branch of a project: another takes the place of the earlier.
   * @returns who has something new. @throws Fault 403, 511, 514, 516 or 518 with the reason of refusal.
   */
  publish(author: AdmittedSite, signed: Signed, envelopes: readonly Envelope[]): readonly string[];
  /** What a recipient has not seen yet, oldest first. */
  availableTo(recipient: string, afterSequence: number): readonly ModelAvailable[];
  mayFetch(recipient: string, blob: string): boolean;
}

export function openRelay(order: {
  readonly db: HubDatabase;
  readonly blobs: BlobFolder;
  readonly isMember: (fingerprint: string) => boolean;
  readonly currentProject: () => string | null;
  readonly isBlobNeeded: (hash: string) => boolean;
}): Relay {
  const { db, blobs } = order;
  const insertModel = db.prepare(
    'INSERT INTO models (model, author, statement, signature, sealedBlob) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const modelRow = db.prepare<[string, string], { number: number; sealedBlob: string }>(
    'SELECT number, sealedBlob FROM models WHERE author = ? AND model = ?',
  );
  const insertEnvelope = db.prepare(
    'INSERT INTO envelopes (modelNumber, recipient, sealedKey) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const earlierModels = db.prepare<[string, string], { number: number; sealedBlob: string; statement: string }>(
    'SELECT number, sealedBlob, statement FROM models WHERE author = ? AND model != ?',
  );
  const removeEnvelopes = db.prepare('DELETE FROM envelopes WHERE modelNumber = ?');
  const removeModel = db.prepare('DELETE FROM models WHERE number = ?');
  /** @returns the sealed blobs of the author's earlier models on the branch, whose rows are gone. */
  const replaceEarlier = (author: string, { model, projectHash, branch }: ModelStatement): string[] => {
    const others = earlierModels
      .all(author, model)
      .map((row) => ({ ...row, ...parseStatement('model', row.statement), sealedBlob: row.sealedBlob }))
      .filter((row) => row.projectHash === projectHash);
    const earlier = others.filter((row) => row.branch === branch);
    if (others.length - earlier.length >= wireLimits.branches) throw hubFault.tooManyBranches(wireLimits.branches);
    return earlier.map(({ number, sealedBlob }) => {
      removeEnvelopes.run(number);
      removeModel.run(number);
      return sealedBlob;
    });
  };
  const store = db.transaction(
    (author: string, described: ModelStatement, signed: Signed, envelopes: readonly Envelope[]) => {
      const { model, sealedBlob } = described;
      const dropped = replaceEarlier(author, described);
      insertModel.run(model, author, signed.statement, signed.signature, sealedBlob);
      const row = modelRow.get(author, model)!;
      // The first sealed form stays: later envelopes hold the key of that one.
      const fitting = row.sealedBlob === sealedBlob ? envelopes : [];
      const recipients = fitting
        .filter(({ recipient, sealedKey }) => insertEnvelope.run(row.number, recipient, sealedKey).changes === 1)
        .map(({ recipient }) => recipient);
      return { recipients, dropped };
    },
  );

  return {
    publish(author, signed, envelopes) {
      const model = readStatement('model', signed, author.publicKey);
      if (model.author !== author.fingerprint) throw hubFault.notAuthor();
      if (model.projectHash !== order.currentProject()) throw hubFault.otherProject();
      if (blobs.size(model.sealedBlob) !== model.sealedBytes) throw hubFault.missingBlob();
      const toMembers = envelopes.filter(({ recipient }) => order.isMember(recipient));
      const { recipients, dropped } = store.immediate(author.fingerprint, model, signed, toMembers);
      for (const hash of dropped) if (!order.isBlobNeeded(hash)) blobs.remove(hash);
      return recipients;
    },
    availableTo: (recipient, afterSequence) =>
      db
        .prepare<[string, number], { sequence: number; sealedKey: string; statement: string; signature: string }>(
          `SELECT sequence, sealedKey, statement, signature FROM envelopes JOIN models ON models.number = modelNumber
           WHERE recipient = ? AND sequence > ? ORDER BY sequence`,
        )
        .all(recipient, afterSequence)
        .map(({ sequence, sealedKey, statement, signature }) => ({
          kind: 'model-available' as const,
          sequence,
          sealedKey,
          model: { statement, signature },
        })),
    mayFetch: (recipient, blob) =>
      db
        .prepare(
          'SELECT 1 FROM envelopes JOIN models ON models.number = modelNumber WHERE recipient = ? AND sealedBlob = ?',
        )
        .get(recipient, blob) !== undefined,
  };
}
