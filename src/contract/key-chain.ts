// What the shell, which alone can ask the system's key chain, says to its station about the key that seals the device's keys. It goes
// over the process channel and nowhere else: no argument, no variable of the environment, no call that a window or a command could make.
import { z } from 'zod';
import { faultSchema } from './fault-schema.ts';

export const sealingKeyBytes = 32;

/** Relative to the home folder: the sealing key as the key chain encrypted it. That it is there is the switch. */
export const sealedBySystemFile = ['keys', 'sealed-by-system'] as const;

const bytesSchema = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
const sealingKeySchema = bytesSchema.refine((key) => key.length === sealingKeyBytes, {
  error: `a sealing key has ${sealingKeyBytes} bytes`,
});

/** The first message that a station gets. */
export const keyChainNewsSchema = z.object({
  keyChain: z.object({
    /** Null where nothing is sealed, or the key chain does not give it. */
    sealingKey: sealingKeySchema.nullable(),
    /** Why it does not. */
    fault: faultSchema.nullable(),
  }),
});
export type KeyChainNews = z.infer<typeof keyChainNewsSchema>['keyChain'];

/** Turns sealing on, with a new key and that key as the key chain encrypted it, or off. Answered under its id with `isSealed`. */
export const sealingOrderSchema = z.object({
  id: z.number().int(),
  sealing: z.object({ key: sealingKeySchema, sealedKey: bytesSchema }).nullable(),
});
export type SealingOrder = z.infer<typeof sealingOrderSchema>;
export type NewSeal = NonNullable<SealingOrder['sealing']>;

/** How a `SealingOrder` ended. */
export const sealingAnswerSchema = z.object({ isSealed: z.boolean() });
