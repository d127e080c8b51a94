// Federations, projects and their state as site, hub, window and command line speak of them. Nothing here names a patient.
import { z } from 'zod';
import { networkSchema } from './network.ts';
import { leakProbeViewSchema } from './leak-finding.ts';
import { estimateSchema } from './metrics.ts';
import { peerSchema } from './peers.ts';
import { hyperParametersSchema } from './training.ts';

/** Names are shown in logs and lists of others: nothing in one may break a line, move the cursor, or be there unseen. */
const shownName = /^[^\p{C}\p{Zl}\p{Zp}]+$/u;

export const siteNameSchema = z
  .string()
  .trim()
  .min(1)
  .max(60)
  .regex(shownName, 'a site’s name has letters, digits, signs and spaces only');

/** What a hub may call its federation; one that runs already may have been called otherwise before. */
export const federationNameSchema = z.string().trim().min(1).max(100).regex(shownName);

/**
 * How much an update counts that was trained from an old trunk, s(τ), τ in trunk commits:
 * constant 1 · polynomial (1+τ)^-exponent · threshold: 1 up to `freeCommits`, then 1 / (slope(τ−freeCommits)+1).
 */
export const stalenessSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('constant') }),
  z.object({ kind: z.literal('polynomial'), exponent: z.number().min(0).max(4) }),
  z.object({
    kind: z.literal('threshold'),
    slope: z.number().positive().max(1_000),
    freeCommits: z.number().int().min(0).max(10_000),
  }),
]);
export type StalenessRule = z.infer<typeof stalenessSchema>;

/** How the updates of a commit become one. All but the mean count every site alike and stand some that lie. */
export const combinationSchema = z.discriminatedUnion('kind', [
  /**
   * By examples: of `updates` each time that a site delivers, so that a quick site counts as often as it is quick; of `sites` whatever their
   * speed, as in rounds (Fraboni et al., arXiv 2206.10189).
   */
  z.object({ kind: z.literal('mean'), of: z.enum(['updates', 'sites']).default('updates') }),
  /** Of each weight by itself. */
  z.object({ kind: z.literal('median') }),
  /** Of each weight by itself, without this share of the lowest and of the highest values. */
  z.object({ kind: z.literal('trimmed-mean'), trimShare: z.number().min(0).lt(0.5) }),
  /** The mean of the `kept` updates that lie closest to the others, where up to `byzantine` may lie (Krum keeps 1). */
  z.object({
    kind: z.literal('krum'),
    byzantine: z.number().int().min(0).max(500),
    kept: z.number().int().min(1).max(1_000).default(1),
  }),
]);
export type CombinationRule = z.infer<typeof combinationSchema>;

const moments = {
  beta1: z.number().min(0).lt(1).default(0.9),
  beta2: z.number().min(0).lt(1).default(0.99),
  /** Keeps the step of weights that hardly change small. */
  tau: z.number().positive().max(1).default(1e-3),
};

/** What the hub makes of the combined update before it moves the trunk (arXiv 2003.00295). */
export const serverOptimizerSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('sgd'), momentum: z.number().min(0).lt(1).default(0) }),
  z.object({ kind: z.literal('adam'), ...moments }),
  z.object({ kind: z.literal('yogi'), ...moments }),
]);
export type ServerOptimizer = z.infer<typeof serverOptimizerSchema>;

const trunkRuleFields = z.object({
  /** Updates per commit K: 1 is FedAsync, all sites with `deadlineMs` is FedAvg, between is FedBuff (arXiv 2106.06639). */
  bufferSize: z.number().int().min(1).max(1_000),
  staleness: stalenessSchema.default({ kind: 'polynomial', exponent: 0.5 }),
  /** share: a stale update has a smaller part in a commit of unchanged size. step: it makes the commit's step smaller. */
  stalenessEffect: z.enum(['share', 'step']).default('share'),
  /** Updates staler than this many commits are refused. */
  maxStalenessCommits: z.number().int().min(0).max(10_000).default(20),
  combination: combinationSchema.prefault({ kind: 'mean' }),
  /** Euclidean norm to which the trained weights of one update are scaled down; statistics of batch norm stay as they are. */
  clipNorm: z.number().positive().max(1e6).nullable().default(null),
  /** Euclidean norm of an update's trained weights beyond which it is refused. */
  maxUpdateNorm: z.number().positive().max(1e6).nullable().default(null),
  serverLearningRate: z.number().positive().max(10).default(1),
  serverOptimizer: serverOptimizerSchema.default({ kind: 'sgd', momentum: 0 }),
  /** With a deadline set, a commit happens then if at least `quorum` updates are buffered. */
  deadlineMs: z.number().int().min(100).nullable().default(null),
  quorum: z.number().int().min(1).default(1),
  /** Synchronous rounds: a site trains once from each trunk version and waits for the next. Without, nobody waits for anybody. */
  rounds: z.boolean().default(false),
});

