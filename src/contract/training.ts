// Training as the station asks for it and hears of it: settings, jobs, progress, outcome.
import { z } from 'zod';
import { evaluationReportSchema, groupKinds, metricsSchema, operatingPointSchema } from './metrics.ts';
import { networkSchema } from './network.ts';

export const engineNames = ['compiled', 'tensorflow'] as const;
export const providerNames = ['auto', 'cuda', 'dml', 'webgpu', 'cpu'] as const;

export const lossNames = ['auto', 'cross-entropy', 'focal', 'binary-cross-entropy', 'dice-cross-entropy'] as const;
export const scheduleNames = ['constant', 'cosine', 'step'] as const;
export const optimiserNames = ['sgd', 'adam', 'adamw'] as const;

/** Less noise than this promises nothing, and its ε is beyond what the series of the accountant can reckon. */
export const leastNoiseMultiplier = 1e-3;

/** DP-SGD (Abadi et al., arXiv 1607.00133) with a budget that ends the run. */
export const privacySettingsSchema = z.object({
  /** Standard deviation of the noise = noiseMultiplier × clipNorm, on the sum of the clipped gradients. */
  noiseMultiplier: z.number().min(leastNoiseMultiplier).max(1_000),
  /** Each example's gradient is scaled to at most this global norm. */
  clipNorm: z.number().positive().max(1_000),
  /** δ of the (ε, δ) promise. */
  delta: z.number().positive().lt(1),
  /** Training ends before ε would exceed this. */
  maxEpsilon: z.number().positive().max(1_000),
});
export type PrivacySettings = z.infer<typeof privacySettingsSchema>;

/** What a training with a privacy promise has spent so far. */
export const privacyMeterSchema = z.object({
  /** (ε, δ) of every step that may have been released, those that a crash threw away included. */
  epsilon: z.number().min(0),
  delta: z.number(),
  /** Rényi order at which ε is smallest. */
  order: z.number(),
  /** ε at which the run ends. */
  budget: z.number(),
  /** Probability with which each image is in a batch. */
  sampleRate: z.number(),
  noiseMultiplier: z.number(),
  steps: z.number().int(),
  /** The run ends before it makes more. */
  mostSteps: z.number().int(),
});
export type PrivacyMeter = z.infer<typeof privacyMeterSchema>;

export const hyperParametersSchema = z.object({
  epochs: z.number().int().min(1).max(10_000).default(10),
  batchSize: z.number().int().min(1).max(4_096).default(16),
  optimiser: z.enum(optimiserNames).default('adam'),
  learningRate: z.number().positive().max(10).default(1e-3),
  momentum: z.number().min(0).lt(1).default(0.9),
  weightDecay: z.number().min(0).max(1).default(0),
  schedule: z.enum(scheduleNames).default('cosine'),
  /** Steps over which the learning rate first rises, linearly, to its full value. */
  warmupSteps: z.number().int().min(0).max(1_000_000).default(0),
  /** With `step`: after every so many epochs the learning rate is multiplied by `stepFactor`. */
  stepEpochs: z.number().int().min(1).max(10_000).default(10),
  stepFactor: z.number().positive().lt(1).default(0.1),
  /** `auto` by the network's task: cross-entropy, binary cross-entropy, Dice and cross-entropy. */
  loss: z.enum(lossNames).default('auto'),
  /** Exponent γ of the focal loss (Lin et al., arXiv 1708.02002); 0 is cross-entropy. */
  focalGamma: z.number().min(0).max(10).default(2),
  /** Gradients are scaled to at most this global norm; 0 leaves them. */
  clipNorm: z.number().min(0).max(1_000_000).default(0),
  /** Ends the run after so many epochs without a lower validation loss; 0 never does. */
  patience: z.number().int().min(0).max(10_000).default(0),
  /**
   * Weighs classes by the inverse of their frequency in the training split: of several labels the positives of each, of masks
   * pixels where the loss has no Dice of its own to do it.
   */
  balanceClasses: z.boolean().default(true),
  /** By class name, in the place of what `balanceClasses` would give it; a class that is not named weighs 1. Null: none are given. */
  classWeights: z.record(z.string().max(100), z.number().positive().max(1_000)).nullable().default(null),
  labelSmoothing: z.number().min(0).max(0.5).default(0),
  /** Random flips, shifts and intensity changes of each training image, from the run's seed. */
  augment: z.boolean().default(true),
  /** FedProx: strength μ of the pull towards the initial weights (arXiv 1812.06127); 0 turns it off. */
  proximalStrength: z.number().min(0).max(10).default(0),
  /** Trains with a privacy promise; null without. */
  privacy: privacySettingsSchema.nullable().default(null),
});
export type HyperParameters = z.infer<typeof hyperParametersSchema>;

