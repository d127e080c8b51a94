// A cohort: the studies that a site chose for training, with labels and a patient-level split.
// Like dicom.ts, it names patients' objects, so federation code may not import it.
import { z } from 'zod';
import { taskNames } from './network.ts';
import { studyFiltersSchema } from './study-filter.ts';
import { splitNames } from './training.ts';

export const cohortNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/, 'use letters, digits, spaces, . _ - (at most 64)');

/** Where labels that are stored with studies came from: an import, or objects that describe other images. */
export const labelOrigins = ['import', 'SEG', 'RTSTRUCT', 'SR'] as const;
export type LabelOrigin = (typeof labelOrigins)[number];

/** What is gone through while a cohort is made, one after the other: with labels all but `masks`, of a segmentation all but `label`. */
export const cohortStages = ['choose', 'label', 'masks', 'divide', 'keep'] as const;
export type CohortStage = (typeof cohortStages)[number];

export const cohortProgressSchema = z.object({
  stage: z.enum(cohortStages),
  done: z.number().int(),
  /** Null where it is not known before. */
  total: z.number().int().nullable(),
});
export type CohortProgress = z.infer<typeof cohortProgressSchema>;

export function cohortProgressWords({ stage, done, total }: CohortProgress): string {
  const [some, all] = [done, total ?? done].map((number) => number.toLocaleString('en'));
  switch (stage) {
    case 'choose':
      return `Chose ${some} ${done === 1 ? 'image' : 'images'}`;
    case 'label':
      return `Read ${some} of ${all} ${total === 1 ? 'label' : 'labels'}`;
    case 'masks':
      return `Looked at the masks of ${some} of ${all} ${total === 1 ? 'image' : 'images'}`;
    case 'divide':
      return 'Divides the patients';
    case 'keep':
      return `Keeps ${some} of ${all} ${total === 1 ? 'image' : 'images'}`;
  }
}

export const cohortSchema = z.object({
  name: cohortNameSchema,
  task: z.enum(taskNames).default('classification'),
  version: z.number().int(),
  /** SHA-256 (hex) over the ordered items, labels and split of this version. */
  hash: z.string(),
  createdAt: z.string(),
  query: z.string(),
  /** The filters that it was made with, beside `query`. */
  filters: studyFiltersSchema.optional(),
  /** Images that take part: instances, and of a segmentation slices. */
  instances: z.number().int(),
  patients: z.number().int(),
  studies: z.number().int(),
  /** By class the images that have it. Of several labels, and of a segmentation, one image may have many or none. */
  classes: z.array(z.object({ name: z.string(), instances: z.number().int(), patients: z.number().int() })),
  split: z.record(z.enum(splitNames), z.object({ instances: z.number().int(), patients: z.number().int() })),
  modalities: z.array(z.string()),
  /** Instances that matched but carry no label: kept out of training. */
  unlabelled: z.number().int(),
  /** What a person should know before training: tiny classes, a patient with two labels, unmatched label rows. */
  warnings: z.array(z.string()),
});
export type Cohort = z.infer<typeof cohortSchema>;
