// What is drawn over images: a reader's measurements, and segmentations and structure sets that came with the studies.
import { z } from 'zod';
import { frameGeometrySchema, spacingKinds } from './dicom.ts';
import { projectionSchema } from './hanging.ts';
import { presentationSchema } from './presentation.ts';

const uid = z.string().regex(/^[0-9][0-9.]{0,63}$/);

export const measurementKinds = [
  'length',
  'angle',
  'ellipse',
  'rectangle',
  'freehand',
  'probe',
  'arrow',
  'key-image',
] as const;

/** Most points of one shape. */
export const pointsLimit = 2_000;

/** The unit of pixels' values that were kept without one, and whose file is gone. */
export const unknownUnit = 'unit not known';

/**
 * A measurement on one frame. Points are image coordinates in pixels as SCOORD has them (PS3.3 C.18.6): column, row, with 0,0 at
 * the outer corner of the first pixel. length: 2 points · angle: 3, the vertex in the middle · ellipse: 4, the ends of both
 * axes · rectangle: 4 corners · freehand: 3 or more, a closed outline filled by the even-odd rule · probe: 1 · arrow: 2, the tip
 * first; its label stands at the other end · key-image: none, the whole image is meant.
 */
export const measurementSchema = z.object({
  id: z.uuid(),
  studyInstanceUID: uid,
  seriesInstanceUID: uid,
  sopInstanceUID: uid,
  /** Counts from 1. */
  frame: z.number().int().min(1),
  kind: z.enum(measurementKinds),
  points: z.array(z.tuple([z.number(), z.number()])).max(pointsLimit),
  label: z.string().max(200).default(''),
  /** What was measured when it was saved, name to value; the unit is in the name: lengthMm, lengthPixels, angleDegrees, areaMm2, mean. */
  values: z.record(z.string().max(40), z.number()).default({}),
  /** Of the pixels' values (mean, stdDev, min, max, value); '' where the file gives none. */
  unit: z.string().max(16).default(''),
  /** What its millimetres mean, as of a frame's geometry; '' where it has none. */
  spacingKind: z.enum(['', ...spacingKinds]).default(''),
  /** ISO 8601. */
  changedAt: z.string().max(40),
});
export type Measurement = z.infer<typeof measurementSchema>;

/** A SEG or RTSTRUCT instance that refers to a series. */
export const overlaySchema = z.object({
  sopInstanceUID: z.string(),
  kind: z.enum(['SEG', 'RTSTRUCT']),
  description: z.string(),
  regions: z.array(
    z.object({
      /** SegmentNumber or ROINumber. */
      number: z.number().int(),
      label: z.string(),
      /** sRGB, 0–255: the file's recommended colour, or one chosen by number. */
      color: z.tuple([z.number().int(), z.number().int(), z.number().int()]),
    }),
  ),
  /** Made by a model of ImagiQ: it is shown, and is never a label to learn from. */
  isPredicted: z.boolean(),
  /** Why nothing of it can be shown, for a person; then it has no regions, and belongs to the study of the series. */
  problem: z.string().nullable(),
});
export type Overlay = z.infer<typeof overlaySchema>;

/** One region on one frame of the referenced series. */
export const overlayShapeSchema = z.object({
  region: z.number().int(),
  /** SEG: rows × columns bytes of the referenced frame, 0 outside, up to 255 inside (fractional segments scaled). */
  mask: z.instanceof(Uint8Array).nullable(),
  /**
   * RTSTRUCT: closed polygons in image coordinates as of measurements (column, row alternating; 0,0 at the outer corner of the
   * first pixel), to be filled by the even-odd rule. A line goes there and back.
   */
  polygons: z.array(z.instanceof(Float32Array)),
});
export type OverlayShape = z.infer<typeof overlayShapeSchema>;

