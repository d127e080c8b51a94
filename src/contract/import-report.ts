// What an import found amiss: kept with the import, told in sentences. Federation code may not import this file.
import { z } from 'zod';

/** A `problem` makes images unusable for some purpose, a `warning` may, a `note` is for a person to look at. */
export type FindingWeight = 'problem' | 'warning' | 'note';

export interface FindingWords {
  readonly title: string;
  readonly weight: FindingWeight;
  /** What a person can do about it. */
  readonly advice: string;
}

/** The kinds of findings, in the order in which a report lists them. */
export const findingWords = {
  unreadable: {
    title: 'Unreadable files',
    weight: 'problem',
    advice: 'Export these files again from where they came from, then import the folder once more.',
  },
  'missing-files': {
    title: 'Files that a disc should have',
    weight: 'problem',
    advice:
      'A DICOMDIR is the index of a disc, and no image. It lists files that are not beside it: copy the whole disc, folders and all, and import that.',
  },
  'different-content': {
    title: 'One SOP Instance UID, different contents',
    weight: 'problem',
    advice:
      'Two whole files claim to be the same image and differ. The first one stays in the library; find out which is right before either is used.',
  },
  damaged: {
    title: 'Damaged files, kept in part',
    weight: 'problem',
    advice: 'What could be read is in the library. Export these files again to have the rest.',
  },
  'unsupported-transfer-syntax': {
    title: 'Compression that cannot be decoded',
    weight: 'problem',
    advice: 'Headers can be searched, images cannot be shown or trained on. Export them in a lossless syntax.',
  },
  'missing-patient-id': {
    title: 'No PatientID',
    weight: 'problem',
    advice:
      'Each such study counts as a patient of its own, so one patient may end up in training and test at once. Give them a PatientID where they are exported.',
  },
  'missing-slices': {
    title: 'Missing slices',
    weight: 'problem',
    advice: 'Fetch the series again from its source. As it is, do not measure or train across the gap.',
  },
  'missing-attributes': {
    title: 'Missing attributes',
    weight: 'warning',
    advice: 'Without these, images may be shown wrongly, measured wrongly or left out of a cohort.',
  },
  'duplicate-slices': {
    title: 'Duplicate slices',
    weight: 'warning',
    advice:
      'Several images lie at one position and nothing in their headers tells them apart. Look at the series; remove what was sent twice.',
  },
  'uneven-spacing': {
    title: 'Uneven slice spacing',
    weight: 'warning',
    advice: 'Lengths and volumes across slices need each slice’s own position, not one spacing for all.',
  },
  'gantry-tilt': {
    title: 'Gantry tilt',
    weight: 'warning',
    advice: 'Slices are shifted against each other: stacking them without correction gives a sheared volume.',
  },
  'mixed-orientations': {
    title: 'Mixed orientations in one series',
    weight: 'warning',
    advice: 'Not one volume: leave the localiser out, or take each orientation by itself.',
  },
  'mixed-image-sizes': {
    title: 'Mixed image sizes in one series',
    weight: 'warning',
    advice: 'Not one volume: take the images of each size by themselves.',
  },
  'mixed-pixel-spacings': {
    title: 'Mixed pixel spacings in one series',
    weight: 'warning',
    advice: 'Not one volume: resample the images to one spacing, or take each by itself.',
  },
  'unfitting-rows': {
    title: 'Rows of the labels file that label nothing',
    weight: 'warning',
    advice:
      'Compare how these rows and the files are spelt, mend the labels file and import the same folder with it again.',
  },
  'unfitting-masks': {
    title: 'Masks that fit no image',
    weight: 'warning',
    advice:
      'They are volumes of their own, and no cohort takes them for masks. Mend them after their images, remove these studies and import both again.',
  },
  'burned-in-text': {
    title: 'Text may be burned into the pixels',
    weight: 'note',
    advice:
      'A suspicion from the header, no reading of the pixels. Look at these images before any leave the hospital.',
  },
  replaced: {
    title: 'Damaged copies replaced',
    weight: 'note',
    advice:
      'Nothing to do: the whole file is in the library now. What was built or measured of the damaged one is as it was.',
  },
  'found-again': {
    title: 'Lost files found again',
    weight: 'note',
    advice: 'Nothing to do: the library reads these images from their new place.',
  },
  unlabelled: {
    title: 'Images without a label',
    weight: 'note',
    advice:
      'A cohort of these labels leaves them out. Give them a row or a folder, and import again, where they should take part.',
  },
  'duplicate-files': {
    title: 'Files that are there twice',
    weight: 'note',
    advice: 'Nothing to do: each image is in the library once.',
  },
  'rounded-values': {
    title: 'Values that were rounded',
    weight: 'note',
    advice:
      'Pixels here have at most 16 bits. Where the steps or the voxels without a value matter, rescale the volume before it is imported.',
  },
  unturned: {
    title: 'Pictures that viewers turn',
    weight: 'note',
    advice:
      'They are shown and trained on as they were stored. Turn them in a picture program and import them again where that matters.',
  },
  'surplus-bytes': {
    title: 'Files longer than their data',
    weight: 'note',
    advice: 'The images are read without the rest. If the files should be smaller, export them again.',
  },
  'not-dicom': {
    title: 'Files that are not DICOM',
    weight: 'note',
    advice: 'Nothing to do, unless images are among them.',
  },
} as const satisfies Record<string, FindingWords>;
export type FindingKind = keyof typeof findingWords;
export const findingKinds = Object.keys(findingWords) as [FindingKind, ...FindingKind[]];

