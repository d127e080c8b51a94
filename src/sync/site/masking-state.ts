// What a site must still know, after a kill, of the masked buffer that its first update is in or waits for.
import { z } from 'zod';
import { fingerprintSchema } from '../protocol/device-keys.ts';
import { signedSchema } from '../protocol/statement.ts';
import { hashSchema } from '../protocol/statement-fields.ts';
import { bufferSecretsSchema } from '../secure-aggregation/buffer-keys.ts';
import { heldSharesSchema } from '../secure-aggregation/dealt-shares.ts';

export const maskedBufferSchema = z.object({
  roster: signedSchema,
  /** Of the members, in the roster's order. */
  offers: z.array(signedSchema),
  /** This site's shares for everyone; null until they are dealt. */
  dealt: signedSchema.nullable(),
  /** What every member dealt to this site, by the dealer's fingerprint; null until all have. */
  held: z.record(fingerprintSchema, heldSharesSchema).nullable(),
  /** Made once: two masked updates under the same secrets would tell their difference. */
  masked: z.object({ blob: hashSchema, update: signedSchema }).nullable(),
  /** The answer to the hub's question whose masks come off, which is answered once. */
  revealed: z.object({ unmasking: hashSchema, shares: signedSchema }).nullable(),
});
export type MaskedBuffer = z.infer<typeof maskedBufferSchema>;

export const maskingSchema = z.object({
  /** Of the update that is offered. */
  idempotencyKey: hashSchema,
  offer: signedSchema,
  /** Serve this offer, hence one buffer. They never leave, and go with the buffer. */
  secrets: bufferSecretsSchema,
  buffer: maskedBufferSchema.nullable(),
});
export type Masking = z.infer<typeof maskingSchema>;
