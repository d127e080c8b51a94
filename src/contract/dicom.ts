// Studies, series and instances as the station tells them to the window and the command line.
// Federation code (src/sync) may not import this file: it cannot even name a patient.
import { z } from 'zod';
import { importCountsSchema } from './import-report.ts';
import { studyFiltersSchema } from './study-filter.ts';

export const seriesSchema = z.object({
  seriesInstanceUID: z.string(),
  modality: z.string(),
  description: z.string(),
  seriesNumber: z.number().nullable(),
  /** Of the first instance that was imported; empty or null where it does not say. */
  bodyPartExamined: z.string(),
  manufacturer: z.string(),
  manufacturerModelName: z.string(),
  sliceThicknessMm: z.number().nullable(),
  instances: z.number().int(),
  /** Of the instances those that are images: reports, plans, presentation states and segmentations are none. */
  images: z.number().int(),
  /** Of the images: more than they are where some are multi-frame. */
  frames: z.number().int(),
});
export type Series = z.infer<typeof seriesSchema>;

export const studySchema = z.object({
  studyInstanceUID: z.string(),
  patientID: z.string(),
  patientName: z.string(),
  patientBirthDate: z.string(),
  patientSex: z.string(),
  /** PatientAge, or from birth and study date; null where neither is known. */
  patientAgeYears: z.number().nullable(),
  /** YYYYMMDD, empty where the file has none. */
  studyDate: z.string(),
  /** HHMMSS, as the file has it; empty of studies that were indexed before it was kept. So is the institution. */
  studyTime: z.string(),
  institutionName: z.string(),
  description: z.string(),
  accessionNumber: z.string(),
  modalities: z.array(z.string()),
  instances: z.number().int(),
  /** As in the series. */
  images: z.number().int(),
  frames: z.number().int(),
  /** When its newest series came into the library, milliseconds since 1970; 0 where that was not kept. */
  importedMs: z.number(),
  series: z.array(seriesSchema),
});
export type Study = z.infer<typeof studySchema>;

export const studySortKeys = [
  'studyDate',
  'studyTime',
  'institutionName',
  'patientName',
  'patientID',
  'patientBirthDate',
  'patientSex',
  'patientAgeYears',
  'description',
  'accessionNumber',
  'modalities',
  'bodyParts',
  'manufacturers',
  'manufacturerModelNames',
  'sliceThicknessesMm',
  'series',
  'instances',
  'importedMs',
] as const;

