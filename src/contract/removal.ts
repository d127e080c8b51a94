// Studies, series and patients taken out of the library again. The contract's part for it; federation code may not import it.
import { z } from 'zod';

const count = z.number().int();

/** What is to go: all that one of the lists names. */
const removalSchema = z.object({
  /** Study or Series Instance UIDs. */
  uids: z
    .array(z.string().regex(/^[0-9][0-9.]{0,63}$/))
    .max(1_000_000)
    .default([]),
  /** PatientIDs as in the study list; a study's UID where its files have none. */
  patientIDs: z.array(z.string().min(1).max(200)).max(100_000).default([]),
});
export type RemovalRequest = z.infer<typeof removalSchema>;

const goingSchema = z.object({
  /** Of which nothing is left. */
  studies: count,
  series: count,
  instances: count,
  /** Of `instances`, those whose files are the library's own: they are deleted. The others lie where they were imported from and stay. */
  copies: count,
  copyBytes: z.number(),
});

export const removalPlanSchema = goingSchema.extend({
  /** Asked for, and not in the library. */
  unknown: z.array(z.string()),
  measurements: count,
  labels: count,
  /** Cohorts whose newest version has images or masks among what goes. They stay as they are. */
  cohorts: z.array(z.object({ name: z.string(), images: count })),
  /** Training that uses such a cohort now, as a sentence names it: nothing is removed before it has ended. */
  usedBy: z.array(z.string()),
});
export type RemovalPlan = z.infer<typeof removalPlanSchema>;

export const removalReportSchema = goingSchema.extend({
  /** It was cancelled: the studies that were gone by then are gone. */
  cancelled: z.boolean(),
});
export type RemovalReport = z.infer<typeof removalReportSchema>;

export const removalCalls = {
  /** What a removal would take; nothing is changed. */
  'plan-removal': { in: removalSchema, out: removalPlanSchema },
  /** Cannot be undone. Progress comes as `removal-progress`; one that is abandoned ends between two studies. */
  'remove-studies': { in: removalSchema, out: removalReportSchema },
} as const;

export const removalEvents = {
  /** Instances. */
  'removal-progress': z.object({ done: count, total: count }),
} as const;
