// What a site must still know of a membership after a kill or a power cut: one JSON file, written beside and renamed, and another of the
// members (known-members.ts).
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { memberRoleSchema, membershipSchema, projectSchema, scoreboardSchema } from '../../contract/federation.ts';
import { leakFindingSchema } from '../../contract/leak-finding.ts';
import { metricsSchema } from '../../contract/metrics.ts';
import { networkSchema } from '../../contract/network.ts';
import { ancestorSchema, branchSchema, normalisationSchema, selectionMethods } from '../../contract/peers.ts';
import { fingerprintSchema, publicKeySchema } from '../protocol/device-keys.ts';
import { writeFileDurably } from '../protocol/durable-file.ts';
import { parseJson, signedSchema } from '../protocol/statement.ts';
import { hashSchema } from '../protocol/statement-fields.ts';
import { siteFault } from './faults.ts';
import { knownMembersSchema, noKnownMembers, readKnownMembers } from './known-members.ts';
import { maskingSchema } from './masking-state.ts';

const count = z.number().int().min(0);

const spooledSchema = z.object({
  update: signedSchema,
  blob: hashSchema,
  baseVersion: count,
  /** The blob of that trunk; null in files of earlier versions. */
  base: hashSchema.nullable().default(null),
  /** The ledger says already that its bytes leave. */
  isEntered: z.boolean().default(false),
  /** `residual` and `controlVariate` as they were without this update, and as it left them; null where the project has none. */
  residualBefore: hashSchema.nullable().default(null),
  residualAfter: hashSchema.nullable().default(null),
  variateBefore: hashSchema.nullable().default(null),
  variateAfter: hashSchema.nullable().default(null),
});

/** An update that the hub has accepted and no trunk version is known to have counted: what is owed again should it be discarded. */
const awaitedSchema = spooledSchema
  .pick({ residualBefore: true, residualAfter: true, variateBefore: true, variateAfter: true })
  .extend({ idempotencyKey: hashSchema });

const candidateSchema = z.object({
  /** SHA-256 of the weights: the model's id. */
  model: hashSchema,
  site: z.string(),
  network: z.string(),
  /** Of a trunk: the version that these weights are. */
  trunkVersion: count.nullable().default(null),
  /** Fingerprint of its author; null for the trunk. */
  author: fingerprintSchema.nullable().default(null),
  branch: branchSchema.default('local-only'),
  sequence: count.default(0),
  /** Where it is not the project's network. */
  definition: networkSchema.nullable().default(null),
  normalisation: normalisationSchema.nullable().default(null),
  /** In a mode without trunk: which turn it is, and from how many examples. */
  turn: count.nullable().default(null),
  examples: count.default(0),
  /** On this site's validation split; null until evaluated. */
  metrics: metricsSchema.nullable(),
});

/** A model that this site shows its peers. */
const publishedSchema = z.object({
  branch: branchSchema,
  model: hashSchema,
  statement: signedSchema,
  sealedBlob: hashSchema,
  contentKey: z.string(),
  /** Null: every member. Else the only ones for whom it is. */
  audience: z.array(fingerprintSchema).nullable().default(null),
  /** Members who have it or whose key the hub has, and those who will never take it. */
  recipients: z.array(fingerprintSchema),
  /** Those for whom the ledger says already that it leaves through the hub. */
  entered: z.array(fingerprintSchema).default([]),
  /** Those for whom the ledger says already that it leaves on a line of their own. */
  enteredDirect: z.array(fingerprintSchema).default([]),
});

/** A peer's model that is not opened yet. */
const announcedSchema = z.object({
  model: signedSchema,
  sealedKey: z.string(),
  /** The hub holds it. */
  isRelayed: z.boolean().default(true),
  /** Its author offered it on a line of its own. */
  isDirect: z.boolean().default(false),
});

