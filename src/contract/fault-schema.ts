// What is checked of a fault that comes from another process or over a network.
import { z } from 'zod';
import type { FaultValue } from './fault.ts';

export const retrySchema = z.enum(['never', 'later', 'now']);

export const faultSchema = z.object({
  code: z.number().int().min(100).max(999),
  message: z.string().max(4000),
  retry: retrySchema,
  counts: z.record(z.string(), z.number()).optional(),
}) satisfies z.ZodType<FaultValue>;
