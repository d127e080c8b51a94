// Federations, projects and their state as site, hub, window and command line speak of them. Nothing here names a patient.
import { z } from 'zod';
import { networkSchema } from './network.ts';
import { estimateSchema, hyperParametersSchema } from './training.ts';

export const inviteTextPattern = /^imagiq:\/\/join\/[A-Za-z0-9_-]{20,4000}$/;

/** What an invite link carries, base64url-encoded JSON. The code is single use and expires. */
export const inviteSchema = z.object({
  version: z.literal(1),
  /** ws:// only on loopback, wss:// elsewhere. */
  url: z.string().max(500),
  code: z.string().min(20).max(200),
  /** SHA-256 (hex) of the hub's public key: the site refuses any other hub. */
  hubFingerprint: z.string().regex(/^[0-9a-f]{64}$/),
  federation: z.string().max(100),
  expiresAt: z.string(),
});
export type Invite = z.infer<typeof inviteSchema>;

export const siteNameSchema = z.string().trim().min(1).max(60);

/** How the hub turns updates into trunk commits. */
export const trunkRuleSchema = z.object({
  /** Updates per commit K: 1 is FedAsync, all sites with `deadlineMs` is FedAvg, between is FedBuff (arXiv 2106.06639). */
  bufferSize: z.number().int().min(1).max(1_000),
  /** Exponent a of the staleness weight s(τ) = (1+τ)^-a. */
  stalenessExponent: z.number().min(0).max(4).default(0.5),
  /** Updates staler than this many commits are refused. */
  maxStalenessCommits: z.number().int().min(0).max(10_000).default(20),
  serverLearningRate: z.number().positive().max(10).default(1),
  /** With a deadline set, a commit happens then if at least `quorum` updates are buffered. */
  deadlineMs: z.number().int().min(100).nullable().default(null),
  quorum: z.number().int().min(1).default(1),
});

export const updateCodecs = ['float32', 'float16'] as const;

/** One task that a federation agreed on. Sites see all of it before they approve. */
export const projectSchema = z.object({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/),
  title: z.string().max(200),
  classes: z.array(z.string().max(100)).min(2).max(1_000),
  network: networkSchema,
  /** `epochs` counts the local epochs between two updates; `schedule: cosine` spans the project's commits. */
  hyperParameters: hyperParametersSchema,
  trunkRule: trunkRuleSchema,
  updateCodec: z.enum(updateCodecs).default('float16'),
  /** The project is finished after so many trunk commits. */
  commits: z.number().int().min(1).max(100_000),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 32 - 1),
});
export type Project = z.infer<typeof projectSchema>;

/** The four-way comparison that ImagiQ always shows side by side, on one split. */
export const scoreboardSchema = z.object({
  split: z.enum(['validation', 'test']),
  rows: z.array(
    z.object({
      model: z.enum(['local-only', 'trunk', 'ensemble', 'central']),
      auc: estimateSchema,
      accuracy: estimateSchema,
      loss: z.number(),
    }),
  ),
});
export type Scoreboard = z.infer<typeof scoreboardSchema>;

export const membershipStates = [
  'enrolling',
  'connecting',
  'online',
  'offline',
  'finished',
  'refused',
  'left',
] as const;

/** A site's membership in one federation, as the window and `imagiq status` show it. */
export const membershipSchema = z.object({
  federation: z.string(),
  hubUrl: z.string(),
  hubFingerprint: z.string(),
  site: z.string(),
  siteFingerprint: z.string(),
  state: z.enum(membershipStates),
  /** Why it is offline or refused, for a person. */
  reason: z.string().nullable(),
  project: projectSchema.nullable(),
  /** The cohort that the data manager approved for the project; null until then. */
  cohort: z.string().nullable(),
  trunkVersion: z.number().int(),
  trunkCommits: z.number().int(),
  activity: z.enum(['waiting', 'training', 'evaluating', 'uploading', 'downloading', 'idle']),
  updates: z.object({ accepted: z.number().int(), refused: z.number().int(), spooled: z.number().int() }),
  /** Mean staleness of the accepted updates, in commits. */
  meanStaleness: z.number().default(0),
  bytesSent: z.number().int(),
  bytesReceived: z.number().int(),
  members: z.array(
    z.object({ site: z.string(), online: z.boolean(), updates: z.number().int(), lastSeen: z.string().nullable() }),
  ),
  /** This site's validation metrics of each trunk version that it evaluated. */
  history: z.array(
    z.object({
      trunkVersion: z.number().int(),
      at: z.string(),
      auc: z.number().nullable(),
      accuracy: z.number().nullable(),
      loss: z.number(),
    }),
  ),
  bench: z.array(
    z.object({
      model: z.string(),
      site: z.string(),
      network: z.string(),
      auc: z.number().nullable(),
      selected: z.boolean(),
    }),
  ),
  scoreboard: scoreboardSchema.nullable(),
});
export type Membership = z.infer<typeof membershipSchema>;

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
