// What is measured of a model's predictions, and what a person looks at to judge them: figures, curves and groups.
import { z } from 'zod';
import { taskNames } from './network.ts';

/** A value with its 95 % confidence interval; null where it cannot be computed (for example one class only). */
export const estimateSchema = z.object({ value: z.number(), low: z.number(), high: z.number() }).nullable();
export type Estimate = z.infer<typeof estimateSchema>;

const share = z.number().min(0).max(1);

/**
 * From which probability on a class is called present, and how that was chosen: by Youden's index (largest sensitivity
 * + specificity − 1), or the highest threshold that reaches a sensitivity. Chosen on validation images, never on those tested.
 */
export const operatingPointSchema = z.object({
  rule: z.union([z.literal('youden'), z.object({ sensitivity: share })]),
  /** By class; null where the images that it was chosen on had no positives or no negatives. */
  thresholds: z.array(z.number().nullable()).max(1_000),
});
export type OperatingPoint = z.infer<typeof operatingPointSchema>;
export type OperatingRule = OperatingPoint['rule'];

export const classMetricsSchema = z.object({
  name: z.string(),
  /** Images (of a segmentation: pixels) that truly belong to the class. */
  examples: z.number().int(),
  /** At the plain decision: the most probable class, or for multi-label a probability of at least one half. */
  sensitivity: z.number().nullable(),
  specificity: z.number().nullable(),
  auc: z.number().nullable(),
  averagePrecision: z.number().nullable().default(null),
  f1: z.number().nullable().default(null),
  /** Segmentation: mean over patients. */
  dice: z.number().nullable().default(null),
  hausdorff95: z.number().nullable().default(null),
  /** The threshold that Youden's index chooses on these very images: to be carried to others. */
  youdenThreshold: z.number().nullable().default(null),
  /** At a threshold that was chosen on other images. */
  atThreshold: z
    .object({ threshold: z.number(), sensitivity: estimateSchema, specificity: estimateSchema })
    .nullable()
    .default(null),
});
export type ClassMetrics = z.infer<typeof classMetricsSchema>;

export const metricsSchema = z.object({
  task: z.enum(taskNames).default('classification'),
  examples: z.number().int(),
  patients: z.number().int(),
  /** Mean negative log likelihood; of a segmentation per labelled pixel. */
  loss: z.number(),
  /** Share of right answers: images, labels of images (multi-label) or labelled pixels. */
  accuracy: estimateSchema,
  /** Area under the ROC curve: DeLong interval for two classes, macro one-vs-rest with bootstrap over patients beyond; Newcombe's where these have no width. */
  auc: estimateSchema,
  /** Mean of the per-class sensitivities; for multi-label the mean of sensitivity and specificity of all labels. */
  balancedAccuracy: z.number(),
  /** Expected calibration error, 15 bins of the top class's (multi-label: each label's) probability. */
  calibrationError: z.number(),
  /** Means over the classes that have them; for two classes those of the second, as for AUC. */
  averagePrecision: z.number().nullable().default(null),
  f1: z.number().nullable().default(null),
  /** Segmentation, without the background: means over patients with a bootstrap over them. */
  dice: estimateSchema.default(null),
  /** 95th percentile of the distances between the surfaces, of each patient. */
  hausdorff95: estimateSchema.default(null),
  /** `mm` of the patient's volume where its geometry is known, else pixels of the single images. */
  hausdorffUnit: z.enum(['mm', 'px']).nullable().default(null),
  /** Patients for each of whose structures there is a distance. One that was missed altogether, or called where there is none, has
   * no distance: the other patients count by what they have. */
  hausdorffPatients: z.number().int().nullable().default(null),
  perClass: z.array(classMetricsSchema),
  /** Rows are true classes, columns predicted; empty for multi-label, where each label is its own question. */
  confusion: z.array(z.array(z.number().int())),
});
export type Metrics = z.infer<typeof metricsSchema>;

/** One bin of a reliability plot: what was promised and what came true. */
export const reliabilityBinSchema = z.object({
  low: z.number(),
  high: z.number(),
  examples: z.number().int(),
  meanProbability: z.number(),
  shareRight: z.number(),
});
export type ReliabilityBin = z.infer<typeof reliabilityBinSchema>;

/** Curves of one class against the rest, thinned to at most 200 points each. */
export const classCurvesSchema = z.object({
  name: z.string(),
  /** [1 − specificity, sensitivity] from (0, 0) to (1, 1). */
  roc: z.array(z.tuple([z.number(), z.number()])).max(200),
  /** [recall, precision] by rising recall. */
  precisionRecall: z.array(z.tuple([z.number(), z.number()])).max(200),
});

/** What examples are grouped by. The station knows it from its library; it is no part of a data set. */
export const groupKinds = ['scanner', 'sex', 'age'] as const;
export type GroupKind = (typeof groupKinds)[number];

export const groupMetricsSchema = z.object({
  by: z.enum(groupKinds),
  name: z.string().max(200),
  examples: z.number().int(),
  patients: z.number().int(),
  accuracy: estimateSchema,
  auc: estimateSchema,
  balancedAccuracy: z.number(),
  f1: z.number().nullable(),
  dice: estimateSchema,
});
export type GroupMetrics = z.infer<typeof groupMetricsSchema>;

/** Everything that is shown of one evaluation. */
export const evaluationReportSchema = z.object({
  metrics: metricsSchema,
  curves: z.array(classCurvesSchema).max(1_000),
  reliability: z.array(reliabilityBinSchema).max(100),
  groups: z.array(groupMetricsSchema).max(1_000),
});
export type EvaluationReport = z.infer<typeof evaluationReportSchema>;
