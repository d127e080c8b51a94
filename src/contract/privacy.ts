// What training with a privacy promise has cost, as the data manager sees it. Names no patient.
import { z } from 'zod';
import { cohortNameSchema } from './cohort.ts';
import { membershipSchema } from './federation.ts';
import { leakProbeViewSchema } from './leak-finding.ts';
import { leakProbeSchema } from './leak-probe.ts';
import { hyperParametersSchema, privacySettingsSchema } from './training.ts';

const nothing = z.object({});

/** The most that any one image of this site may cost, over all runs and projects. A patient with k images has about k times that. */
export const privacyBudgetSchema = z.object({
  epsilon: z.number().positive().max(1_000),
  delta: z.number().positive().lt(1),
});
export type PrivacyBudget = z.infer<typeof privacyBudgetSchema>;

export const privacyCostSchema = z.object({
  /** What trained: a run or a project. */
  id: z.string(),
  cohort: z.string(),
  network: z.string(),
  /** `run` in this station, `project` of a federation. */
  kind: z.enum(['run', 'project']),
  startedAt: z.string(),
  sampleRate: z.number(),
  noiseMultiplier: z.number(),
  steps: z.number().int(),
  /** By itself, at the budget's δ. */
  epsilon: z.number(),
  /** Still training: counted with all the steps that it may make. */
  isOpen: z.boolean(),
});
export type PrivacyCost = z.infer<typeof privacyCostSchema>;

/** True and found pictures of an attack, in Base64, the likest pair first. */
const leakPicturesSchema = leakProbeSchema.pick({ height: true, width: true }).extend({
  pairs: z.array(leakProbeSchema.shape.pairs.element.extend({ truth: z.string(), guess: z.string() })),
});

export const privacyCalls = {
  /** Spent per cohort: for one image of the patient of it who was trained on most, over every training that the patient was in. */
  'privacy-report': {
    in: nothing,
    out: z.object({
      budget: privacyBudgetSchema,
      cohorts: z.array(
        z.object({
          cohort: z.string(),
          /** For one image. */
          epsilon: z.number(),
          /** The most training images that one patient has: such a patient has about so many times the ε. */
          mostImages: z.number().int(),
          costs: z.array(privacyCostSchema),
        }),
      ),
    }),
  },
  'set-privacy-budget': { in: privacyBudgetSchema, out: privacyBudgetSchema },
  /**
   * How far the project's ε and this site's budget go with the cohort, in a sentence for whoever approves; null of a project without a
   * promise, and of a site that does not train. Faults 690 and 693 where they are not enough for one update.
   */
  'project-privacy': {
    in: z.object({ federation: z.string(), cohort: cohortNameSchema }),
    out: z.object({ sentence: z.string().nullable() }),
  },
  /** The settings with which a training on the cohort stays within ε: how much noise it takes. */
  'privacy-settings': {
    in: z.object({
      cohort: cohortNameSchema,
      epsilon: z.number().positive().max(1_000),
      /** Null: a tenth of 1 / training images, at most 1e-5. */
      delta: z.number().positive().lt(1).nullable().default(null),
      clipNorm: z.number().positive().max(1_000).default(1),
      hyperParameters: hyperParametersSchema.pick({ epochs: true, batchSize: true }).partial().default({}),
    }),
    out: z.object({ privacy: privacySettingsSchema, sampleRate: z.number(), steps: z.number().int() }),
  },
  /** Attacks the site's own next gradient and answers what it found. Resolves when it has ended, at the latest after `maxSeconds`. */
  'leak-probe': {
    in: z.object({
      cohort: cohortNameSchema,
      /** Of a bundled network, where neither model nor federation names one. */
      network: z.string().max(64).default('cnn-small'),
      /** A network of one's own in its place (docs/networks.md). */
      networkFile: z.string().min(1).max(4_096).nullable().default(null),
      /** The federation whose project's next update is meant; its trunk, network, loss and privacy settings are taken. */
      federation: z.string().nullable().default(null),
      model: z.string().max(64).nullable().default(null),
      /** Images behind the gradient. Null: 1; of a project its batch size, at most 16. */
      batch: z.number().int().min(1).max(64).nullable().default(null),
      privacy: privacySettingsSchema.nullable().default(null),
      hyperParameters: hyperParametersSchema.partial().default({}),
      iterations: z.number().int().min(1).max(20_000).default(600),
      maxSeconds: z.number().min(1).max(3_600).default(60),
    }),
    out: leakProbeSchema.extend({
      network: z.string(),
      /** What it means, for a person. */
      sentence: z.string(),
      pairs: leakPicturesSchema.shape.pairs,
    }),
  },
  /** What the probe found that the station ran by itself under a project's approval. Null before it was run. */
  'kept-leak-probe': {
    in: z.object({ federation: z.string() }),
    out: z.object({
      finding: leakProbeViewSchema.nullable(),
      /** Null where there are none, or where they were removed with a patient or a cohort. */
      pictures: leakPicturesSchema.nullable(),
    }),
  },
  /** A person has looked: the project's updates are sent although an image could be recognised in one. */
  'accept-leak': {
    /** `isBeforehand`: it was said before there was a finding to look at. */
    in: z.object({ federation: z.string(), isBeforehand: z.boolean().default(false) }),
    out: membershipSchema,
  },
  /** Runs the project's probe once more. */
  'probe-again': { in: z.object({ federation: z.string() }), out: membershipSchema },
} as const;

export type LeakPictures = z.infer<typeof leakPicturesSchema>;
