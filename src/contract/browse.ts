// What the study browser asks beside the list itself: patients for the tree, distributions for the dashboard, kept
// searches, and the list's layout. Names patients, so federation code may not import it.
import { z } from 'zod';
import { studyQuerySchema, studySortKeys } from './dicom.ts';
import { studyFilterSchema, studyFiltersSchema } from './study-filter.ts';

const nothing = z.object({});

export const patientRowSchema = z.object({
  /** The patient's number in this library, for the filter `patient`. */
  patient: z.number().int(),
  patientID: z.string(),
  patientName: z.string(),
  patientBirthDate: z.string(),
  patientSex: z.string(),
  /** Of the studies that the search finds: how many, their instances, images and frames, and the date of the newest. */
  studies: z.number().int(),
  instances: z.number().int(),
  images: z.number().int(),
  frames: z.number().int(),
  lastStudyDate: z.string(),
});
export type PatientRow = z.infer<typeof patientRowSchema>;

export const distributionFields = [
  'modality',
  'bodyPartExamined',
  'manufacturer',
  'manufacturerModelName',
  'studyDate',
  'patientAgeYears',
  'patientSex',
  'sliceThicknessMm',
  'instances',
  'transferSyntaxUID',
  'label',
] as const;

/** The label of the bar of studies without a value: a category's or a chart's last. */
export const notStated = 'not stated';

export const distributionSchema = z.object({
  field: z.enum(distributionFields),
  /** Categories come with the most frequent first, ranges in order, empty ones between them included. */
  kind: z.enum(['categories', 'ranges']),
  bars: z.array(
    z.object({
      label: z.string(),
      /** A study with two modalities counts for both. */
      studies: z.number().int(),
      /** What to add to the search for these studies alone; null where no filter says it. */
      filter: studyFilterSchema.nullable(),
    }),
  ),
});
export type Distribution = z.infer<typeof distributionSchema>;

export const distributionsSchema = z.object({
  patients: z.number().int(),
  studies: z.number().int(),
  series: z.number().int(),
  instances: z.number().int(),
  images: z.number().int(),
  fileBytes: z.number(),
  distributions: z.array(distributionSchema),
});
export type Distributions = z.infer<typeof distributionsSchema>;

const searchName = z.string().trim().min(1, 'a search needs a name').max(80);
export const studySearchSchema = studyQuerySchema.omit({ limit: true, offset: true });
export type StudySearchState = z.infer<typeof studySearchSchema>;
export const savedSearchSchema = studySearchSchema.extend({ name: searchName });
export type SavedSearch = z.infer<typeof savedSearchSchema>;

/** Columns of the study list; those that sort have the sort key's name. */
export const studyColumns = [
  'patientName',
  'patientID',
  'patientBirthDate',
  'patientSex',
  'patientAgeYears',
  'studyDate',
  'studyTime',
  'institutionName',
  'description',
  'modalities',
  'bodyParts',
  'manufacturers',
  'manufacturerModelNames',
  'sliceThicknessesMm',
  'accessionNumber',
  'series',
  'instances',
  'importedMs',
] as const satisfies readonly (typeof studySortKeys)[number][];
export type StudyColumn = (typeof studyColumns)[number];

export const studyLayoutSchema = z.object({
  /** Shown columns in order, with their widths in CSS pixels. */
  columns: z
    .array(z.object({ column: z.enum(studyColumns), widthPx: z.number().min(40).max(1_200) }))
    .min(1)
    .max(studyColumns.length),
  density: z.enum(['comfortable', 'compact']),
  view: z.enum(['list', 'tree', 'dashboard']),
  hasSidebar: z.boolean(),
  hasPreview: z.boolean(),
});
export type StudyLayout = z.infer<typeof studyLayoutSchema>;

export const browseCalls = {
  /** Patients of the studies that a search finds, each where its first study stands in the list. */
  patients: { in: studyQuerySchema, out: z.object({ total: z.number().int(), patients: z.array(patientRowSchema) }) },
  distributions: {
    in: z.object({ query: z.string().max(500).default(''), filters: studyFiltersSchema.default([]) }),
    out: distributionsSchema,
  },
  /** In order of their names, each with the number of studies that it finds now. */
  'saved-searches': {
    in: nothing,
    out: z.object({ searches: z.array(savedSearchSchema.extend({ studies: z.number().int() })) }),
  },
  /** Keeps a search, in place of one of the same name. */
  'save-search': { in: savedSearchSchema, out: nothing },
  'rename-search': { in: z.object({ name: searchName, newName: searchName }), out: nothing },
  'delete-search': { in: z.object({ name: searchName }), out: nothing },
  /** Null before it was kept the first time. */
  'study-layout': { in: nothing, out: z.object({ layout: studyLayoutSchema.nullable() }) },
  'keep-study-layout': { in: studyLayoutSchema, out: nothing },
} as const;
