// Masked buffers in the database: offers that wait, the buffer that is open, and the masked updates that arrived for it. Rows only: what
// they mean is decided in masked-buffers.ts. Several hubs may change a buffer: whoever writes says which revision it has seen.
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { FaultValue } from '../../contract/fault.ts';
import type { BlobFolder } from '../protocol/blob-folder.ts';
import { fingerprintSchema, publicKeySchema } from '../protocol/device-keys.ts';
import { type Signed, signedSchema } from '../protocol/statement.ts';
import { recordEvent } from './event-log.ts';
import { hubFault } from './faults.ts';
import type { HubDatabase, HubStatements } from './hub-database.ts';
import { outsiderFault } from './outsiders.ts';

const waitingOfferSchema = z.object({
  /** Fingerprint. */
  site: fingerprintSchema,
  name: z.string(),
  publicKey: publicKeySchema,
  offer: signedSchema,
});
/** An update that a site has for a masked buffer. */
export type WaitingOffer = z.infer<typeof waitingOfferSchema>;

const openBufferSchema = z.object({
  step: z.enum(['sharing', 'masking', 'unmasking']),
  /** Milliseconds since 1970. */
  stepEndsAt: z.number(),
  roster: signedSchema,
  /** In the roster's order. */
  members: z.array(waitingOfferSchema),
  /** By site: what it dealt. */
  dealt: z.record(fingerprintSchema, signedSchema),
  /** Asked of all members once the masked updates are in. */
  unmasking: signedSchema.nullable(),
  /** By site: its shares, in the roster's order. */
  revealed: z.record(fingerprintSchema, z.array(z.string())),
});
export type NewMaskedBuffer = z.infer<typeof openBufferSchema>;
/** `revision` is another after each change. */
export type OpenMaskedBuffer = NewMaskedBuffer & { revision: string };

/** Another hub wrote first: whoever gets this looks how things stand now, and decides anew. */
export class ChangedMeanwhile extends Error {}

export interface ArrivedUpdate {
  readonly site: string;
  readonly blob: string;
  readonly update: Signed;
}

/** What is written is written where nobody else wrote since; else ChangedMeanwhile is thrown, and nothing is. */
export interface MaskedStore {
  /** Those that wait, the oldest first. */
  offers(projectHash: string): Promise<readonly (WaitingOffer & { readonly acceptedAt: string })[]>;
  /** In place of an earlier one of the same site. `seen` is the revision of the open buffer, null where there was none. */
  putOffer(projectHash: string, offer: WaitingOffer, acceptedAt: string, seen: string | null): Promise<void>;
  dropOffer(projectHash: string, offer: WaitingOffer): Promise<void>;
  /** A project has one open buffer at a time, so that no commit comes between its staleness and its sum. */
  open(projectHash: string): Promise<OpenMaskedBuffer | null>;
  /** One transaction: the buffer, whose members' offers wait no more, while the trunk is at this version. @returns its revision. */
  begin(projectHash: string, buffer: NewMaskedBuffer, trunkVersion: number): Promise<string>;
  /** `isStep`: other hubs have something to say to their sites. @returns the new revision. */
  save(projectHash: string, buffer: OpenMaskedBuffer, isStep: boolean): Promise<string>;
  /** @returns the new revision, and how many updates there are now. @throws Fault 504 or 528 for a site that takes no part any more, 514 when the bytes are gone. */
  addUpdate(
    projectHash: string,
    seen: string,
    update: ArrivedUpdate,
  ): Promise<{ readonly revision: string; readonly arrived: number }>;
  updates(projectHash: string): Promise<readonly ArrivedUpdate[]>;
  /** Forgets the buffer. Its blobs are needed no more. */
  end(projectHash: string, ended: EndedBuffer): Promise<void>;
  /** Sites whose update waits or is in the open buffer. */
  waiting(projectHash: string): Promise<number>;
}

export interface EndedBuffer {
  readonly name: string;
  readonly seen: string;
  /** Null where it was committed. */
  readonly fault: FaultValue | null;
}

