// Masked buffers in the database: offers that wait, the buffer that is open, and the masked updates that arrived for it. Rows only: what
// they mean is decided in masked-buffers.ts.
import { z } from 'zod';
import type { BlobFolder } from '../protocol/blob-folder.ts';
import { fingerprintSchema, publicKeySchema } from '../protocol/device-keys.ts';
import { type Signed, signedSchema } from '../protocol/statement.ts';
import { hubFault } from './faults.ts';
import type { HubDatabase, HubStatements } from './hub-database.ts';

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
export type OpenMaskedBuffer = z.infer<typeof openBufferSchema>;

export interface ArrivedUpdate {
  readonly site: string;
  readonly blob: string;
  readonly update: Signed;
}

export interface MaskedStore {
  /** Those that wait, the oldest first. */
  offers(projectHash: string): Promise<readonly (WaitingOffer & { readonly acceptedAt: string })[]>;
  /** In place of an earlier one of the same site. */
  putOffer(projectHash: string, offer: WaitingOffer, acceptedAt: string): Promise<void>;
  dropOffer(projectHash: string, site: string): Promise<void>;
  /** A project has one open buffer at a time, so that no commit comes between its staleness and its sum. */
  open(projectHash: string): Promise<OpenMaskedBuffer | null>;
  /** One transaction: the buffer, and its members' offers wait no more. */
  begin(projectHash: string, buffer: OpenMaskedBuffer): Promise<void>;
  save(projectHash: string, buffer: OpenMaskedBuffer): Promise<void>;
  /** @throws Fault 514 when the bytes are gone. */
  addUpdate(projectHash: string, update: ArrivedUpdate): Promise<void>;
  updates(projectHash: string): Promise<readonly ArrivedUpdate[]>;
  /** Forgets the buffer. Its blobs are needed no more. */
  end(projectHash: string): Promise<void>;
  /** Sites whose update waits or is in the open buffer. */
  waiting(projectHash: string): Promise<number>;
}

export function openMaskedStore(db: HubDatabase, blobs: BlobFolder): MaskedStore {
  const text = (buffer: OpenMaskedBuffer): string => JSON.stringify(openBufferSchema.parse(buffer));
  const open = async (projectHash: string): Promise<OpenMaskedBuffer | null> => {
    const row = await db.get<{ document: string }>(
      'SELECT document FROM maskedBuffers WHERE projectHash = ?',
      projectHash,
    );
    return row === undefined ? null : openBufferSchema.parse(JSON.parse(row.document));
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
    async putOffer(projectHash, offer, acceptedAt) {
      await db.run(
        `INSERT INTO maskedOffers (projectHash, site, document, offeredAt) VALUES (?, ?, ?, ?)
         ON CONFLICT (projectHash, site) DO UPDATE SET document = excluded.document`,
        projectHash,
        offer.site,
        JSON.stringify(offer),
        acceptedAt,
      );
    },
    async dropOffer(projectHash, site) {
      await db.run('DELETE FROM maskedOffers WHERE projectHash = ? AND site = ?', projectHash, site);
    },
    open,
    begin: (projectHash, buffer) =>
      db.transaction(async (tx) => {
        await tx.run('INSERT INTO maskedBuffers (projectHash, document) VALUES (?, ?)', projectHash, text(buffer));
        for (const { site } of buffer.members) {
          await tx.run('DELETE FROM maskedOffers WHERE projectHash = ? AND site = ?', projectHash, site);
        }
      }),
    async save(projectHash, buffer) {
      await db.run('UPDATE maskedBuffers SET document = ? WHERE projectHash = ?', text(buffer), projectHash);
    },
    addUpdate: (projectHash, { site, blob, update }) =>
      db.transaction(async (tx) => {
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
      }),
    async updates(projectHash) {
      const rows = await db.all<{ site: string; blob: string } & Signed>(
        'SELECT site, blob, statement, signature FROM maskedUpdates WHERE projectHash = ? ORDER BY site',
        projectHash,
      );
      return rows.map(({ site, blob, statement, signature }) => ({ site, blob, update: { statement, signature } }));
    },
    end: (projectHash) => db.transaction((tx) => endMaskedBuffer(tx, projectHash)),
    async waiting(projectHash) {
      return (await offers(projectHash)).length + ((await open(projectHash))?.members.length ?? 0);
    },
  };
}

/** Also part of the transaction that commits a buffer's sum. */
export async function endMaskedBuffer(tx: HubStatements, projectHash: string): Promise<void> {
  await tx.run('DELETE FROM maskedUpdates WHERE projectHash = ?', projectHash);
  await tx.run('DELETE FROM maskedBuffers WHERE projectHash = ?', projectHash);
}
