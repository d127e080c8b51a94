// Control messages: one union per direction. Unknown fields are ignored, unknown kinds are refused with the reason.
import { z } from 'zod';
import { faultSchema } from '../../contract/fault-schema.ts';
import { fingerprintSchema } from './device-keys.ts';
import { wireFault } from './faults.ts';
import { wireLimits } from './limits.ts';
import { parseJson, signedSchema } from './statement.ts';
import { hashSchema } from './statement-fields.ts';

const id = z.number().int().min(1);
const size = z.number().int().min(1).max(wireLimits.blobBytes);
const offset = z.number().int().min(0).max(wireLimits.blobBytes);
const transfer = z.string().regex(/^[0-9a-f]{32}$/);

/** One recipient's key to a sealed model. */
export const envelopeSchema = z.object({ recipient: fingerprintSchema, sealedKey: z.string().max(400) });
export type Envelope = z.infer<typeof envelopeSchema>;

export const memberSchema = z.object({
  card: signedSchema,
  online: z.boolean(),
  updates: z.number().int().min(0),
  lastSeen: z.string().max(40).nullable(),
  /** False for one that observes, or declined the present project: no peer of the others. Absent, it takes part. */
  takesPart: z.boolean().optional(),
  /** Where it says that its peers reach it (an `address` statement); null or absent where it said nothing. */
  address: signedSchema.nullable().optional(),
});
export type Member = z.infer<typeof memberSchema>;

/** Blob transfer, the same in both directions (docs/protocol.md, section 6). */
const transferMessages = [
  z.object({ kind: z.literal('put-begin'), id, hash: hashSchema, bytes: size }),
  z.object({ kind: z.literal('put-end'), id, transfer }),
  /** The asker names the transfer, so that it knows the chunks that follow. */
  z.object({ kind: z.literal('get-begin'), id, hash: hashSchema, offset, transfer }),
  z.object({ kind: z.literal('chunk-received'), transfer, offset }),
  /** Reply to put-begin: send from here. An offset equal to the size means that the blob is already stored. */
  z.object({ kind: z.literal('have'), re: id, transfer, offset }),
  /** Reply to get-begin: chunks follow. */
  z.object({ kind: z.literal('sending'), re: id, bytes: size }),
  z.object({ kind: z.literal('stored'), re: id }),
  z.object({ kind: z.literal('refused'), re: id, fault: faultSchema }),
] as const;

export const fromSiteSchema = z.discriminatedUnion('kind', [
  ...transferMessages,
  z.object({ kind: z.literal('update-offered'), id, update: signedSchema }),
  z.object({
    kind: z.literal('model-published'),
    id,
    model: signedSchema,
    envelopes: z.array(envelopeSchema).max(wireLimits.members),
  }),
  z.object({ kind: z.literal('project-answered'), id, answer: signedSchema }),
  z.object({ kind: z.literal('turns-done'), id, done: signedSchema }),
  /** Heads of the ledgers (section 12): the site's own, and its countersignature of the hub's last. */
  z.object({ kind: z.literal('heads-exchanged'), id, head: signedSchema, witness: signedSchema.nullable() }),
  z.object({ kind: z.literal('leave'), id }),
  // Secure aggregation (docs/protocol.md, section 10). Each may be said again; the hub answers `noted`.
  z.object({ kind: z.literal('masked-update-offered'), id, offer: signedSchema }),
  z.object({ kind: z.literal('mask-shares-dealt'), id, shares: signedSchema }),
  z.object({ kind: z.literal('masked-update-sent'), id, update: signedSchema }),
  z.object({ kind: z.literal('masks-revealed'), id, revealed: signedSchema }),
  /** The site has no part in this buffer, and says why. */
  z.object({ kind: z.literal('masked-buffer-refused'), id, buffer: hashSchema, fault: faultSchema }),
]);
export type FromSite = z.infer<typeof fromSiteSchema>;

