// A data set as the trainer sees it: pixels and labels, nothing else. No identity, no header text.
// One tensor file (safetensors.ts): images U16 [N,H,W,C], labels I32 [N], split U8 [N], patients I32 [N].
import { z } from 'zod';
import { taskNames } from './network.ts';

/** Metadata of a data set file, JSON under the key `imagiq`. */
export const datasetHeaderSchema = z.object({
  version: z.literal(1),
  task: z.enum(taskNames).default('classification'),
  classes: z.array(z.string().max(100)).min(2).max(1_000),
  examples: z.number().int().min(0),
  height: z.number().int(),
  width: z.number().int(),
  channels: z.number().int(),
  /** Mean and standard deviation of the training split's images after scaling 0…65535 to 0…1. */
  mean: z.number(),
  standardDeviation: z.number().positive(),
  /** SHA-256 (hex) of the cohort version that this was built from. */
  cohortHash: z.string(),
});
export type DatasetHeader = z.infer<typeof datasetHeaderSchema>;

/** The values of the `split` tensor, by index. */
export const splitCodes = { train: 0, validation: 1, test: 2 } as const;
