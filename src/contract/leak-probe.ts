// The attack on a site's own update: what it is asked, and what it finds.
import { z } from 'zod';
import { networkSchema } from './network.ts';
import { hyperParametersSchema, privacySettingsSchema } from './training.ts';

/** Tries to find images of the data set behind the gradient that an update would be made of. */
export const leakProbeJobSchema = z.object({
  datasetFile: z.string(),
  network: networkSchema,
  /** Null: untrained weights of this seed, the most talkative ones. */
  weightsFile: z.string().nullable().default(null),
  seed: z.number().int().min(0).default(0),
  /** Images behind the gradient: fewer where the training split has fewer. */
  batch: z.number().int().min(1).max(64).default(1),
  /** Loss and class weights are taken from them: they are part of the gradient. */
  hyperParameters: hyperParametersSchema.prefault({}),
  /** Attacks what DP-SGD with these settings would release; null: the bare gradient. */
  privacy: privacySettingsSchema.nullable().default(null),
  iterations: z.number().int().min(1).max(20_000).default(600),
  maxSeconds: z.number().min(1).max(3_600).default(60),
  threads: z.number().int().min(1).max(64).default(2),
});
export type LeakProbeJob = z.infer<typeof leakProbeJobSchema>;

export const leakProbeSchema = z.object({
  height: z.number().int(),
  width: z.number().int(),
  /** Cosine between the gradient of what was found and the true one: 1 where the attack matched it. */
  match: z.number(),
  /** Tries that the attack had time for. */
  iterations: z.number().int(),
  /** For each image of the batch the guess that is most like it, the likest pair first. */
  pairs: z.array(
    z.object({
      /** Grey values, [height, width]. */
      truth: z.instanceof(Uint8Array),
      guess: z.instanceof(Uint8Array),
      /** Structural similarity, at most 1. */
      similarity: z.number(),
      /** In decibels. */
      peakSignalToNoise: z.number(),
      /** Place of the true image among all compared ones by their likeness to the guess: 1 is the likest. */
      rank: z.number().int(),
      /** Images of other patients that it was compared with, and how like the guess they are. */
      others: z.number().int(),
      chanceMean: z.number(),
      chanceMost: z.number(),
      isRecognised: z.boolean(),
    }),
  ),
  /** Whether any image could be recognised. */
  isRecognised: z.boolean(),
  seconds: z.number(),
});
export type LeakProbe = z.infer<typeof leakProbeSchema>;
