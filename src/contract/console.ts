// What the hub's web console asks and is told: the pages' only source. Nothing here names a patient.
import { z } from 'zod';
import { projectSchema, sitesAwaitedSchema } from './federation.ts';
import { ledgerEntrySchema } from './ledger.ts';
import { networkChoiceSchema, projectProblemSchema } from './project-draft.ts';

/** A coordinator acts; an observer reads. */
export const consoleRoles = ['coordinator', 'observer'] as const;
export type ConsoleRole = (typeof consoleRoles)[number];

export const newPassphraseSchema = z.object({ passphrase: z.string().min(12).max(200) });

/** By a one-time link's code, or by the passphrase. */
export const signInSchema = z.union([
  z.object({ code: z.string().min(20).max(100) }),
  z.object({ passphrase: z.string().min(1).max(200) }),
]);

export const consoleSessionSchema = z.object({
  federation: z.string(),
  /** Null: not signed in. */
  role: z.enum(consoleRoles).nullable(),
  /** Whether a passphrase can be used to sign in. */
  hasPassphrase: z.boolean(),
  /** Where the hub's data are, as its commands name the place; null unless it is asked from its own machine. */
  place: z.string().nullable(),
  expiresAt: z.string().nullable(),
});
export type ConsoleSessionView = z.infer<typeof consoleSessionSchema>;

export const consoleOverviewSchema = z.object({
  federation: z.string(),
  url: z.string(),
  fingerprint: z.string(),
  status: z.enum(['ok', 'degraded']),
  problems: z.array(z.string()),
  connections: z.number(),
  members: z.number(),
  project: z.object({ title: z.string(), commits: z.number(), isFinished: z.boolean() }).nullable(),
  trunkVersion: z.number().nullable(),
  bufferedUpdates: z.number(),
  bufferedStalenessCommits: z.number(),
  acceptedUpdates: z.number(),
  /** Since the hub's process began. */
  refusedUpdates: z.number(),
  uptimeSeconds: z.number(),
  memoryBytes: z.number(),
  blobBytes: z.number(),
  freeBytes: z.number(),
  /** On the wire since the process began. */
  sentBytes: z.number(),
  receivedBytes: z.number(),
  recent: z.array(ledgerEntrySchema.pick({ sequence: true, at: true, act: true, detail: true })),
});
export type ConsoleOverview = z.infer<typeof consoleOverviewSchema>;

/** How a trunk version does on a site's own validation images, by the site's own word. */
const siteValidationSchema = z.object({
  trunkVersion: z.number(),
  auc: z.number().nullable(),
  accuracy: z.number().nullable(),
  /** Where masks are drawn. */
  dice: z.number().nullable().optional(),
  loss: z.number(),
});

export const consoleMemberSchema = z.object({
  site: z.string(),
  fingerprint: z.string(),
  state: z.string(),
  role: z.string(),
  because: z.string().nullable(),
  enrolledAt: z.string(),
  lastSeen: z.string().nullable(),
  isOnline: z.boolean(),
  updates: z.number(),
  /** Accepted from it and in no commit yet. */
  waitingUpdates: z.number(),
  /** Of its newest update; null before its first. */
  examples: z.number().nullable(),
  lastUpdateAt: z.string().nullable(),
  /** Said with its newest update; null where it does not say. */
  validation: siteValidationSchema.nullable(),
});
export type ConsoleMember = z.infer<typeof consoleMemberSchema>;

export const consoleInviteSchema = z.object({
  /** SHA-256 of its code, which is stored nowhere. */
  id: z.string(),
  createdAt: z.string(),
  expiresAt: z.string(),
  state: z.enum(['open', 'used', 'expired', 'withdrawn']),
  /** The site that came by it. */
  usedBy: z.string().nullable(),
  withdrawnAt: z.string().nullable(),
});
export type ConsoleInvite = z.infer<typeof consoleInviteSchema>;

export const newInviteSchema = z.object({
  expiresHours: z.number().positive().max(8_760),
  /** What the invited may do. */
  role: z.enum(['site', 'observer']).default('site'),
});
export const madeInviteSchema = z.object({
  link: z.string(),
  expiresAt: z.string(),
  /** Where it leads: the hub's address and its key. */
  url: z.string(),
  fingerprint: z.string(),
  /** What to tell of an address that no other machine can use; null for any other. */
  reach: z.string().nullable(),
});
export const withdrawInviteSchema = z.object({ id: z.string().regex(/^[0-9a-f]{64}$/) });

export const endMembershipSchema = z.object({
  site: z.string().max(60),
  kind: z.enum(['revoked', 'expelled', 'retired']),
  because: z.string().trim().min(1).max(500),
  /** What becomes of its updates that no commit has counted yet; by the kind where nothing is said. */
  waitingUpdates: z.enum(['count', 'discard']).optional(),
});

/** What a new project can be made of; null where this hub was started by a program that gave it no networks. */
export const consoleNetworksSchema = z.object({ networks: z.array(networkChoiceSchema).nullable() });
export type ConsoleNetworks = z.infer<typeof consoleNetworksSchema>;

/** A project as its file would be: read by the hub with the project's own schema. */
export const draftSchema = z.object({ draft: z.unknown() });
/** What stands against a draft, and, where nothing does, what the sites would be asked to approve. */
export const draftCheckSchema = z.object({
  problems: z.array(projectProblemSchema),
  usable: z
    .object({
      projectHash: z.string(),
      /** Numbers that are trained. */
      parameters: z.number(),
      /** The federation works on exactly this already, or did once: it goes on where it stood. */
      standing: z.enum(['new', 'known', 'current']),
    })
    .nullable(),
});
export type DraftCheck = z.infer<typeof draftCheckSchema>;
export const retireProjectSchema = z.object({ because: z.string().trim().min(1).max(500) });

export const consoleProjectSchema = z.object({
  project: projectSchema,
  projectHash: z.string(),
  trunkVersion: z.number(),
  isFinished: z.boolean(),
  /** Why the coordinator ended it before its last commit; null when nobody did. */
  retiredBecause: z.string().nullable(),
  bufferedUpdates: z.number(),
  /** What the first commit waits for; null when it does not. */
  awaited: sitesAwaitedSchema.nullable(),
  /** The last word of each site's data manager. */
  answers: z.array(
    z.object({
      site: z.string(),
      answer: z.enum(['approved', 'declined']),
      because: z.string().nullable(),
      answeredAt: z.string(),
    }),
  ),
});
export type ConsoleProject = z.infer<typeof consoleProjectSchema>;

export const consoleTrunkSchema = z.object({
  /** Latest first. */
  commits: z.array(
    z.object({
      version: z.number(),
      committedAt: z.string(),
      blob: z.string(),
      bytes: z.number(),
      updates: z.number(),
      /** Of the updates that could be read: their sites, mean staleness in commits, examples. */
      sites: z.array(z.string()),
      /** Sites whose updates the rule did not keep. */
      leftOut: z.array(z.string()).default([]),
      meanStalenessCommits: z.number().nullable(),
      examples: z.number(),
    }),
  ),
  /** What the sites said of their training with each update, latest first. */
  reports: z.array(
    z.object({
      site: z.string(),
      baseVersion: z.number(),
      committedVersion: z.number().nullable(),
      examples: z.number(),
      loss: z.number().nullable(),
      validation: siteValidationSchema.nullable(),
      acceptedAt: z.string(),
    }),
  ),
});
export type ConsoleTrunk = z.infer<typeof consoleTrunkSchema>;