export const fromHubSchema = z.discriminatedUnion('kind', [
  ...transferMessages,
  z.object({
    kind: z.literal('project-announced'),
    /** The project as JSON text; its SHA-256 is the project's hash in every statement. */
    project: z
      .string()
      .max(512 * 1024)
      .nullable(),
    trunk: signedSchema.nullable(),
    isFinished: z.boolean(),
  }),
  z.object({ kind: z.literal('trunk-committed'), trunk: signedSchema, isFinished: z.boolean() }),
  /** All members: after the welcome. */
  z.object({ kind: z.literal('members-changed'), members: z.array(memberSchema).max(wireLimits.members) }),
  /** Only those that changed since, and those that are members no more: said to a thousand sites, the whole list is too much. */
  z.object({
    kind: z.literal('members-updated'),
    changed: z.array(memberSchema).max(wireLimits.members),
    gone: z.array(fingerprintSchema).max(wireLimits.members),
  }),
  z.object({ kind: z.literal('update-accepted'), re: id, receipt: signedSchema, isDuplicate: z.boolean() }),
  /** Accepted updates of the site that are never counted (`discard` statements): said when it happens, and again after each welcome. */
  z.object({ kind: z.literal('updates-discarded'), discarded: z.array(signedSchema).max(wireLimits.discards) }),
  /** The site's certificate of membership anew, when a third of its time is over; the first comes in the welcome. */
  z.object({ kind: z.literal('membership-certified'), membership: signedSchema }),
  /** A peer's model; `sequence` grows, and the site names the last it has when it connects. */
  z.object({
    kind: z.literal('model-available'),
    sequence: z.number().int().min(1),
    model: signedSchema,
    sealedKey: z.string().max(400),
  }),
  /** Reply to model-published. */
  z.object({ kind: z.literal('model-relayed'), re: id }),
  z.object({ kind: z.literal('answer-recorded'), re: id }),
  z.object({
    kind: z.literal('heads-witnessed'),
    re: id,
    witness: signedSchema.nullable(),
    remembered: signedSchema.nullable(),
    head: signedSchema,
    /** Absent from hubs of earlier versions. */
    through: signedSchema.nullish(),
  }),
  z.object({ kind: z.literal('left'), re: id }),
  // Secure aggregation: news to the members of a masked buffer.
  z.object({
    kind: z.literal('masked-buffer-opened'),
    roster: signedSchema,
    /** The members' offers, in the roster's order. */
    offers: z.array(signedSchema).max(wireLimits.maskedBufferSites),
  }),
  /** What all members dealt. */
  z.object({
    kind: z.literal('mask-shares-relayed'),
    buffer: hashSchema,
    shares: z.array(signedSchema).max(wireLimits.maskedBufferSites),
  }),
  z.object({ kind: z.literal('unmasking-asked'), unmasking: signedSchema }),
  z.object({ kind: z.literal('masked-update-counted'), receipt: signedSchema }),
  z.object({ kind: z.literal('masked-buffer-ended'), buffer: hashSchema, fault: faultSchema }),
  /** Reply to `turns-done`, and to whatever a site says of a masked buffer. */
  z.object({ kind: z.literal('noted'), re: id }),
]);
export type FromHub = z.infer<typeof fromHubSchema>;

/** Between two sites on a line of their own, the same in both directions (docs/protocol.md, section 11). */
export const fromPeerSchema = z.discriminatedUnion('kind', [
  ...transferMessages,
  /** A model of the sender, sealed for the other end, which may fetch its bytes on this line. */
  z.object({ kind: z.literal('model-offered'), id, model: signedSchema, sealedKey: z.string().max(400) }),
  z.object({ kind: z.literal('model-noted'), re: id, isWanted: z.boolean() }),
  /** The other end needs nothing more of this model: it has it, or refused it for good. */
  z.object({ kind: z.literal('model-taken'), model: hashSchema }),
  /** `address` statements that the sender knows, its own among them. */
  z.object({ kind: z.literal('addresses-told'), addresses: z.array(signedSchema).max(wireLimits.addresses) }),
]);
export type FromPeer = z.infer<typeof fromPeerSchema>;
export type WireMessage = FromSite | FromHub | FromPeer;

/** @throws Fault 400 when the text is not a message of this direction. */
export function decodeMessage<M>(schema: z.ZodType<M>, text: string): M {
  const message = schema.safeParse(parseJson(text));
  if (message.success) return message.data;
  const issue = message.error.issues[0];
  throw wireFault.malformedMessage(
    issue ? `${issue.path.join('.') || 'kind'}: ${issue.message}`.slice(0, 300) : 'not JSON',
  );
}
