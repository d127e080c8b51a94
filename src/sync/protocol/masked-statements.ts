// What is signed in secure aggregation (docs/protocol.md, section 10).
import { z } from 'zod';
import { fingerprintSchema, publicKeySchema } from './device-keys.ts';
import { hashSchema, instantSchema, projectIdSchema, versionSchema } from './statement-fields.ts';

/** A site's word that it has an update for a masked buffer, with the keys that it made for this offer alone. No bytes of it leave yet. */
const maskedOfferSchema = z.object({
  project: projectIdSchema,
  projectHash: hashSchema,
  baseVersion: versionSchema,
  /** SHA-256 of the trunk that the update starts from: members see that the hub gave all the same. */
  base: hashSchema,
  examples: z.number().int().min(1).max(1_000_000_000),
  datasetFingerprint: hashSchema,
  /** The update's: the same in every offer of it. */
  idempotencyKey: hashSchema,
  /** X25519: pair masks, and the sealing of shares. */
  maskKey: publicKeySchema,
  shareKey: publicKeySchema,
});

/** The hub's word on who is in a masked buffer, in order of fingerprint. Its SHA-256 names the buffer. */
const maskedRosterSchema = z.object({
  project: projectIdSchema,
  projectHash: hashSchema,
  /** Staleness counts from here. */
  trunkVersion: versionSchema,
  threshold: z.number().int().min(2),
  openedAt: instantSchema,
  /** Each with the SHA-256 of its offer's statement. */
  members: z
    .array(z.object({ site: fingerprintSchema, offer: hashSchema }))
    .min(2)
    .max(1_000),
});

/** A site's word on the shares of its secrets, one for every member of the buffer whose roster it was shown. */
const maskSharesSchema = z.object({
  buffer: hashSchema,
  seedHash: hashSchema,
  shares: z
    .array(
      z.object({
        recipient: fingerprintSchema,
        sealed: z.string().max(200),
        keyShareHash: hashSchema,
        seedShareHash: hashSchema,
      }),
    )
    .max(1_000),
});

/** A site's word on its masked update: 4 bytes for each of the network's numbers. */
const maskedUpdateSchema = z.object({ buffer: hashSchema, blob: hashSchema, bytes: z.number().int().min(1) });

/** The hub's word on whose masked updates it counts: their seeds are asked for, and the mask keys of the others. */
const unmaskingSchema = z.object({ buffer: hashSchema, counted: z.array(fingerprintSchema).max(1_000) });

/** A site's answer: for each member one share, of the seed if it is counted, else of the mask key. */
const revealedSharesSchema = z.object({
  buffer: hashSchema,
  /** SHA-256 of the hub's statement that is answered. */
  unmasking: hashSchema,
  shares: z.array(z.object({ of: fingerprintSchema, share: z.string().regex(/^[A-Za-z0-9_-]{44}$/) })).max(1_000),
});

export const maskedStatements = {
  'masked-offer': maskedOfferSchema,
  'masked-roster': maskedRosterSchema,
  'mask-shares': maskSharesSchema,
  'masked-update': maskedUpdateSchema,
  unmasking: unmaskingSchema,
  'revealed-shares': revealedSharesSchema,
} as const;