export function openMaskedStore(db: HubDatabase, blobs: BlobFolder): MaskedStore {
  const text = (buffer: NewMaskedBuffer): string => JSON.stringify(openBufferSchema.parse(buffer));
  const offerText = (offer: WaitingOffer): string => JSON.stringify(waitingOfferSchema.parse(offer));
  const open = async (projectHash: string): Promise<OpenMaskedBuffer | null> => {
    const row = await db.get<{ document: string; revision: string }>(
      'SELECT document, revision FROM maskedBuffers WHERE projectHash = ?',
      projectHash,
    );
    return row === undefined ? null : { ...openBufferSchema.parse(JSON.parse(row.document)), revision: row.revision };
  };
  const offers: MaskedStore['offers'] = async (projectHash) => {
    const rows = await db.all<{ document: string; offeredAt: string }>(
      'SELECT document, offeredAt FROM maskedOffers WHERE projectHash = ? ORDER BY offeredAt, site',
      projectHash,
    );
    return rows.map(({ document, offeredAt }) => ({
      ...waitingOfferSchema.parse(JSON.parse(document)),
      acceptedAt: offeredAt,
    }));
  };
  return {
    offers,
    putOffer: (projectHash, offer, acceptedAt, seen) =>
      db.transaction(async (tx) => {
        const sql = 'SELECT revision FROM maskedBuffers WHERE projectHash = ?';
        const standing = await tx.get<{ revision: string }>(sql, projectHash);
        if ((standing?.revision ?? null) !== seen) throw new ChangedMeanwhile();
        await tx.run(
          `INSERT INTO maskedOffers (projectHash, site, document, offeredAt) VALUES (?, ?, ?, ?)
           ON CONFLICT (projectHash, site) DO UPDATE SET document = excluded.document`,
          projectHash,
          offer.site,
          offerText(offer),
          acceptedAt,
        );
        // Each hub knows then when a buffer is due: the one that took the offer may die.
        await recordEvent(tx, 'masked-buffer-changed', projectHash);
      }),
    async dropOffer(projectHash, offer) {
      const sql = 'DELETE FROM maskedOffers WHERE projectHash = ? AND site = ? AND document = ?';
      await db.run(sql, projectHash, offer.site, offerText(offer));
    },
    open,
    begin: (projectHash, buffer, trunkVersion) =>
      db.transaction(async (tx) => {
        const revision = randomUUID();
        const newest = await tx.get<{ version: number }>(
          'SELECT max(version) AS version FROM trunk WHERE projectHash = ?',
          projectHash,
        );
        const begun = await tx.run(
          'INSERT INTO maskedBuffers (projectHash, document, revision) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
          projectHash,
          text(buffer),
          revision,
        );
        if (begun !== 1 || newest?.version !== trunkVersion) throw new ChangedMeanwhile();
        for (const offer of buffer.members) {
          const sql = 'DELETE FROM maskedOffers WHERE projectHash = ? AND site = ? AND document = ?';
          if ((await tx.run(sql, projectHash, offer.site, offerText(offer))) !== 1) throw new ChangedMeanwhile();
        }
        await recordEvent(tx, 'masked-buffer-changed', projectHash);
        return revision;
      }),
    save: (projectHash, buffer, isStep) =>
      db.transaction(async (tx) => {
        const revision = randomUUID();
        const sql = 'UPDATE maskedBuffers SET document = ?, revision = ? WHERE projectHash = ? AND revision = ?';
        if ((await tx.run(sql, text(buffer), revision, projectHash, buffer.revision)) !== 1)
          throw new ChangedMeanwhile();
        if (isStep) await recordEvent(tx, 'masked-buffer-changed', projectHash);
        return revision;
      }),
    addUpdate: (projectHash, seen, { site, blob, update }) =>
      db.transaction(async (tx) => {
        const revision = randomUUID();
        const sql = 'UPDATE maskedBuffers SET revision = ? WHERE projectHash = ? AND revision = ?';
        if ((await tx.run(sql, revision, projectHash, seen)) !== 1) throw new ChangedMeanwhile();
        const outsider = await outsiderFault(tx, projectHash, site);
        if (outsider !== null) throw outsider;
        // Looked at inside: from here on the row keeps the bytes.
        if (!blobs.has(blob)) throw hubFault.missingBlob();
        await tx.run(
          'INSERT INTO maskedUpdates (projectHash, site, blob, statement, signature) VALUES (?, ?, ?, ?, ?)',
          projectHash,
          site,
          blob,
          update.statement,
          update.signature,
        );
        const counted = 'SELECT count(*) AS n FROM maskedUpdates WHERE projectHash = ?';
        return { revision, arrived: (await tx.get<{ n: number }>(counted, projectHash))!.n };
      }),
    async updates(projectHash) {
      const rows = await db.all<{ site: string; blob: string } & Signed>(
        'SELECT site, blob, statement, signature FROM maskedUpdates WHERE projectHash = ? ORDER BY site',
        projectHash,
      );
      return rows.map(({ site, blob, statement, signature }) => ({ site, blob, update: { statement, signature } }));
    },
    end: (projectHash, ended) => db.transaction((tx) => endMaskedBuffer(tx, projectHash, ended)),
    async waiting(projectHash) {
      return (await offers(projectHash)).length + ((await open(projectHash))?.members.length ?? 0);
    },
  };
}

/** Also part of the transaction that commits a buffer's sum. */
export async function endMaskedBuffer(
  tx: HubStatements,
  projectHash: string,
  { name, seen, fault }: EndedBuffer,
): Promise<void> {
  await tx.run('DELETE FROM maskedUpdates WHERE projectHash = ?', projectHash);
  const sql = 'DELETE FROM maskedBuffers WHERE projectHash = ? AND revision = ?';
  if ((await tx.run(sql, projectHash, seen)) !== 1) throw new ChangedMeanwhile();
  await recordEvent(tx, 'masked-buffer-ended', name, fault === null ? null : JSON.stringify(fault));
}
