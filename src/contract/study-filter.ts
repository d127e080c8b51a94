// Structured filters of the study list. A study is found where all of a search's filters hold. Like dicom.ts, filters can
// name patients' objects, so federation code may not import this file.
import { z } from 'zod';

const uid = z.string().regex(/^[0-9.]{1,64}$/);
/** One of these; the empty string is "not stated". A value is as long as what a file holds: a label may join the names of sixty segments. */
const anyOf = z.array(z.string().max(10_000)).min(1).max(200);
/** Both ends belong to the range; null leaves an end open. */
const range = { min: z.number().nullable().default(null), max: z.number().nullable().default(null) };
const day = z.string().regex(/^\d{8}$/, 'a date is written YYYYMMDD');
const days = z.number().int().min(1).max(100_000);

export const studyFilterSchema = z.discriminatedUnion('field', [
  // Of series: where several are given, one and the same series has to fulfil them all.
  z.object({ field: z.literal('modality'), anyOf }),
  z.object({ field: z.literal('bodyPartExamined'), anyOf }),
  z.object({ field: z.literal('manufacturer'), anyOf }),
  z.object({ field: z.literal('manufacturerModelName'), anyOf }),
  z.object({ field: z.literal('sliceThicknessMm'), ...range }),
  // Of studies.
  z.object({
    field: z.literal('studyDate'),
    from: day.nullable().default(null),
    to: day.nullable().default(null),
    /** The last so many days, today included; instead of from and to. */
    lastDays: days.nullable().default(null),
  }),
  z.object({ field: z.literal('patientSex'), anyOf }),
  z.object({ field: z.literal('patientAgeYears'), ...range }),
  /** StudyDescription; upper and lower case of ASCII letters are alike. */
  z.object({ field: z.literal('description'), contains: z.string().min(1).max(200) }),
  /** How many images. */
  z.object({ field: z.literal('instances'), ...range }),
  /** When the newest series of the study came into the library. */
  z.object({
    field: z.literal('imported'),
    from: day.nullable().default(null),
    lastDays: days.nullable().default(null),
  }),
  z.object({ field: z.literal('transferSyntaxUID'), anyOf }),
  /** Whether the study, one of its series or of its instances has a label. */
  z.object({ field: z.literal('labels'), has: z.boolean() }),
  z.object({ field: z.literal('label'), anyOf }),
  /** Whether any import's validation report found something amiss in the study. */
  z.object({ field: z.literal('findings'), has: z.boolean() }),
  /** Patients' numbers from the call `patients`; they mean nothing outside this library. */
  z.object({ field: z.literal('patient'), patients: z.array(z.number().int()).max(100_000) }),
  /** Studies of the newest version of a cohort. */
  z.object({ field: z.literal('cohort'), name: z.string().max(64) }),
  /** Chosen studies, or all but them. */
  z.object({
    field: z.literal('studyInstanceUID'),
    anyOf: z.array(uid).max(100_000),
    isExcluded: z.boolean().default(false),
  }),
]);
export type StudyFilter = z.infer<typeof studyFilterSchema>;
export type StudyFilterField = StudyFilter['field'];
export type StudyFilterInput = z.input<typeof studyFilterSchema>;

export const studyFiltersSchema = z.array(studyFilterSchema).max(50);