/** One item of a structured report's content tree (PS3.3 C.17.3). All texts are the file's own. */
export const reportLineSchema = z.object({
  /** 0 below the title. */
  depth: z.number().int(),
  /** RelationshipType: CONTAINS, HAS CONCEPT MOD, …; '' where the file names none. */
  relationship: z.string(),
  /** ValueType: CONTAINER, CODE, NUM, TEXT, PNAME, DATE, IMAGE, …; '' where it refers to another item. */
  type: z.string(),
  concept: z.string(),
  /** As text; names and dates as DICOM writes them. '' of a container. */
  value: z.string(),
  /** What it refers to. `kind`: of a segmentation or structure set. */
  images: z.array(
    z.object({ sopInstanceUID: z.string(), frame: z.number().int(), kind: z.enum(['SEG', 'RTSTRUCT']).nullable() }),
  ),
});
export type ReportLine = z.infer<typeof reportLineSchema>;

export const reportSchema = z.object({
  title: z.string(),
  /** CompletionFlag and VerificationFlag; null where the file does not say. */
  isComplete: z.boolean().nullable(),
  isVerified: z.boolean().nullable(),
  lines: z.array(reportLineSchema),
  /** Whether there is more than was read. */
  isCut: z.boolean(),
});
export type Report = z.infer<typeof reportSchema>;

const nothing = z.object({});

export const annotationCalls = {
  /** Here and below, null asks for those of all studies. */
  measurements: {
    in: z.object({ studyInstanceUID: uid.nullable() }),
    out: z.object({ measurements: z.array(measurementSchema) }),
  },
  /** As comma-separated values (RFC 4180) for other programs: one row each, one column for each name of a measured value. */
  'measurements-table': {
    in: z.object({ studyInstanceUID: uid.nullable() }),
    out: z.object({ measurements: z.number().int(), text: z.string() }),
  },
  /** Writes that table as a file. */
  'save-measurements': {
    in: z.object({ studyInstanceUID: uid.nullable(), file: z.string().min(1).max(4_096) }),
    out: z.object({ measurements: z.number().int() }),
  },
  /** Adds it, or replaces the one of the same id. */
  'save-measurement': { in: z.object({ measurement: measurementSchema }), out: nothing },
  'delete-measurement': { in: z.object({ id: z.uuid() }), out: nothing },
  /** What a structured report (SR, also a key object selection) says. */
  report: { in: z.object({ sopInstanceUID: uid }), out: reportSchema },
  /** Radiographs and mammograms of a study with their sides and views; files that cannot be read are left out. */
  projections: {
    in: z.object({ studyInstanceUID: uid }),
    out: z.object({ images: z.array(projectionSchema) }),
  },
  /** How images of a study were meant to be seen, the newest state first. */
  presentations: {
    in: z.object({ studyInstanceUID: uid }),
    out: z.object({
      presentations: z.array(presentationSchema),
      /** Why others of the study cannot be shown, for a person. */
      problems: z.array(z.string()),
    }),
  },
  overlays: { in: z.object({ seriesInstanceUID: uid }), out: z.object({ overlays: z.array(overlaySchema) }) },
  /** Where every frame of a series lies, without its pixels. Frames of files that cannot be read are left out. */
  'series-geometry': {
    in: z.object({ seriesInstanceUID: uid }),
    out: z.object({
      frames: z.array(
        z.object({ sopInstanceUID: z.string(), frame: z.number().int().min(1), geometry: frameGeometrySchema }),
      ),
    }),
  },
  /** What an overlay shows on one frame; no shapes where it has nothing there. */
  'overlay-shapes': {
    in: z.object({
      overlayInstanceUID: uid,
      sopInstanceUID: uid,
      frame: z.number().int().min(1).default(1),
    }),
    out: z.object({ rows: z.number().int(), columns: z.number().int(), shapes: z.array(overlayShapeSchema) }),
  },
  /** ROIs of a structure set that are on no image of a series, and why: a clause of a sentence that begins with the ROI. */
  'undrawn-regions': {
    in: z.object({ overlayInstanceUID: uid, seriesInstanceUID: uid }),
    out: z.object({ regions: z.array(z.object({ region: z.number().int(), reason: z.string() })) }),
  },
} as const;
