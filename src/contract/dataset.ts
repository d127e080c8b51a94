// A data set as the trainer sees it: pixels, masks and labels, nothing else. No identity, no header text.
// Version 1 is one tensor file (safetensors.ts): images U16 [N,H,W,C], split U8 [N], patients I32 [N], and by task
//   classification: labels I32 [N] · multi-label: labels U8 [N, classes] of 0/1 · segmentation: masks U8 [N,H,W].
// A segmentation may tell where its images lie: volumes I32 [N] (−1 where it is not known), slices I32 [N] within the volume, and
// spacing F32 [N,3], distances of neighbouring slices, rows and columns, mm.
// Version 2 keeps images and masks in shards beside it, tensor files of their own: images U8 or U16 [n,H,W,C], masks U8 [n,H,W];
// `place` I32 [N,2] names shard and index within it. U8 images hold 0…255 for what U16 ones hold as 0…65535.
import { z } from 'zod';
import { taskNames } from './network.ts';
import { preprocessingSchema } from './preprocessing.ts';

export const shardSchema = z.object({
  /** File name within `shardFolder` beside the data set file; ends in the SHA-256 of its bytes. */
  file: z.string().regex(/^[0-9a-f]{32}-[0-9a-f]{64}$/),
  examples: z.number().int().min(1),
});
export type Shard = z.infer<typeof shardSchema>;

/** Metadata of a data set file, JSON under the key `imagiq`. */
export const datasetHeaderSchema = z.object({
  version: z.union([z.literal(1), z.literal(2)]),
  task: z.enum(taskNames).default('classification'),
  /** Of a segmentation the first is the background. */
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
  /** What was done to the pixels; absent in data sets that were not made from a cohort. */
  preprocessing: preprocessingSchema.optional(),
  /** Of a segmentation: pixels of each class in the training split. */
  classPixels: z.array(z.number().min(0)).optional(),
  shards: z.array(shardSchema).max(10_000).optional(),
});
export type DatasetHeader = z.infer<typeof datasetHeaderSchema>;

/** The values of the `split` tensor, by index. */
export const splitCodes = { train: 0, validation: 1, test: 2 } as const;

/** What images are stored as: 0 … this for 0 … 1. */
export const fullScale = 65_535;
/** From a byte, 0…255, to that scale. */
export const byteScale = 257;

/** A mask's value where a pixel is not labelled: it takes no part in the loss. */
export const notLabelled = 255;

/** Of one volume, missing ones counted: what is longer is no volume to measure distances in. */
export const mostSlices = 4_096;

/** Where shards lie, beside the data set file. */
export const shardFolder = 'shards';
