// Studies, series and instances as the station tells them to the window and the command line.
// Federation code (src/sync) may not import this file: it cannot even name a patient.
import { z } from 'zod';

export const seriesSchema = z.object({
  seriesInstanceUID: z.string(),
  modality: z.string(),
  description: z.string(),
  instances: z.number().int(),
});
export type Series = z.infer<typeof seriesSchema>;

export const studySchema = z.object({
  studyInstanceUID: z.string(),
  patientID: z.string(),
  patientName: z.string(),
  patientBirthDate: z.string(),
  patientSex: z.string(),
  /** YYYYMMDD, empty where the file has none. */
  studyDate: z.string(),
  description: z.string(),
  accessionNumber: z.string(),
  modalities: z.array(z.string()),
  instances: z.number().int(),
  series: z.array(seriesSchema),
});
export type Study = z.infer<typeof studySchema>;

export const studySortKeys = [
  'studyDate',
  'patientName',
  'patientID',
  'description',
  'modalities',
  'instances',
] as const;

export const studyQuerySchema = z.object({
  /** Free text over patient, description, accession number, UIDs; words are prefixes, all must match. */
  query: z.string().max(500).default(''),
  modality: z.string().max(16).nullable().default(null),
  limit: z.number().int().min(1).max(10_000).default(100),
  offset: z.number().int().min(0).default(0),
  sortBy: z.enum(studySortKeys).default('studyDate'),
  descending: z.boolean().default(true),
});
export type StudyQuery = z.infer<typeof studyQuerySchema>;

export const studyPageSchema = z.object({ total: z.number().int(), studies: z.array(studySchema) });
export type StudyPage = z.infer<typeof studyPageSchema>;

export const instanceSchema = z.object({
  sopInstanceUID: z.string(),
  seriesInstanceUID: z.string(),
  sopClassUID: z.string(),
  instanceNumber: z.number().nullable(),
  frames: z.number().int(),
  /** 0 where the instance has no pixel data. */
  rows: z.number().int(),
  columns: z.number().int(),
  transferSyntaxUID: z.string(),
});
export type Instance = z.infer<typeof instanceSchema>;

export const refusalSchema = z.object({ path: z.string(), reason: z.string() });
export type Refusal = z.infer<typeof refusalSchema>;

/** What became of an import. `files` = imported + duplicates + refused (+ untouched when cancelled). */
export const importReportSchema = z.object({
  files: z.number().int(),
  imported: z.number().int(),
  duplicates: z.number().int(),
  refused: z.number().int(),
  studies: z.number().int(),
  series: z.number().int(),
  seconds: z.number(),
  cancelled: z.boolean(),
  refusals: z.array(refusalSchema),
});
export type ImportReport = z.infer<typeof importReportSchema>;

export const importProgressSchema = z.object({
  /** Files found so far; `walking` says that the count still grows. */
  found: z.number().int(),
  done: z.number().int(),
  imported: z.number().int(),
  duplicates: z.number().int(),
  refused: z.number().int(),
  walking: z.boolean(),
});
export type ImportProgress = z.infer<typeof importProgressSchema>;

export const importModes = ['reference', 'copy'] as const;

export const paletteSchema = z.object({
  /** The stored value that the first colour belongs to; lower ones take it too, those beyond the end the last one. */
  firstValue: z.number().int(),
  /** Red, green, blue per entry. */
  colors: z.instanceof(Uint8Array),
});
export type Palette = z.infer<typeof paletteSchema>;

/** One decoded frame: stored values, little-endian, samples interleaved. */
export const frameSchema = z.object({
  rows: z.number().int(),
  columns: z.number().int(),
  samples: z.number().int(),
  /** Bits per sample in `pixels`: 8, 16 or 32. */
  bits: z.number().int(),
  signed: z.boolean(),
  /** PhotometricInterpretation of the decoded values (RGB after a colour transform, else as stored). */
  photometric: z.string(),
  transferSyntax: z.string(),
  pixels: z.instanceof(Uint8Array),
  /** Modality LUT as slope and intercept (PS3.3 C.11.1); 1 and 0 where absent. */
  rescaleSlope: z.number(),
  rescaleIntercept: z.number(),
  /** First window of the file in modality units (PS3.3 C.11.2), null where absent. */
  windowCenter: z.number().nullable(),
  windowWidth: z.number().nullable(),
  modality: z.string(),
  /** Absent unless the frame is PALETTE COLOR. */
  palette: paletteSchema.optional(),
});
export type Frame = z.infer<typeof frameSchema>;
