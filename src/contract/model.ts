// Models of a site: weights with where they came from, and what may be asked of them.
import { z } from 'zod';
import { cohortNameSchema } from './cohort.ts';
import { evaluationReportSchema, groupKinds, metricsSchema, operatingPointSchema } from './metrics.ts';
import { networkSchema, taskNames } from './network.ts';
import { preprocessingSchema } from './preprocessing.ts';
import { endingNames, hyperParametersSchema, splitNames } from './training.ts';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
export const modelIdSchema = z.string().regex(/^[0-9a-f]{16}$/, 'a model’s id is 16 hexadecimal digits');

/** How an image becomes what the network sees: part of the model, as its weights are. */
export const modelInputSchema = z.object({
  height: z.number().int(),
  width: z.number().int(),
  channels: z.number().int(),
  /** Of the training images after scaling to 0…1. */
  mean: z.number(),
  standardDeviation: z.number().positive(),
  preprocessing: preprocessingSchema.nullable().default(null),
});

/** Who vouches for a model: the site that trained it, by its device's key. */
export const modelAuthorSchema = z.object({
  site: z.string().max(200),
  /** Ed25519, 32 raw bytes, base64url; its SHA-256 is the fingerprint. */
  publicKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  fingerprint: hash,
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
});

/** Of a model that a site took from a federation's bench. */
export const modelFederationSchema = z.object({
  federation: z.string().max(100),
  /** Id of the project. */
  project: z.string().max(200),
  /** Who made it; `trunk` of the shared model, `ensemble` of what this site chose. */
  site: z.string().max(60),
  /** Version of the trunk; null of a peer's. */
  version: z.number().int().nullable(),
});

/** What was done of the training that `hyperParameters` plan. */
export const modelTrainingSchema = z.object({
  /** Complete ones; of a privacy budget also the one that it cut. */
  epochs: z.number().int().min(0),
  steps: z.number().int().min(0),
  /** The epoch (from 1) whose weights these are; null when none was validated. */
  bestEpoch: z.number().int().nullable(),
  ending: z.enum(endingNames),
});

export const modelSchema = z.object({
  /** The first 16 digits of the weights' hash. */
  id: z.string(),
  network: z.string(),
  task: z.enum(taskNames).default('classification'),
  cohort: z.string(),
  cohortHash: z.string(),
  createdAt: z.string(),
  classes: z.array(z.string()),
  /** Ids of the models that it was trained from; of an ensemble those that vote in it. */
  parents: z.array(z.string()),
  /**
   * An ensemble: the mean of what its parents say of an image, each of which sees it prepared in its own way. It has no weights of its own;
   * `weightsHash` is the SHA-256 of theirs, sorted.
   */
  isEnsemble: z.boolean().default(false),
  weightsHash: z.string(),
  test: metricsSchema.nullable(),
  hyperParameters: hyperParametersSchema.nullable().default(null),
  /** Null of a federation's models, and of those of before this field. */
  training: modelTrainingSchema.nullable().default(null),
  seed: z.number().int().nullable().default(null),
  engine: z.string().nullable().default(null),
  provider: z.string().nullable().default(null),
  input: modelInputSchema.nullable().default(null),
  operatingPoint: operatingPointSchema.nullable().default(null),
  /** Modalities of the images that it was trained on; none for models of before this field. */
  modalities: z.array(z.string().max(16)).max(100).default([]),
  /** Null for models of before signatures. */
  author: modelAuthorSchema.nullable().default(null),
  origin: z.enum(['trained', 'imported']).default('trained'),
  federation: modelFederationSchema.nullable().default(null),
});
export type Model = z.infer<typeof modelSchema>;

/** Modality of pictures and volumes that came without one (PNG, JPEG, NIfTI). */
const untold = 'OT';