/** How the hub turns updates into trunk commits. `stalenessExponent`, of projects made earlier, is the polynomial's exponent. */
export const trunkRuleSchema = z.preprocess((given) => {
  if (typeof given !== 'object' || given === null || !('stalenessExponent' in given) || 'staleness' in given)
    return given;
  const { stalenessExponent, ...rest } = given;
  return { ...rest, staleness: { kind: 'polynomial', exponent: stalenessExponent } };
}, trunkRuleFields);
export type TrunkRule = z.infer<typeof trunkRuleFields>;

/** `int8`: a quarter of the bytes of float32. `top-k`: of each tensor the `keptShare` that changed most; a tenth is a twentieth of the bytes. */
export const updateCodecs = ['float32', 'float16', 'int8', 'top-k'] as const;
/** What an update's bytes are packed with, where that makes them fewer. */
export const updateCompressions = ['none', 'zstd'] as const;

/** How updates travel. */
export const updateFormSchema = z.object({
  updateCodec: z.enum(updateCodecs).default('float16'),
  /** With `top-k`: of each tensor's weights, how many travel. */
  keptShare: z.number().min(0.001).max(0.5).default(0.1),
  updateCompression: z.enum(updateCompressions).default('none'),
});
export type UpdateForm = z.infer<typeof updateFormSchema>;

/** Secure aggregation: the hub sees the sum of a buffer's updates, and none of them (docs/protocol.md, section 10). */
export const secureAggregationSchema = z.object({
  /** Sites of a buffer that must deliver, and help to take the masks off: more than half of `trunkRule.bufferSize`. */
  threshold: z.number().int().min(2).max(1_000),
  /** How long each step of a buffer waits for the slowest site before it goes on without it, or is given up. */
  stepMs: z
    .number()
    .int()
    .min(100)
    .max(24 * 60 * 60 * 1_000)
    .default(10 * 60 * 1_000),
});
/** How long a site waits for another whose turn it is, or for a neighbour's news, before it goes on. */
const patienceMs = z.number().int().min(100).max(86_400_000).default(300_000);

/**
 * How the shared model moves. trunk: the hub keeps it · gossip: each site has its own and mixes it with those of its neighbours · cyclic: it
 * travels from site to site, each trains it in turn · rotating: in each round another site averages what all trained. The last three
 * are between the sites alone; `commits` counts turns of each site, turns of the one model, and rounds.
 */
export const modeSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('trunk') }),
  z.object({ kind: z.literal('gossip'), neighbours: z.number().int().min(1).max(100).default(2), patienceMs }),
  z.object({ kind: z.literal('cyclic'), patienceMs }),
  z.object({ kind: z.literal('rotating'), patienceMs }),
]);
export type Mode = z.infer<typeof modeSchema>;

/** One task that a federation agreed on. Sites see all of it before they approve. */
export const projectSchema = z.object({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/),
  title: z.string().max(200),
  classes: z.array(z.string().max(100)).min(2).max(1_000),
  network: networkSchema,
  /** `epochs` counts the local epochs between two updates; the schedules span the project's commits. */
  hyperParameters: hyperParametersSchema,
  trunkRule: trunkRuleSchema,
  mode: modeSchema.default({ kind: 'trunk' }),
  ...updateFormSchema.shape,
  /** FedBN: what normalisation layers learn and measure stays at each site, is no part of updates and is not overwritten by the trunk. */
  siteNormalisation: z.boolean().default(false),
  /** SCAFFOLD: each update brings its site's control variate, and sites correct their gradients by the difference of the trunk's and their own. */
  controlVariates: z.boolean().default(false),
  /** Whether sites also train alone and share these models with each other: the bench. Without, they have the trunk only. */
  peerModels: z.boolean().default(true),
  secureAggregation: secureAggregationSchema.nullable().default(null),
  /** So many different sites must have delivered an update before the first commit: no site makes the shared model alone. */
  sitesToStart: z.number().int().min(1).max(1_000).default(1),
  /** The project is finished after so many trunk commits. */
  commits: z.number().int().min(1).max(100_000),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 32 - 1),
});
export type Project = z.infer<typeof projectSchema>;

/** A project without a commit yet waits for this many different sites, of which so many have delivered an update. */
export const sitesAwaitedSchema = z.object({ needed: z.number().int(), delivered: z.number().int() });
export type SitesAwaited = z.infer<typeof sitesAwaitedSchema>;

export const sitesAwaitedText = ({ needed, delivered }: SitesAwaited): string =>
  `waiting for ${needed} sites: ${delivered} so far`;

/**
 * What to say of a first commit that fewer members may deliver to than it needs: the others observe, or declined; null where enough may.
 * @param takingPart members that approved, or have not answered
 */
export function tooFewText(needed: number, takingPart: number): string | null {
  if (takingPart >= needed) return null;
  return `It needs ${needed} sites, and ${takingPart === 0 ? 'no member takes' : takingPart === 1 ? 'one member takes' : `${takingPart} members take`} part: nothing is committed before another is invited, one that declined approves, or the project is put anew with fewer sites to start.`;
}