export const findingSchema = z.object({
  kind: z.enum(findingKinds),
  /** Null for a finding about a file that is in no study. */
  studyInstanceUID: z.string().nullable(),
  seriesInstanceUID: z.string().nullable(),
  /** What is meant, for a person: a series' number and description, or a file's path. */
  subject: z.string(),
  /** One sentence. */
  what: z.string(),
  /** Files, images or slices that it is about. */
  count: z.number().int(),
});
export type Finding = z.infer<typeof findingSchema>;

export const findingCountSchema = z.object({
  kind: z.enum(findingKinds),
  /** Findings of this kind. */
  findings: z.number().int(),
  /** Series (or, without a series, files) that they are about. */
  count: z.number().int(),
});
export type FindingCount = z.infer<typeof findingCountSchema>;

/** What became of an import. `files` = imported + duplicates + refused (+ untouched when cancelled). */
export const importCountsSchema = z.object({
  /** Under which the report is kept. */
  id: z.number().int(),
  files: z.number().int(),
  imported: z.number().int(),
  duplicates: z.number().int(),
  refused: z.number().int(),
  studies: z.number().int(),
  series: z.number().int(),
  seconds: z.number(),
  cancelled: z.boolean(),
  /** Instances that got a label by it. */
  labelled: z.number().int(),
  /** What a person should know besides: labels that fit nothing, pictures with two labels. */
  notes: z.array(z.string()),
  findings: z.array(findingCountSchema),
});

/** `cut-off`: a fault or a kill ended it; what it had taken in by then is kept, and counted up to a second before. */
const importStates = ['running', 'ended', 'cut-off'] as const;

export const pastImportSchema = importCountsSchema.extend({
  state: z.enum(importStates),
  /** ISO 8601. */
  startedAt: z.string(),
  /** The paths that were given, at most 100 of them. */
  paths: z.array(z.string()),
  mode: z.string(),
});
export type PastImport = z.infer<typeof pastImportSchema>;

export const reportFormats = ['csv', 'json', 'html'] as const;
export type ReportFormat = (typeof reportFormats)[number];

const importId = z.number().int().min(1);

export const importReportCalls = {
  /** Newest first. */
  imports: {
    in: z.object({
      limit: z.number().int().min(1).max(10_000).default(100),
      offset: z.number().int().min(0).default(0),
    }),
    out: z.object({ total: z.number().int(), imports: z.array(pastImportSchema) }),
  },
  /** One import and its findings in the order of `findingKinds`; `kind` null asks for all kinds. */
  'import-findings': {
    in: z.object({
      id: importId,
      kind: z.enum(findingKinds).nullable().default(null),
      limit: z.number().int().min(1).max(10_000).default(500),
      offset: z.number().int().min(0).default(0),
    }),
    out: z.object({ import: pastImportSchema, total: z.number().int(), findings: z.array(findingSchema) }),
  },
  /** Writes the whole report to `file`, or hands it back as text where `file` is null. */
  'export-import': {
    in: z.object({ id: importId, format: z.enum(reportFormats), file: z.string().max(4_096).nullable().default(null) }),
    out: z.object({ text: z.string().nullable() }),
  },
} as const;