/** Whether images of a modality are of the kind that the model was trained on; any are where the model's own told none. */
export function fitsModality({ modalities }: Pick<Model, 'modalities'>, modality: string): boolean {
  return modalities.length === 0 || modalities.includes(untold) || modalities.includes(modality);
}

/** What a site signs of a model: everything but the signature itself, with the network's definition. */
export const modelStatementSchema = modelSchema
  .omit({ id: true, author: true, origin: true, isEnsemble: true })
  .extend({ definition: networkSchema, weightsHash: hash, classes: z.array(z.string().max(100)).min(1).max(1_000) });
export type ModelStatement = z.infer<typeof modelStatementSchema>;

/** How one member of an ensemble does alone. */
export const memberResultSchema = z.object({
  model: z.string(),
  metrics: metricsSchema.pick({ task: true, accuracy: true, auc: true, dice: true }),
});
export type MemberResult = z.infer<typeof memberResultSchema>;

const uid = z.string().regex(/^[0-9][0-9.]{0,63}$/);

/** What a model said of one image. */
const predictedImageSchema = z.object({
  studyInstanceUID: z.string(),
  seriesInstanceUID: z.string(),
  sopInstanceUID: z.string(),
  /** Counts from 1; null for an instance of one frame. */
  frame: z.number().int().nullable(),
  /**
   * The most probable class; of several labels all that reach their thresholds, or `none`; of a segmentation the class that covers
   * most beside the background, if any does.
   */
  class: z.string(),
  /** By class; of a segmentation shares of the pixels. */
  probabilities: z.array(z.number()),
  /** Of an ensemble: the same of each member alone, in the order of the members; empty for a model alone. */
  votes: z.array(z.array(z.number())).default([]),
});
export type PredictedImage = z.infer<typeof predictedImageSchema>;

/** What a model said of one image, with whose image it is and what is known of it. It stays on this site. */
const tracedPredictionSchema = predictedImageSchema.extend({
  /** PatientID as in the study list; empty where its files have none. */
  patientID: z.string(),
  /** Where the image was found when it was imported. */
  file: z.string(),
  /** Of the cohort that the model was run on; null for images of studies and series. */
  split: z.enum(splitNames).nullable(),
  /** Its classes in that cohort, as `class` says them; null as `split`. */
  truth: z.string().nullable(),
  /** Whether the model, or one that it goes on from, learnt from this image, as far as this site's cohorts tell. */
  isTrainedOn: z.boolean(),
});
export type TracedPrediction = z.infer<typeof tracedPredictionSchema>;

/** Structured reports of numbers; masks of a segmentation; pictures of a classifier's heat maps. */
export const resultObjects = ['sr', 'seg', 'sc'] as const;
export type ResultObjectKind = (typeof resultObjects)[number];

export const modelFileFormats = ['imagiq', 'onnx'] as const;
const file = z.string().min(1).max(4_096);