/** The four-way comparison that ImagiQ always shows side by side, on one split. */
export const scoreboardSchema = z.object({
  split: z.enum(['validation', 'test']),
  rows: z.array(
    z.object({
      model: z.enum(['local-only', 'trunk', 'ensemble', 'central']),
      auc: estimateSchema,
      accuracy: estimateSchema,
      /** Where masks are drawn. */
      dice: estimateSchema.default(null),
      loss: z.number(),
    }),
  ),
});
export type Scoreboard = z.infer<typeof scoreboardSchema>;

/** What a member may do. An observer reads the trunk, measures it, and sends nothing but its answers. */
export const memberRoles = ['site', 'observer', 'coordinator'] as const;
export const memberRoleSchema = z.enum(memberRoles);
export type MemberRole = z.infer<typeof memberRoleSchema>;

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
  /** SHA-256 of the project as the hub announced it; null without one. */
  projectHash: z.string().nullable().default(null),
  /** Its last version is there; with `cohort` null that was before this site took part. */
  isProjectFinished: z.boolean().default(false),
  role: memberRoleSchema.default('site'),
  /** When the hub was heard last, where it is not reached now; null where it is, or never was. */
  unreachedSince: z.string().nullable().default(null),
  /** Until when this site's certificate of membership is good; null where its hub issues none. */
  certificateUntil: z.string().nullable().default(null),
  /** What this site's data manager said to the project, and whether the hub has heard it; null before. */
  answer: z
    .object({ answer: z.enum(['approved', 'declined']), because: z.string().nullable(), isHeard: z.boolean() })
    .nullable()
    .default(null),
  /** The cohort that the data manager approved for the project; null until then. */
  cohort: z.string().nullable(),
  /** What the leak probe found under this approval; null before it was run. */
  leakProbe: leakProbeViewSchema.nullable().default(null),
  trunkVersion: z.number().int(),
  trunkCommits: z.number().int(),
  activity: z.enum(['waiting', 'probing', 'training', 'evaluating', 'uploading', 'downloading', 'idle']),
  updates: z.object({
    accepted: z.number().int(),
    refused: z.number().int(),
    /** Accepted, and discarded by the hub before a commit counted them. */
    discarded: z.number().int().default(0),
    spooled: z.number().int(),
  }),
  /** Why the last of the discarded was, for a person. */
  discardedBecause: z.string().nullable().default(null),
  /** Mean staleness of the accepted updates, in commits. */
  meanStaleness: z.number().default(0),
  bytesSent: z.number().int(),
  bytesReceived: z.number().int(),
  members: z.array(
    z.object({
      site: z.string(),
      /** Null where it is not known: the hub, which says it, is not there. */
      online: z.boolean().nullable(),
      updates: z.number().int(),
      lastSeen: z.string().nullable(),
      /** Not of one that observes, or declined the project. */
      takesPart: z.boolean().default(true),
    }),
  ),
  /** This site's validation metrics of each trunk version that it evaluated. */
  history: z.array(
    z.object({
      trunkVersion: z.number().int(),
      at: z.string(),
      auc: z.number().nullable(),
      accuracy: z.number().nullable(),
      /** Where masks are drawn. */
      dice: z.number().nullable().default(null),
      loss: z.number(),
    }),
  ),
  bench: z.array(
    z.object({
      model: z.string(),
      site: z.string(),
      network: z.string(),
      auc: z.number().nullable(),
      /** Where masks are drawn. */
      dice: z.number().nullable().default(null),
      selected: z.boolean(),
      branch: z.string().default('local-only'),
    }),
  ),
  /** The other members: how they are reached, and who of them helps this site. */
  peers: z.array(peerSchema).default([]),
  /** Peers, by their names, that neither have what this site shows them nor will get it from the hub: it must stay reachable for them. */
  undelivered: z.array(z.string()).default([]),
  scoreboard: scoreboardSchema.nullable(),
});
export type Membership = z.infer<typeof membershipSchema>;

/** Why the first commit cannot come as things stand; null where it can, or is there. */
export function tooFewToStart({ project, trunkVersion, members }: Membership): string | null {
  if (project?.mode.kind !== 'trunk' || trunkVersion > 0 || members.length === 0) return null;
  return tooFewText(project.sitesToStart, members.filter(({ takesPart }) => takesPart).length);
}

/** The project ended before this site took part: whoever approves it now has the shared model measured here, and may keep it. */
export const hasMissedProject = ({ isProjectFinished, cohort, answer, role }: Membership): boolean =>
  isProjectFinished && cohort === null && answer === null && role !== 'observer';

/** Only the hub can give them; a site that holds them has measured them. */
export const lacksFirstWeights = ({ trunkVersion, history }: Membership): boolean =>
  trunkVersion === 0 && history.length === 0;
