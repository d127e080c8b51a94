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
import { outsiderFault } from './outsiders.ts';
import type { TrunkStore } from './trunk-store.ts';

type ModelStatement = StatementOf<'model'>;
export type ModelAvailable = Extract<FromHub, { kind: 'model-available' }>;

interface ModelRow {
  readonly number: number;
  readonly sealedBlob: string;
  readonly statement: string;
}

export interface Relay {
  /**
   * Stores a model once its sealed bytes are here; the same sealed bytes with other envelopes add recipients. An author has one model on a
   * branch of a project: a newer takes the place of the earlier, also the same model that is published anew.
   * @returns who has something new. @throws Fault 403, 504, 511, 514, 516, 518 or 528 with the reason of refusal.
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
  /**
   * What stands of the author and what the new one takes the place of: whatever is of another project, an earlier model on the branch, and
   * the same model where it was published before, sealed with another key.
   * @throws Fault 518 when it would be one branch too many.
   */
  const standing = async (
    tx: HubStatements,
    { author, model, projectHash, branch, sequence, sealedBlob }: ModelStatement,
  ): Promise<{
    readonly isOvertaken: boolean;
    readonly same: ModelRow | null;
    readonly replaced: readonly ModelRow[];
  }> => {
    const rows = (
      await tx.all<ModelRow>('SELECT number, sealedBlob, statement FROM models WHERE author = ?', author)
    ).map((row) => ({ row, said: parseStatement('model', row.statement) }));
    const inItsPlace = rows.filter(
      ({ said }) => said.projectHash === projectHash && (said.branch === branch || said.model === model),
    );
    const same = inItsPlace.find(({ row, said }) => said.model === model && row.sealedBlob === sealedBlob) ?? null;
    const isOvertaken = same === null && inItsPlace.some(({ said }) => said.sequence > sequence);
    const former = rows.filter(({ said }) => said.projectHash !== projectHash);
    const others = rows.length - former.length - inItsPlace.length;
    if (others >= wireLimits.branches) throw hubFault.tooManyBranches(wireLimits.branches);
    const replaced = [...former, ...inItsPlace].filter((one) => one !== same).map(({ row }) => row);
    return { isOvertaken, same: same?.row ?? null, replaced };
  };
  const place = (site: AdmittedSite, model: ModelStatement, signed: Signed, envelopes: readonly Envelope[]) =>
    db.transaction(async (tx) => {
      const outsider = await outsiderFault(tx, model.projectHash, site.fingerprint);
      if (outsider !== null) throw outsider;
      if (blobs.size(model.sealedBlob) !== model.sealedBytes) throw hubFault.missingBlob();
      const author = site.fingerprint;
      const { isOvertaken, same, replaced } = await standing(tx, model);
      // A newer one of the branch came first.
      if (isOvertaken) return { recipients: [], dropped: [model.sealedBlob] };
      for (const { number } of replaced) {
        await tx.run('DELETE FROM envelopes WHERE modelNumber = ?', number);
        await tx.run('DELETE FROM models WHERE number = ?', number);
      }
      if (same === null) {
        await tx.run(
          'INSERT INTO models (model, author, statement, signature, sealedBlob) VALUES (?, ?, ?, ?, ?)',
          model.model,
          author,
          signed.statement,
          signed.signature,
          model.sealedBlob,
        );
      }
      const row = (await tx.get<{ number: number }>(
        'SELECT number FROM models WHERE author = ? AND model = ?',
        author,
        model.model,
      ))!;
      const recipients: string[] = [];
      for (const { recipient, sealedKey } of envelopes) {
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
      return { recipients, dropped: replaced.map(({ sealedBlob }) => sealedBlob) };
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
      const { recipients, dropped } = await place(author, model, signed, toMembers);
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
