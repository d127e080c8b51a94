// Labels that are read out of objects of the library: segmentations, structure sets, structured reports.
import { z } from 'zod';

export const labelSources = ['SEG', 'RTSTRUCT', 'SR'] as const;
export type LabelSource = (typeof labelSources)[number];

const counted = z.array(z.object({ label: z.string(), count: z.number().int() }));

export const labelReportSchema = z.object({
  /** Objects found, and those that could be read. */
  objects: z.number().int(),
  read: z.number().int(),
  refused: z.array(z.object({ sopInstanceUID: z.string(), reason: z.string() })),
  /** What gave no label although it was asked for: regions of one object and one reason together; `count` 0 for a whole report. */
  unlabelled: z.array(
    z.object({
      sopInstanceUID: z.string(),
      /** The first fifty of `count`. */
      regions: z.array(z.string()),
      count: z.number().int(),
      reason: z.string(),
    }),
  ),
  /** How many of these there are, also beyond the thousand that are told. */
  unlabelledCount: z.number().int(),
  /** How many instances or series have which label now. */
  labels: counted,
  saved: z.number().int(),
  /** Of a labelled instance or series that is not in the library (yet): the label waits for it. */
  notHere: z.number().int(),
  /** What the objects offer: segment or ROI labels, for reports `concept: value`. */
  offered: counted,
});
export type LabelReport = z.infer<typeof labelReportSchema>;

/** Objects read of those found, while labels are read. */
export const labelProgressSchema = z.object({ done: z.number().int(), found: z.number().int() });
export type LabelProgress = z.infer<typeof labelProgressSchema>;

export const labelSourceCalls = {
  /**
   * Replaces the labels of this origin. Nothing changes where no object gives one, or where the order is abandoned. One reading at
   * a time; progress arrives as `labels-progress`.
   */
  'read-labels': {
    in: z.object({
      origin: z.enum(labelSources),
      /** Objects of the studies that match, as in the study list. */
      query: z.string().max(500).default(''),
      /** Label each image, or the whole series. */
      level: z.enum(['instance', 'series']).default('instance'),
      /** Only this segment or ROI; for reports the concept whose value is the label. Null: all, joined; the finding. */
      choice: z.string().max(200).nullable().default(null),
      /** The label of what a referenced series holds besides; null gives it none. */
      negative: z.string().min(1).max(200).nullable().default(null),
      /** Labels as they are written to labels as they are wanted; empty leaves it out. Others stay as they are. */
      map: z
        .array(z.object({ from: z.string().max(400), to: z.string().max(200) }))
        .max(10_000)
        .default([]),
    }),
    out: labelReportSchema,
  },
} as const;
