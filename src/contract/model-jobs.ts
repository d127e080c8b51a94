// What the station asks of a trainer process about a model that is finished: predictions of images, an inference graph.
import { z } from 'zod';
import { networkSchema } from './network.ts';

const classes = z.number().int().min(1).max(1_000);

export const predictJobSchema = z.object({
  job: z.literal('predict'),
  network: networkSchema,
  weightsFile: z.string(),
  classes,
  /** As data sets hold them: [count, height, width, channels], 0…65535. */
  images: z.instanceof(Uint16Array),
  count: z.number().int().min(1).max(256),
  /** Of the model's own training images. */
  mean: z.number(),
  standardDeviation: z.number().positive(),
  /**
   * The class whose heat map is wanted of each image (the most probable with −1), or one for each of them; null for none. Not for
   * segmentations.
   */
  heatOf: z
    .union([z.number().int().min(-1), z.array(z.number().int().min(-1)).max(256)])
    .nullable()
    .default(null),
  threads: z.number().int().min(1).max(64).default(2),
});
export type PredictJob = z.infer<typeof predictJobSchema>;
export type PredictOrder = z.input<typeof predictJobSchema>;

export const predictionSchema = z.object({
  /** As the engine's `predict` returns them for the task. */
  probabilities: z.instanceof(Float32Array),
  /** Grad-CAM of each image, 0…1, [count, height, width] of the input; null where none was asked for. */
  heat: z.instanceof(Float32Array).nullable(),
});
export type Prediction = z.infer<typeof predictionSchema>;

export const exportJobSchema = z.object({
  job: z.literal('export'),
  network: networkSchema,
  weightsFile: z.string(),
  classes,
  mean: z.number(),
  standardDeviation: z.number().positive(),
  /** Written into the model's metadata. */
  metadata: z.record(z.string().max(100), z.string().max(1_000_000)),
  /** Where the ONNX file goes. */
  file: z.string(),
});
export type ExportJob = z.infer<typeof exportJobSchema>;