const stateSchema = z.object({
  version: z.literal(1),
  federation: z.string(),
  hubUrl: z.string(),
  hubFingerprint: fingerprintSchema,
  hubKey: publicKeySchema.nullable(),
  site: z.string(),
  standing: z.enum(['member', 'left', 'refused']),
  reason: z.string().nullable(),
  /** What `reason` says because no more may be trained here. */
  spentReason: z.string().nullable().default(null),
  /** The hub has not heard yet that this site left. */
  owesLeave: z.boolean(),
  /** When the connection to the hub stood last, in milliseconds since 1970; 0 where that is not known. */
  hubHeardAtMs: z.number().default(0),
  project: z.object({ project: projectSchema, hash: hashSchema, isFinished: z.boolean() }).nullable(),
  trunk: z
    .object({
      version: count,
      blob: hashSchema,
      bytes: count,
      controlVariate: z.object({ blob: hashSchema, bytes: count }).nullable().default(null),
    })
    .nullable(),
  approval: z
    .object({
      cohort: z.string(),
      projectHash: hashSchema,
      datasetFingerprint: hashSchema,
      /** Updates are sent although an image could be recognised in one, or nobody knows. */
      acceptsLeak: z.boolean().default(false),
    })
    .nullable(),
  /** The last leak probe, and what it was made for. */
  leakProbe: z
    .object({ projectHash: hashSchema, datasetFingerprint: hashSchema, at: z.string(), finding: leakFindingSchema })
    .nullable()
    .default(null),
  /** The data manager's last word on the present project, as signed. */
  answer: z
    .object({
      answer: z.enum(['approved', 'declined']),
      because: z.string().nullable(),
      projectHash: hashSchema,
      signed: signedSchema,
      isHeard: z.boolean(),
    })
    .nullable()
    .default(null),
  role: memberRoleSchema.default('site'),
  /** The newest `membership` statement that the hub issued for this site; null where the hub is of an earlier version. */
  certificate: signedSchema.nullable().default(null),
  /** In a mode without trunk: the project of whose end here the hub has heard. */
  endHeardOf: hashSchema.nullable().default(null),
  ledgerHeads: z
    .object({
      /** The last head that the hub told of its own ledger, and this site's word on it. */
      hub: z.object({ entries: count, hash: hashSchema }).nullable(),
      witness: signedSchema.nullable(),
      /** The last head of this station's ledger that the hub countersigned. */
      countersigned: z.object({ entries: count, hash: hashSchema, at: z.string() }).nullable(),
    })
    .default({ hub: null, witness: null, countersigned: null }),
  /** Updates made for the project so far. */
  turn: count,
  /** The trunk version that the last of them started from. */
  trainedFrom: count.nullable().default(null),
  spool: z.array(spooledSchema),
  /** Accepted and not known to be counted, oldest first. */
  awaited: z.array(awaitedSchema).default([]),
  /** Accepted updates that the hub discarded, and why the last of them was. */
  discarded: count.default(0),
  discardedBecause: z.string().nullable().default(null),
  /** What the project's codec lost of the updates so far, to be added to the next one. */
  residual: z.object({ projectHash: hashSchema, blob: hashSchema }).nullable().default(null),
  /** FedBN: this site's own normalisation, and the newest trunk with it. */
  normalisation: z.object({ projectHash: hashSchema, blob: hashSchema }).nullable().default(null),
  homeTrunk: z.object({ of: hashSchema, blob: hashSchema }).nullable().default(null),
  /** SCAFFOLD: this site's control variate, as the hub reads it from the last update. */
  controlVariate: z.object({ projectHash: hashSchema, blob: hashSchema }).nullable().default(null),
  /** The masked buffer that the first of the spool is in or waits for. */
  masking: maskingSchema.nullable().default(null),
  /** In a mode without trunk: who made the shared model's newest turn here, and when it came (ms since 1970). */
  turnBy: fingerprintSchema.nullable().default(null),
  turnAt: z.number().default(0),
  /** Gossip: neighbours' models that are mixed in already. */
  mixedIn: z.array(hashSchema).default([]),
  accepted: count,
  /** Of the accepted updates, in commits. */
  stalenessSum: count.default(0),
  refused: count,
  bytesSent: count,
  bytesReceived: count,
  /** This site's own `address` statement, as it was told last. */
  address: signedSchema.nullable().default(null),
  /** Empty in the file, but in those of earlier versions. */
  ...knownMembersSchema.shape,
  history: membershipSchema.shape.history,
  lastModelSequence: count,
  /** The model that this site trained alone. */
  own: z.object({ model: hashSchema, examples: count }).nullable(),
  published: z.array(publishedSchema).default([]),
  /** Publications so far: the next one's `sequence`. */
  publications: count.default(0),
  announced: z.array(announcedSchema),
  /** Models of peers that were refused, newest last: they are not asked for again. */
  refusedModels: z.array(hashSchema).default([]),
  /** Peers whose models are neither fetched nor chosen. */
  muted: z.array(fingerprintSchema).default([]),
  lineage: z.array(ancestorSchema).default([]),
  selectionMethod: z.enum(selectionMethods).default('nsga-ii'),
  /** By author: what its models add to the ensemble, in AUC. */
  help: z.record(fingerprintSchema, z.number()).default({}),
  candidates: z.array(candidateSchema),
  selected: z.array(hashSchema),
  scoreboard: scoreboardSchema.nullable(),
});
export type MembershipState = z.infer<typeof stateSchema>;
export type SpooledUpdate = z.infer<typeof spooledSchema>;

