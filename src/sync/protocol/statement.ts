// Statements: JSON that is signed and checked byte for byte as it was sent, so that no canonical form is needed.
// The domain keeps a signature made for one purpose from being used for another.
import { z } from 'zod';
import { memberRoleSchema, siteNameSchema } from '../../contract/federation.ts';
import { networkSchema } from '../../contract/network.ts';
import { branchSchema, normalisationSchema } from '../../contract/peers.ts';
import { type DeviceKeys, fingerprintSchema, isSignatureOf, publicKeySchema, signatureOf } from './device-keys.ts';
import { wireFault } from './faults.ts';
import { maskedStatements } from './masked-statements.ts';
import { hashSchema, instantSchema, projectIdSchema, versionSchema } from './statement-fields.ts';

export const signedSchema = z.object({
  statement: z.string().max(512 * 1024),
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
});
export type Signed = z.infer<typeof signedSchema>;

const share = z.number().min(0).max(1);
/** Of one trunk version on the images that a site keeps for validation: a few numbers. */
export const validationSchema = z.object({
  trunkVersion: versionSchema,
  auc: share.nullable(),
  accuracy: share.nullable(),
  /** Where masks are drawn; absent of a site of an earlier version. */
  dice: share.nullable().optional(),
  loss: z.number(),
});

/** A site's word on an update: which bytes, for which project and trunk version, from how many examples of which data set. */
const updateStatementSchema = z.object({
  project: projectIdSchema,
  projectHash: hashSchema,
  baseVersion: versionSchema,
  blob: hashSchema,
  bytes: z.number().int().min(1),
  examples: z.number().int().min(1).max(1_000_000_000),
  loss: z.number(),
  /** How the newest trunk that the site has judged does on its validation images; absent where it does not say. */
  validation: validationSchema.optional(),
  datasetFingerprint: hashSchema,
  /** Says the same for every attempt to deliver the same update. */
  idempotencyKey: hashSchema,
});
export type UpdateStatement = z.infer<typeof updateStatementSchema>;

/** The hub's receipt: the update is on its disk and will be counted once. */
const receiptStatementSchema = z.object({
  idempotencyKey: hashSchema,
  blob: hashSchema,
  site: fingerprintSchema,
  project: projectIdSchema,
  stalenessCommits: versionSchema,
  acceptedAt: instantSchema,
});

/** The hub's word that an update, for which it gave a receipt, is never counted. */
const discardStatementSchema = z.object({
  idempotencyKey: hashSchema,
  site: fingerprintSchema,
  projectHash: hashSchema,
  /** For a person. */
  reason: z.string().max(1_000),
});

/** The hub's word on a trunk version. Version 0 is the project's initial weights. */
const trunkStatementSchema = z.object({
  project: projectIdSchema,
  projectHash: hashSchema,
  version: versionSchema,
  blob: hashSchema,
  bytes: z.number().int().min(1),
  parent: hashSchema.nullable(),
  updates: z.array(hashSchema).max(1_000),
  committedAt: instantSchema,
  /** SCAFFOLD: the trunk's control variate, of the same kind as the trunk; absent in other projects, at version 0 and at the last. */
  controlVariate: z.object({ blob: hashSchema, bytes: z.number().int().min(1) }).optional(),
});
export type TrunkStatement = z.infer<typeof trunkStatementSchema>;

/** An author's word on a model that it shares with its peers: its lineage, and the sealed bytes that carry it. */
const modelStatementSchema = z.object({
  /** SHA-256 of the weights. */
  model: hashSchema,
  project: projectIdSchema,
  projectHash: hashSchema,
  author: fingerprintSchema,
  site: z.string().max(60),
  network: z.string().max(64),
  /** SHA-256 of the weights of the models that it was made from; several where histories met. */
  parents: z.array(hashSchema).max(100),
  /** Of the author: models of one branch replace one another, the highest `sequence` stands. */
  branch: branchSchema.default('local-only'),
  /** Grows with each publication of its author. */
  sequence: z.number().int().min(0).default(0),
  /** In a mode without trunk (docs/peers.md): which turn of its branch it is. */
  turn: versionSchema.nullable().default(null),
  /** Where it is not the project's network. */
  definition: networkSchema.nullable().default(null),
  /** Of its training images, where it brings its own; null: a site evaluates with that of its data set. */
  normalisation: normalisationSchema.nullable().default(null),
  datasetFingerprint: hashSchema,
  examples: z.number().int().min(0),
  metrics: z.object({ auc: z.number().nullable(), accuracy: z.number().nullable(), loss: z.number() }),
  sealedBlob: hashSchema,
  sealedBytes: z.number().int().min(1),
});

/** A data manager's answer to a project. Without a project of this hash it says nothing. */
const projectAnswerSchema = z.object({
  project: projectIdSchema,
  projectHash: hashSchema,
  answer: z.enum(['approved', 'declined']),
  /** Why not, for the coordinator. */
  because: z.string().max(500).nullable(),
  /** The cohort version that takes part; null when none does. */
  datasetFingerprint: hashSchema.nullable(),
  answeredAt: instantSchema,
});

/** A site's word that it has made, or taken over, the last turn of a project whose mode has no trunk at the hub. */
const turnsDoneSchema = z.object({
  project: projectIdSchema,
  projectHash: hashSchema,
  turn: versionSchema,
  /** SHA-256 of the weights that it ends with. */
  model: hashSchema,
  at: instantSchema,
});