export const modelCalls = {
  /** `damaged`: ids of models whose record on the disk cannot be read. */
  models: { in: z.object({}), out: z.object({ models: z.array(modelSchema), damaged: z.array(z.string()) }) },
  /** An ensemble has no network of its own: `definition` is null. */
  model: {
    in: z.object({ id: modelIdSchema }),
    out: z.object({ model: modelSchema, definition: networkSchema.nullable() }),
  },
  /** Measures a model on a split of a cohort; `model-progress` tells how far it is. One at a time. */
  'evaluate-model': {
    in: z.object({
      id: modelIdSchema,
      cohort: cohortNameSchema,
      split: z.enum(splitNames).default('test'),
      by: z.array(z.enum(groupKinds)).max(3).default([]),
      /** Chooses the thresholds anew on the cohort's validation images: the highest that reach this sensitivity. */
      sensitivity: z.number().min(0).max(1).nullable().default(null),
    }),
    out: z.object({
      report: evaluationReportSchema,
      operatingPoint: operatingPointSchema.nullable(),
      /** Of an ensemble: each of its members alone, on the same images. */
      members: z.array(memberResultSchema),
      /** Under which id it is kept (contract/model-evaluation.ts). */
      evaluation: z.number().int(),
    }),
  },
  /** Runs a model on this site's own images, chosen by study, by series or as a cohort; `model-progress` tells how far it is. */
  'predict-studies': {
    in: z.object({
      id: modelIdSchema,
      /** As in the study list; null with the others. */
      query: z.string().max(500).nullable().default(null),
      studyInstanceUIDs: z.array(uid).max(10_000).nullable().default(null),
      seriesInstanceUID: uid.nullable().default(null),
      cohort: cohortNameSchema.nullable().default(null),
      /** Writes what was found into the library, beside the images and never over them. */
      write: z.array(z.enum(resultObjects)).max(3).default([]),
    }),
    out: z.object({
      /** Under which `save-predictions` finds it, until the next one. */
      run: z.string(),
      model: modelIdSchema,
      /** Of an ensemble: who voted. */
      members: z.array(modelIdSchema),
      /** What it may be used for, in words. */
      use: z.string(),
      /** What its reader should know: training images that are among them. */
      warnings: z.array(z.string()),
      classes: z.array(z.string()),
      images: z.array(tracedPredictionSchema),
      failures: z.array(z.object({ studyInstanceUID: z.string(), sopInstanceUID: z.string(), reason: z.string() })),
      /** Images of the studies that the model is not made for, by their modality: it was not run on them. */
      passedOver: z.number().int(),
      /** Objects that are in the library now; those of an earlier run of the same model are not written twice. */
      written: z.number().int(),
      /** Of these, those that this run wrote. */
      writtenNow: z.number().int(),
    }),
  },
  /** Writes what `predict-studies` answered last as CSV, a row for each image. */
  'save-predictions': {
    in: z.object({ run: z.string().max(64), file }),
    out: z.object({ file: z.string(), bytes: z.number().int() }),
  },
  /** Where a classifier looked in one image (Grad-CAM), on the image's own pixels. Not for diagnosis. Ends when it is abandoned. */
  'heat-map': {
    in: z.object({
      id: modelIdSchema,
      sopInstanceUID: uid,
      frame: z.number().int().min(1).nullable().default(null),
      /** Index into the model's classes; null for the most probable one. */
      class: z.number().int().min(0).nullable().default(null),
    }),
    out: z.object({
      rows: z.number().int(),
      columns: z.number().int(),
      /** 0…255 by row. */
      heat: z.instanceof(Uint8Array),
      probabilities: z.array(z.number()),
      class: z.number().int(),
    }),
  },
  /** Ends the evaluation or the prediction under way. */
  'cancel-model-work': { in: z.object({}), out: z.object({}) },
  /** `imagiq`: signed, for another ImagiQ. `onnx`: an inference graph that any ONNX Runtime loads. */
  'export-model': {
    in: z.object({ id: modelIdSchema, file, format: z.enum(modelFileFormats) }),
    out: z.object({ file: z.string(), bytes: z.number().int() }),
  },
  /** `isKnown`: it was here already, and nothing changed. */
  'import-model': { in: z.object({ file }), out: modelSchema.extend({ isKnown: z.boolean() }) },
  'delete-model': { in: z.object({ id: modelIdSchema }), out: z.object({}) },
} as const;

export const modelEvents = {
  'model-progress': z.object({
    /** `heat`: of the one image of `heat-map`; its steps are reading, computing, laying over. */
    work: z.enum(['preparing', 'evaluating', 'predicting', 'heat']),
    done: z.number().int(),
    total: z.number().int(),
    /** Why it waits, while the workstation's rules hold it. */
    waitsFor: z.string().nullable().default(null),
  }),
} as const;

/** A model is named by the beginning of its weights' hash, their file by all of it. */
export function modelIdOf(weightsFile: string): string {
  return (weightsFile.split(/[\\/]/).at(-1) ?? '').slice(0, 16);
}
