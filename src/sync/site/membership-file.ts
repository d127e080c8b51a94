// What a site must still know of a membership after a kill or a power cut: one JSON file, written beside and renamed.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { membershipSchema, projectSchema, scoreboardSchema } from '../../contract/federation.ts';
import { metricsSchema } from '../../contract/metrics.ts';
import { fingerprintSchema, publicKeySchema } from '../protocol/device-keys.ts';
import { writeFileDurably } from '../protocol/durable-file.ts';
import { hashSchema, parseJson, signedSchema } from '../protocol/statement.ts';
import { siteFault } from './faults.ts';

const count = z.number().int().min(0);

const spooledSchema = z.object({
  update: signedSchema,
  blob: hashSchema,
  baseVersion: count,
  /** The ledger says already that its bytes leave. */
  isEntered: z.boolean().default(false),
});

const candidateSchema = z.object({
  /** SHA-256 of the weights: the model's id. */
  model: hashSchema,
  site: z.string(),
  network: z.string(),
  /** Of a trunk: the version that these weights are. */
  trunkVersion: count.nullable().default(null),
  /** On this site's validation split; null until evaluated. */
  metrics: metricsSchema.nullable(),
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
  /** The hub has not heard yet that this site left. */
  owesLeave: z.boolean(),
  project: z.object({ project: projectSchema, hash: hashSchema, isFinished: z.boolean() }).nullable(),
  trunk: z.object({ version: count, blob: hashSchema, bytes: count }).nullable(),
  approval: z.object({ cohort: z.string(), projectHash: hashSchema, datasetFingerprint: hashSchema }).nullable(),
  /** Updates made for the project so far. */
  turn: count,
  spool: z.array(spooledSchema),
  accepted: count,
  /** Of the accepted updates, in commits. */
  stalenessSum: count.default(0),
  refused: count,
  bytesSent: count,
  bytesReceived: count,
  cards: z.record(fingerprintSchema, signedSchema),
  members: membershipSchema.shape.members,
  /** The members that the hub named last. */
  memberFingerprints: z.array(fingerprintSchema).default([]),
  history: membershipSchema.shape.history,
  lastModelSequence: count,
  own: z
    .object({
      model: hashSchema,
      examples: count,
      shared: z
        .object({
          statement: signedSchema,
          sealedBlob: hashSchema,
          contentKey: z.string(),
          /** Members whose key the hub has, or will never take. */
          recipients: z.array(fingerprintSchema),
          /** Those for whom the ledger says already that it leaves. */
          entered: z.array(fingerprintSchema).default([]),
        })
        .nullable(),
    })
    .nullable(),
  /** Announced by peers and not opened yet. */
  announced: z.array(z.object({ model: signedSchema, sealedKey: z.string() })),
  candidates: z.array(candidateSchema),
  selected: z.array(hashSchema),
  scoreboard: scoreboardSchema.nullable(),
});
export type MembershipState = z.infer<typeof stateSchema>;
export type BenchCandidate = z.infer<typeof candidateSchema>;

export function newMembershipState(
  start: Pick<MembershipState, 'federation' | 'hubUrl' | 'hubFingerprint' | 'site'>,
): MembershipState {
  return {
    version: 1,
    ...start,
    hubKey: null,
    standing: 'member',
    reason: null,
    owesLeave: false,
    project: null,
    trunk: null,
    approval: null,
    turn: 0,
    spool: [],
    accepted: 0,
    stalenessSum: 0,
    refused: 0,
    bytesSent: 0,
    bytesReceived: 0,
    cards: {},
    members: [],
    memberFingerprints: [],
    history: [],
    lastModelSequence: 0,
    own: null,
    announced: [],
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
  return state.data;
}

export function writeMembershipState(folder: string, state: MembershipState): void {
  writeFileDurably(fileIn(folder), JSON.stringify(state), 0o600);
}
