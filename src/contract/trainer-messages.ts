// What passes between a station and a trainer process, message by message.
import { z } from 'zod';
import { faultSchema } from './fault-schema.ts';
import { leakProbeJobSchema, leakProbeSchema } from './leak-probe.ts';
import { exportJobSchema, predictionSchema, predictJobSchema } from './model-jobs.ts';
import {
  epochSchema,
  evaluateJobSchema,
  evaluationSchema,
  trainJobSchema,
  trainOutcomeSchema,
  trainProgressSchema,
} from './training.ts';

/** Orders to a trainer process. One job at a time. */
export const toTrainerSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('train'), id: z.number().int(), job: trainJobSchema }),
  z.object({ kind: z.literal('evaluate'), id: z.number().int(), job: evaluateJobSchema }),
  z.object({ kind: z.literal('predict'), id: z.number().int(), job: predictJobSchema }),
  z.object({ kind: z.literal('export'), id: z.number().int(), job: exportJobSchema }),
  z.object({ kind: z.literal('probe-leak'), id: z.number().int(), job: leakProbeJobSchema }),
  /** Whether an engine can compute here at all: refused with what says why not. */
  z.object({
    kind: z.literal('check-engine'),
    id: z.number().int(),
    job: trainJobSchema.pick({ engine: true, provider: true }),
  }),
  z.object({ kind: z.literal('pause') }),
  z.object({ kind: z.literal('resume') }),
  /** Ends the running job at the next step, keeping its checkpoint. */
  z.object({ kind: z.literal('stop') }),
  /** Holds this process's work, now and for the next jobs, until `reason` is null; its user's pause is another thing. */
  z.object({ kind: z.literal('hold'), reason: z.string().max(200).nullable() }),
  /** At least this share of the time is spent resting, now and in the next jobs. */
  z.object({ kind: z.literal('pace'), idleShare: z.number().min(0).max(0.99) }),
  /** Rests this long: somebody needs the machine just now. */
  z.object({ kind: z.literal('rest'), milliseconds: z.number().min(0).max(60_000) }),
]);
/** As decoded by the trainer; what is sent may leave out what has a default. */
export type ToTrainer = z.infer<typeof toTrainerSchema>;
export type TrainerOrder = z.input<typeof toTrainerSchema>;

/** News from a trainer process. */
export const fromTrainerSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ready') }),
  z.object({ kind: z.literal('progress'), id: z.number().int(), progress: trainProgressSchema }),
  z.object({ kind: z.literal('epoch'), id: z.number().int(), epoch: epochSchema }),
  /** Something that the run survived and its reader should know. */
  z.object({ kind: z.literal('note'), id: z.number().int(), note: z.string().max(2_000) }),
  z.object({ kind: z.literal('trained'), id: z.number().int(), outcome: trainOutcomeSchema }),
  z.object({ kind: z.literal('evaluated'), id: z.number().int(), evaluation: evaluationSchema }),
  z.object({ kind: z.literal('predicted'), id: z.number().int(), prediction: predictionSchema }),
  z.object({ kind: z.literal('exported'), id: z.number().int(), bytes: z.number().int() }),
  z.object({ kind: z.literal('leak-probed'), id: z.number().int(), probe: leakProbeSchema }),
  z.object({ kind: z.literal('engine-checked'), id: z.number().int() }),
  z.object({ kind: z.literal('fault'), id: z.number().int(), fault: faultSchema }),
]);
export type FromTrainer = z.infer<typeof fromTrainerSchema>;