export const studyQuerySchema = z.object({
  /** Free text over patient, description, accession number, UIDs; words are prefixes, all must match. */
  query: z.string().max(500).default(''),
  filters: studyFiltersSchema.default([]),
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

export const importReportSchema = importCountsSchema.extend({ refusals: z.array(refusalSchema) });
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

/** Where an import takes labels from: the name of the folder that holds each file, or a CSV file (docs: README). */
export const importLabelsSchema = z.union([
  z.literal('folders'),
  /** `column`: the label's where it is not called `label`. */
  z.object({ file: z.string().max(4_096), column: z.string().max(100).nullable().default(null) }),
]);
export type ImportLabels = z.infer<typeof importLabelsSchema>;

export const paletteSchema = z.object({
  /** The stored value that the first colour belongs to; lower ones take it too, those beyond the end the last one. */
  firstValue: z.number().int(),
  /** Red, green, blue per entry. */
  colors: z.instanceof(Uint8Array),
});
export type Palette = z.infer<typeof paletteSchema>;

export const spacingKinds = ['patient', 'calibrated', 'detector', 'unknown'] as const;

/** Where a frame lies (PS3.3 C.7.6.2, and functional groups of enhanced objects); null where the file does not say. */
export const frameGeometrySchema = z.object({
  frameOfReferenceUID: z.string().nullable(),
  /** ImagePositionPatient: the centre of the first pixel, mm. */
  position: z.tuple([z.number(), z.number(), z.number()]).nullable(),
  /** ImageOrientationPatient: direction cosines of a row, then of a column. */
  orientation: z.tuple([z.number(), z.number(), z.number(), z.number(), z.number(), z.number()]).nullable(),
  /** PatientOrientation of what has no direction cosines, radiographs mostly: where a row and where a column leads, as `L`, `P`, `FR`. */
  patientOrientation: z.tuple([z.string(), z.string()]).optional(),
  /** Distance of the centres of adjacent rows, then of adjacent columns, mm. */
  pixelSpacingMm: z.tuple([z.number().positive(), z.number().positive()]).nullable(),
  /** PixelAspectRatio where the spacing is not told: height to width of a pixel (PS3.3 C.7.6.3.1.7); absent of square ones. */
  pixelAspectRatio: z.number().positive().optional(),
  /** ImageOrientationPatient is there, and cannot be right: directions of another length, or not perpendicular. */
  isOrientationInvalid: z.literal(true).optional(),
  /** What the spacing means (PS3.3 10.7): in the patient, calibrated, or at the detector (uncorrected for magnification). */
  spacingKind: z.enum(spacingKinds),
  sliceThicknessMm: z.number().nullable(),
  /** Many slices side by side on one sheet (ImageType MOSAIC, of MR by Siemens): the position is the sheet's, no slice's. */
  isMosaic: z.literal(true).optional(),
});
export type FrameGeometry = z.infer<typeof frameGeometrySchema>;

/** Of a frame whose file says nothing of where it lies. */
export const unknownGeometry: FrameGeometry = {
  frameOfReferenceUID: null,
  position: null,
  orientation: null,
  pixelSpacingMm: null,
  spacingKind: 'unknown',
  sliceThicknessMm: null,
};

/** A look-up table of the Modality or VOI LUT sequence (PS3.3 C.11.1, C.11.2). */
export const lookUpTableSchema = z.object({
  firstValue: z.number().int(),
  /** One output per entry; inputs beyond the ends take the end's. */
  values: z.instanceof(Uint16Array),
  bits: z.number().int(),
});
export type LookUpTable = z.infer<typeof lookUpTableSchema>;

export const voiWindowSchema = z.object({ center: z.number(), width: z.number(), name: z.string() });

/** One decoded frame: stored values, little-endian, samples interleaved. */
export const frameSchema = z.object({
  rows: z.number().int(),
  columns: z.number().int(),
  samples: z.number().int(),
  /** Bits per sample in `pixels`: 8, 16 or 32. */
  bits: z.number().int(),
  signed: z.boolean(),
  /** Of colours: bits of a sample that are in use, from bit 0 up; absent where all are. */
  colourBits: z.number().int().optional(),
  /** PhotometricInterpretation of the decoded values (RGB after a colour transform, else as stored). */
  photometric: z.string(),
  transferSyntax: z.string(),
  /** Empty of a large frame that was asked for `reduced` (frame-calls.ts). */
  pixels: z.instanceof(Uint8Array),
  /** Of a large frame: averaged copies, each half as wide and as high as the one before; the larger ones without their pixels. */
  reduced: z
    .array(z.object({ rows: z.number().int(), columns: z.number().int(), pixels: z.instanceof(Uint8Array) }))
    .optional(),
  /** Least and greatest stored value outside of the padding, where they were looked for. */
  range: z.object({ low: z.number(), high: z.number() }).optional(),
  /** Modality LUT as slope and intercept (PS3.3 C.11.1); 1 and 0 where absent. */
  rescaleSlope: z.number(),
  rescaleIntercept: z.number(),
  /** RescaleType, or ModalityLUTType of a table (PS3.3 C.11.1.1.2): HU, US (unspecified), …; absent where the file does not say. */
  rescaleType: z.string().optional(),
  /**
   * Of PET: the unit of its modality values (Units, PS3.3 C.8.9.1.1.3), and SUV by body weight (g/ml) for one of it; null where the
   * header does not tell all that it needs, with the reason for a person.
   */
  uptake: z
    .object({ unit: z.string(), suvPerUnit: z.number().positive().nullable(), reason: z.string().nullable() })
    .optional(),
  /** Present where pixels went through lossy compression at any time (PS3.3 C.7.6.1.1.5); the ratio is null where the file does not say. */
  lossy: z.object({ ratio: z.number().nullable() }).optional(),
  /** First window of the file in modality units (PS3.3 C.11.2), null where absent. */
  windowCenter: z.number().nullable(),
  windowWidth: z.number().nullable(),
  /** All windows of the file with their explanations, the first included. */
  windows: z.array(voiWindowSchema).optional(),
  /** VOILUTFunction (PS3.3 C.11.2.1.3); LINEAR where absent. */
  voiFunction: z.enum(['LINEAR', 'LINEAR_EXACT', 'SIGMOID']).optional(),
  /** Instead of slope and intercept, or of a window, where the file has such a table. */
  modalityTable: lookUpTableSchema.optional(),
  voiTable: lookUpTableSchema.optional(),
  /** Stored values of pixels that lie outside of the image (PixelPaddingValue to PixelPaddingRangeLimit, PS3.3 C.7.5.1.1.2); absent where there are none. */
  padding: z.object({ first: z.number().int(), last: z.number().int() }).optional(),
  geometry: frameGeometrySchema,
  /** RecommendedDisplayFrameRate, CineRate or from FrameTime; absent where the file does not say. */
  framesPerSecond: z.number().positive().optional(),
  modality: z.string(),
  /** When and where it was taken, as DICOM writes dates and times; '' where the file does not say. */
  origin: z
    .object({
      studyTime: z.string(),
      acquisitionDate: z.string(),
      acquisitionTime: z.string(),
      institution: z.string(),
      /** Which side, and which view, of a projection: `R`, `L CC`. */
      view: z.string(),
    })
    .optional(),
  /** Absent unless the frame is PALETTE COLOR. */
  palette: paletteSchema.optional(),
});
export type Frame = z.infer<typeof frameSchema>;