export const splitNames = ['train', 'validation', 'test'] as const;
export type SplitName = (typeof splitNames)[number];

/** One training run, complete: the same specification on the same data set gives the same weights on the CPU. */
export const trainJobSchema = z.object({
  job: z.literal('train'),
  /** Folder for checkpoints and the resulting weights; a run found half-done here is resumed. */
  runFolder: z.string(),
  datasetFile: z.string(),
  network: networkSchema,
  hyperParameters: hyperParametersSchema,
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 32 - 1),
  engine: z.enum(engineNames).default('compiled'),
  provider: z.enum(providerNames).default('auto'),
  threads: z.number().int().min(1).max(64).default(2),
  /** Takes fewer images per step than `batchSize` where the memory is short. */
  fitMemory: z.boolean().default(false),
  /** Starts from these weights (the trunk) instead of the seeded initialisation. */
  initialWeightsFile: z.string().nullable().default(null),
  /**
   * SCAFFOLD (arXiv 1910.06378): tensor files of this site's control variate cᵢ and of the trunk's c, by the names of weights; what a
   * file lacks is 0, and so is all of it where there is none. Null without.
   */
  controlVariates: z
    .object({ siteFile: z.string().nullable(), trunkFile: z.string().nullable() })
    .nullable()
    .default(null),
  /** Whether to measure the validation split after each epoch and the test split at the end. */
  evaluate: z.boolean().default(true),
  /** Sleeps this share of the time between steps: 0 none, 0.9 makes a machine ten times slower. */
  idleShare: z.number().min(0).max(0.99).default(0),
  /** With a privacy promise: the steps that the site's budget still allows on these images; null sets no limit. */
  mostPrivateSteps: z.number().int().min(0).nullable().default(null),
});
export type TrainJob = z.infer<typeof trainJobSchema>;
/** A job as its giver writes it: what is left out takes the schema's default. */
export type TrainOrder = z.input<typeof trainJobSchema>;

/** Models in one ensemble: as many as a bench holds, and more. */
export const mostVoters = 200;

export const evaluateJobSchema = z.object({
  job: z.literal('evaluate'),
  datasetFile: z.string(),
  network: networkSchema,
  weightsFile: z.string(),
  split: z.enum(splitNames),
  engine: z.enum(engineNames).default('compiled'),
  provider: z.enum(providerNames).default('auto'),
  threads: z.number().int().min(1).max(64).default(2),
  /** Thresholds chosen on other images, to be measured on these. */
  operatingPoint: operatingPointSchema.nullable().default(null),
  /** The model’s own, where the data set is not the one that it was trained on. */
  normalisation: z.object({ mean: z.number(), standardDeviation: z.number().positive() }).nullable().default(null),
  /** Models that vote with this one (the mean of their probabilities), each on the same images as it sees them; none for a model alone. */
  others: z
    .array(
      z.object({
        datasetFile: z.string(),
        network: networkSchema,
        weightsFile: z.string(),
        normalisation: z.object({ mean: z.number(), standardDeviation: z.number().positive() }),
      }),
    )
    .max(mostVoters - 1)
    .default([]),
  /** Whether curves, reliability and groups are wanted too. */
  isExplained: z.boolean().default(false),
  /** Which group each patient of the data set belongs to, by his number; −1 unknown. */
  groups: z
    .array(
      z.object({
        by: z.enum(groupKinds),
        names: z.array(z.string().max(200)).max(1_000),
        groupOf: z.instanceof(Int32Array),
      }),
    )
    .max(10)
    .default([]),
});
export type EvaluateJob = z.infer<typeof evaluateJobSchema>;
/** An evaluation's order: what has a default may be left out. */
export type EvaluateOrder = z.input<typeof evaluateJobSchema>;

