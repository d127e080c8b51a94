// The ledger as window and command line ask for it.
import { z } from 'zod';

/** One entry of the append-only ledger: each act, and every byte that leaves. */
export const ledgerEntrySchema = z.object({
  sequence: z.number().int(),
  at: z.string(),
  act: z.string(),
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  previousHash: z.string(),
  hash: z.string(),
});
export type LedgerEntry = z.infer<typeof ledgerEntrySchema>;

/** Which entries: all of them where nothing is said. */
const filterSchema = z.object({
  act: z.string().max(64).nullable().default(null),
  federation: z.string().max(100).nullable().default(null),
});

/** A head of this ledger that another end countersigned: the ledger must still lead through it. */
const witnessSchema = z.object({
  /** The hub, or the site. */
  by: z.string(),
  entries: z.number().int(),
  at: z.string(),
});

export const verificationSchema = z.object({
  verified: z.boolean(),
  /** Number of the first entry (from 1) that is not as it was written. */
  firstBroken: z.number().int().nullable(),
  reason: z.string().nullable(),
  entries: z.number().int(),
  checkpoints: z.number().int(),
  /** How many entries the last signed checkpoint covers. */
  signedEntries: z.number().int(),
  witnesses: z.array(witnessSchema).default([]),
});
export type LedgerVerification = z.infer<typeof verificationSchema>;

export const ledgerCalls = {
  /** Entries newest first: those with a number below `before`. */
  ledger: {
    in: filterSchema.extend({
      limit: z.number().int().min(1).max(1_000).default(200),
      before: z.number().int().min(1).nullable().default(null),
    }),
    out: z.object({
      entries: z.array(ledgerEntrySchema),
      /** How many entries the filter leaves, whatever the limit. */
      total: z.number().int(),
      /** What there is to filter by. */
      acts: z.array(z.string()),
      federations: z.array(z.string()),
    }),
  },
  /** Recomputes the whole chain, its signed checkpoints, and the heads that others countersigned. */
  'verify-ledger': { in: z.object({}), out: verificationSchema },
  /** Writes the entries to a file, oldest first: the chain's own lines, or a table. */
  'export-ledger': {
    in: filterSchema.extend({ file: z.string().max(4_096), format: z.enum(['csv', 'json']) }),
    out: z.object({ entries: z.number().int() }),
  },
} as const;