/** How far the owner's ledger has come. */
const ledgerHeadSchema = z.object({
  owner: fingerprintSchema,
  entries: z.number().int().min(0),
  /** Of the last entry. */
  hash: hashSchema,
  at: instantSchema,
});

/** That the witness was told this head by its owner. */
const ledgerWitnessSchema = ledgerHeadSchema.extend({ witness: fingerprintSchema });

/** A site's word on its own keys, so that no relay can put another box key beside its name. */
const siteCardSchema = z.object({
  site: siteNameSchema,
  publicKey: publicKeySchema,
  boxPublicKey: publicKeySchema,
});
export type SiteCard = z.infer<typeof siteCardSchema>;

/**
 * A device's word on where its peers of one federation reach it, and the certificate that answers there: the key of the TLS is
 * bound to the device by the signature. `url` null: nowhere any more.
 */
const addressStatementSchema = z.object({
  /** Fingerprint of the federation's hub. */
  hub: fingerprintSchema,
  device: fingerprintSchema,
  /** Grows with each change: the highest stands. */
  sequence: z.number().int().min(0),
  url: z
    .string()
    .max(300)
    .regex(/^wss:\/\/[^/@\s]+$/)
    .nullable(),
  /** X.509 in DER, base64. */
  certificate: z
    .string()
    .max(4_000)
    .regex(/^[A-Za-z0-9+/]+=*$/)
    .nullable(),
});
export type AddressStatement = z.infer<typeof addressStatementSchema>;

/** The hub's certificate of membership: until when a device is a member for its peers while the hub cannot be asked. */
const membershipStatementSchema = z.object({
  /** Fingerprint of the federation's hub. */
  hub: fingerprintSchema,
  device: fingerprintSchema,
  role: memberRoleSchema,
  issuedAt: instantSchema,
  expiresAt: instantSchema,
});

const schemas = {
  ...maskedStatements,
  update: updateStatementSchema,
  receipt: receiptStatementSchema,
  discard: discardStatementSchema,
  trunk: trunkStatementSchema,
  model: modelStatementSchema,
  'site-card': siteCardSchema,
  address: addressStatementSchema,
  membership: membershipStatementSchema,
  'project-answer': projectAnswerSchema,
  'turns-done': turnsDoneSchema,
  'ledger-head': ledgerHeadSchema,
  'ledger-witness': ledgerWitnessSchema,
} as const;
export type StatementKind = keyof typeof schemas;

/** Most characters of a statement. Fields that a receiver ignores are kept with the text: without a limit they could be anything. */
const plainStatement = 8 * 1024;
const statementLimits: Readonly<Partial<Record<StatementKind, number>>> = {
  'site-card': 1024,
  membership: 1024,
  address: 6 * 1024,
  'masked-offer': 2 * 1024,
  // A network's definition.
  model: 512 * 1024,
  // Up to a thousand keys of updates, or members of a masked buffer.
  trunk: 128 * 1024,
  // Of up to 40 members each; those of all of them fit into one message.
  'masked-roster': 16 * 1024,
  'mask-shares': 24 * 1024,
};
export type StatementOf<K extends StatementKind> = z.infer<(typeof schemas)[K]>;

const limitOf = (kind: StatementKind): number => statementLimits[kind] ?? plainStatement;

/** The kind is signed with the content: a statement of one kind never passes for one of another. @throws Fault 417 for one that nobody would read. */
export function signStatement<K extends StatementKind>(kind: K, value: StatementOf<K>, keys: DeviceKeys): Signed {
  const statement = JSON.stringify(value);
  const { length } = statement;
  if (length > limitOf(kind)) throw wireFault.statementTooLong(kind, length, limitOf(kind));
  return { statement, signature: signatureOf(signedBytes(kind, statement), keys.signingKey) };
}

/**
 * The statement's content once its signature holds.
 * @throws Fault 403 for a wrong signature, 400 for a content that is not of the kind.
 */
export function readStatement<K extends StatementKind>(kind: K, signed: Signed, publicKey: string): StatementOf<K> {
  if (!isSignatureOf(signedBytes(kind, signed.statement), signed.signature, publicKey))
    throw wireFault.badSignature(kind);
  return parseStatement(kind, signed.statement);
}

/** The content without the check, for one's own stored statements. */
export function parseStatement<K extends StatementKind>(kind: K, statement: string): StatementOf<K> {
  if (statement.length > limitOf(kind)) throw wireFault.malformedMessage(`the ${kind} is too long`);
  const value = schemas[kind].safeParse(parseJson(statement));
  if (!value.success) throw wireFault.malformedMessage(`the ${kind} is incomplete`);
  return value.data as StatementOf<K>;
}

/** A site card carries its own key: the signature proves that the holder of that key chose the box key and the name. */
export function readSiteCard(signed: Signed): SiteCard {
  return readStatement('site-card', signed, parseStatement('site-card', signed.statement).publicKey);
}

function signedBytes(kind: StatementKind, statement: string): Uint8Array {
  return Buffer.from(`imagiq.sync.v1 ${kind}\n${statement}`);
}

/** Undefined where the text is no JSON: no schema takes that, so that one check does for both. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