export const epochSchema = z.object({
  epoch: z.number().int(),
  loss: z.number(),
  validation: metricsSchema.nullable(),
});
export type Epoch = z.infer<typeof epochSchema>;

/** What ended a run: all epochs done, no lower validation loss for `patience` epochs, the privacy budget, or an order. */
export const endingNames = ['all-epochs', 'patience', 'budget', 'stopped'] as const;

export const trainOutcomeSchema = z.object({
  epochs: z.array(epochSchema),
  test: metricsSchema.nullable(),
  weightsFile: z.string(),
  /** The site's next control variate; null where the job had none. */
  controlVariateFile: z.string().nullable().default(null),
  /** Training examples in one epoch. */
  examples: z.number().int(),
  steps: z.number().int(),
  seconds: z.number(),
  imagesPerSecond: z.number(),
  engine: z.enum(engineNames),
  provider: z.string(),
  /** Ended by an order; it can go on from its checkpoint. */
  stoppedEarly: z.boolean(),
  ending: z.enum(endingNames).default('all-epochs'),
  /** Images of a step: what was asked for, or fewer where memory was short. */
  batchSize: z.number().int().nullable().default(null),
  /** The epoch (from 1) whose weights these are; null when none was validated. */
  bestEpoch: z.number().int().nullable().default(null),
  /** Null without a privacy promise. */
  privacy: privacyMeterSchema.nullable().default(null),
  /** Thresholds chosen on that epoch's validation images. */
  operatingPoint: operatingPointSchema.nullable().default(null),
});
export type TrainOutcome = z.infer<typeof trainOutcomeSchema>;

/** Probabilities of one split, row-major [examples, classes], in the data set's order. */
export const evaluationSchema = z.object({
  metrics: metricsSchema,
  /** Where it was asked for. */
  report: evaluationReportSchema.nullable().default(null),
  /** Of each voter alone, in the order of the job; empty for a model alone. */
  votes: z.array(metricsSchema).default([]),
  /** Empty for a segmentation. */
  probabilities: z.instanceof(Float32Array),
  /** Class of each example; for multi-label 0 or 1, row-major [examples, classes]; empty for a segmentation. */
  labels: z.union([z.instanceof(Int32Array), z.instanceof(Uint8Array)]),
  patients: z.instanceof(Int32Array),
});
export type Evaluation = z.infer<typeof evaluationSchema>;

export const trainProgressSchema = z.object({
  epoch: z.number().int(),
  epochs: z.number().int(),
  step: z.number().int(),
  steps: z.number().int(),
  loss: z.number(),
  /** [step, loss] of each step since the report before. */
  losses: z
    .array(z.tuple([z.number().int(), z.number()]))
    .max(1_000)
    .default([]),
  /** Over the last ten seconds or so. */
  imagesPerSecond: z.number(),
  /** Validation included. */
  secondsLeft: z.number().nullable(),
  /** Resident memory of the trainer's process. */
  memoryBytes: z.number().int(),
  device: z.string(),
  /** Share of the training time in which the engine waited for images, 0 … 1. */
  dataWaitShare: z.number().min(0).max(1).default(0),
  learningRate: z.number().default(0),
  /** `waiting`: held back by the workstation's rules, and goes on by itself. */
  state: z.enum(['preparing', 'training', 'paused', 'waiting', 'evaluating']),
  /** Why it waits, for a person. */
  waitsFor: z.string().nullable().default(null),
  /** How far measuring has come, where it takes more than a moment; null while it does not measure. */
  measured: z.object({ images: z.number().int(), of: z.number().int() }).nullable().default(null),
  privacy: privacyMeterSchema.nullable().default(null),
});
export type TrainProgress = z.infer<typeof trainProgressSchema>;
