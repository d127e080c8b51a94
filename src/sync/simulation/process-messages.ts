// What a federation of real processes and its conductor say to each other.
import { z } from 'zod';
import { scenarioSchema } from './scenario.ts';

export const processOrderSchema = z.discriminatedUnion('role', [
  z.object({ role: z.literal('hub'), folder: z.string(), port: z.number(), scenario: scenarioSchema }),
  z.object({
    role: z.literal('site'),
    folder: z.string(),
    site: z.number(),
    invite: z.string(),
    scenario: scenarioSchema,
  }),
]);
export type ProcessOrder = z.infer<typeof processOrderSchema>;

const count = z.number().int().min(0);

export const fromProcessSchema = z.discriminatedUnion('kind', [
  /** Its process ends. */
  z.object({ kind: z.literal('failed'), reason: z.string() }),
  z.object({ kind: z.literal('ready'), port: z.number(), invites: z.array(z.string()) }),
  z.object({
    kind: z.literal('committed'),
    version: count,
    updates: count,
    isFinished: z.boolean(),
    score: z.number(),
  }),
  z.object({ kind: z.enum(['site-enrolled', 'update-accepted']) }),
  z.object({
    kind: z.literal('site'),
    fingerprint: z.string(),
    accepted: count,
    refused: count,
    meanStaleness: z.number(),
    bytesSent: count,
    bytesReceived: count,
  }),
]);
export type FromProcess = z.infer<typeof fromProcessSchema>;
