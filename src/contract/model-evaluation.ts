// A model measured on a split of a cohort, as the station keeps it beside the model.
import { z } from 'zod';
import { estimateSchema, evaluationReportSchema, operatingPointSchema } from './metrics.ts';
import { memberResultSchema, modelIdSchema } from './model.ts';
import { taskNames } from './network.ts';
import { splitNames } from './training.ts';

export const modelEvaluationSummarySchema = z.object({
  id: z.number().int(),
  model: modelIdSchema,
  cohort: z.string(),
  /** Of the cohort's version that was measured on. */
  cohortHash: z.string(),
  split: z.enum(splitNames),
  measuredAt: z.string(),
  /** That thresholds were chosen for, on the cohort's validation images; null for the model's own. */
  sensitivity: z.number().nullable(),
  task: z.enum(taskNames),
  examples: z.number().int(),
  patients: z.number().int(),
  accuracy: estimateSchema,
  auc: estimateSchema,
  dice: estimateSchema,
});
export type ModelEvaluationSummary = z.infer<typeof modelEvaluationSummarySchema>;

export const modelEvaluationSchema = modelEvaluationSummarySchema.extend({
  report: evaluationReportSchema,
  operatingPoint: operatingPointSchema.nullable(),
  /** Of an ensemble: each of its members alone. */
  members: z.array(memberResultSchema).default([]),
});
export type ModelEvaluation = z.infer<typeof modelEvaluationSchema>;

const id = z.number().int().min(1);

export const modelEvaluationCalls = {
  /** Newest first: of one model, or of all (null). */
  'model-evaluations': {
    in: z.object({ model: modelIdSchema.nullable().default(null) }),
    out: z.object({ evaluations: z.array(modelEvaluationSummarySchema) }),
  },
  'model-evaluation': { in: z.object({ id }), out: modelEvaluationSchema },
  /** Writes it as a file: JSON where its name ends so, else CSV with a row for each figure. */
  'save-model-evaluation': {
    in: z.object({ id, file: z.string().min(1).max(4_096) }),
    out: z.object({ file: z.string(), bytes: z.number().int() }),
  },
} as const;