export type AwaitedUpdate = z.infer<typeof awaitedSchema>;

/** Blobs that a spooled update needs until it is settled. */
export function blobsOfSpooled(spooled: SpooledUpdate): string[] {
  return [spooled.blob, ...blobsOfAwaited(spooled)];
}

/** Blobs that an accepted update needs until it is known to be counted. */
export function blobsOfAwaited({
  residualBefore,
  residualAfter,
  variateBefore,
  variateAfter,
}: Omit<AwaitedUpdate, 'idempotencyKey'>): string[] {
  return [residualBefore, residualAfter, variateBefore, variateAfter].filter((one) => one !== null);
}
export type BenchCandidate = z.infer<typeof candidateSchema>;
export type PublishedModel = z.infer<typeof publishedSchema>;
export type AnnouncedModel = z.infer<typeof announcedSchema>;

export function newMembershipState(
  start: Pick<MembershipState, 'federation' | 'hubUrl' | 'hubFingerprint' | 'site'>,
): MembershipState {
  return {
    version: 1,
    ...start,
    hubKey: null,
    standing: 'member',
    reason: null,
    spentReason: null,
    owesLeave: false,
    hubHeardAtMs: 0,
    project: null,
    trunk: null,
    approval: null,
    leakProbe: null,
    answer: null,
    role: 'site',
    certificate: null,
    endHeardOf: null,
    ledgerHeads: { hub: null, witness: null, countersigned: null },
    turn: 0,
    trainedFrom: null,
    spool: [],
    awaited: [],
    discarded: 0,
    discardedBecause: null,
    residual: null,
    normalisation: null,
    homeTrunk: null,
    controlVariate: null,
    masking: null,
    turnBy: null,
    turnAt: 0,
    mixedIn: [],
    accepted: 0,
    stalenessSum: 0,
    refused: 0,
    bytesSent: 0,
    bytesReceived: 0,
    address: null,
    ...noKnownMembers(),
    history: [],
    lastModelSequence: 0,
    own: null,
    published: [],
    publications: 0,
    announced: [],
    refusedModels: [],
    muted: [],
    lineage: [],
    selectionMethod: 'nsga-ii',
    help: {},
    candidates: [],
    selected: [],
    scoreboard: null,
  };
}

const fileIn = (folder: string): string => path.join(folder, 'membership.json');

/** The stored state, or null where none is. @throws Fault 459 when it cannot be read. */
export function readMembershipState(folder: string): MembershipState | null {
  if (!existsSync(fileIn(folder))) return null;
  const state = stateSchema.safeParse(parseJson(readFileSync(fileIn(folder), 'utf8')));
  if (!state.success) throw siteFault.damagedState(path.basename(folder));
  const isOfEarlierVersion = state.data.members.length > 0 || Object.keys(state.data.cards).length > 0;
  return isOfEarlierVersion ? state.data : { ...state.data, ...readKnownMembers(folder) };
}

/** All but the members, whose file is to be written before: nothing here names one that is not there. */
export function writeMembershipState(folder: string, state: MembershipState): void {
  writeFileDurably(fileIn(folder), JSON.stringify({ ...state, ...noKnownMembers() }), 0o600);
}
