// Grayscale softcopy presentation states (PS3.3 A.33.1): how somebody wanted images of a study to be seen.
import { z } from 'zod';

/** A point of an image in pixels, as of measurements: column, row; 0,0 at the outer corner of the first pixel. */
const point = z.tuple([z.number(), z.number()]);

/** The images that a part of a state is for; frames count from 1, none means all. An empty list: all images of the state. */
const imagesSchema = z.array(z.object({ sopInstanceUID: z.string(), frames: z.array(z.number().int()) }));
export type PresentedImages = z.infer<typeof imagesSchema>;

/** Units of points: pixels of the image, or parts of the displayed area from its upper left corner (PS3.3 C.10.5.1.2). */
const unitsSchema = z.enum(['PIXEL', 'DISPLAY']);

const graphicSchema = z.object({
  units: unitsSchema,
  type: z.enum(['POINT', 'POLYLINE', 'INTERPOLATED', 'CIRCLE', 'ELLIPSE']),
  /** CIRCLE: the centre and a point of the circle; ELLIPSE: the ends of both axes. */
  points: z.array(point).min(1),
  isFilled: z.boolean(),
});
export type PresentedGraphic = z.infer<typeof graphicSchema>;

const textSchema = z.object({
  /** Lines are parted by line feeds. */
  text: z.string(),
  box: z
    .object({ units: unitsSchema, topLeft: point, bottomRight: point, align: z.enum(['LEFT', 'CENTER', 'RIGHT']) })
    .nullable(),
  /** What the text is about; a line leads to it where `isVisible`. */
  anchor: z.object({ units: unitsSchema, at: point, isVisible: z.boolean() }).nullable(),
});
export type PresentedText = z.infer<typeof textSchema>;

/** What lies outside is covered (PS3.3 C.7.6.11). */
const shutterSchema = z.discriminatedUnion('shape', [
  z.object({ shape: z.literal('RECTANGULAR'), topLeft: point, bottomRight: point }),
  z.object({ shape: z.literal('CIRCULAR'), center: point, radius: z.number().positive() }),
  z.object({ shape: z.literal('POLYGONAL'), points: z.array(point).min(3) }),
]);
export type PresentedShutter = z.infer<typeof shutterSchema>;

export const presentationSchema = z.object({
  sopInstanceUID: z.string(),
  /** ContentLabel, ContentDescription and ContentCreatorName; '' where the file does not say. */
  label: z.string(),
  description: z.string(),
  creator: z.string(),
  /** As DICOM writes dates and times. */
  createdDate: z.string(),
  createdTime: z.string(),
  images: imagesSchema,
  /** Clockwise; the image turns before it is mirrored (PS3.3 C.10.6). */
  rotationDegrees: z.number(),
  isFlipped: z.boolean(),
  /** PresentationLUTShape INVERSE: low values are bright, whatever the image's own photometric interpretation. */
  isInverse: z.boolean(),
  /** The state's own modality transformation, which the windows count in; it replaces the image's. */
  rescale: z.object({ slope: z.number(), intercept: z.number() }),
  windows: z.array(
    z.object({
      images: imagesSchema,
      center: z.number(),
      width: z.number().positive(),
      function: z.enum(['LINEAR', 'LINEAR_EXACT', 'SIGMOID']),
    }),
  ),
  areas: z.array(
    z.object({
      images: imagesSchema,
      /** Corners of the area, whole pixels included. */
      topLeft: point,
      bottomRight: point,
      /** Screen pixels per image pixel; null: the area fills the viewport. */
      magnification: z.number().positive().nullable(),
    }),
  ),
  annotations: z.array(
    z.object({ images: imagesSchema, graphics: z.array(graphicSchema), texts: z.array(textSchema) }),
  ),
  shutters: z.array(shutterSchema),
  /** P-value of what the shutter covers, 0 (black) to 1. */
  shutterShade: z.number().min(0).max(1),
  /** What it holds and ImagiQ does not show, for a person: parts of a sentence. */
  leftOut: z.array(z.string()),
});
export type Presentation = z.infer<typeof presentationSchema>;
