// From a decoded frame to what a network sees, as one named chain in the order of its steps. It is part of a data set's header
// and of a model, so that prediction does to a new image what training did to its own.
import { z } from 'zod';

export const preprocessingSchema = z.object({
  /** Raised whenever the same chain would give other numbers. */
  version: z.literal(2),
  /** 1. Stored values to modality values (PS3.3 C.11.1); colours to luminance; MONOCHROME1 inverted. */
  rescale: z.literal('modality'),
  /** 2. To 0…1: CT by fixed Hounsfield units; everything else from the cut share's percentile to its opposite, of the image or of all slices of its volume. */
  window: z.object({
    ct: z.object({ low: z.number(), high: z.number() }),
    cutShare: z.number().min(0).max(0.4),
    of: z.enum(['image', 'volume']),
  }),
  /**
   * 3. Slices that lie in the patient turned so that rows and columns run in one direction: axial as seen from the feet, coronal
   * from the front, sagittal from the left; the nose to the left.
   */
  orientation: z.enum(['canonical', 'stored']),
  /** 4. Pixel spacing that slices are resampled to, mm; null: as large as fits. Also null for images that tell no spacing. */
  spacingMm: z.number().positive().max(100).nullable(),
  /** 5. Centred in this size; what is missing is 0 (masks: background), what is too much is cut off. */
  height: z.number().int().min(1).max(4_096),
  width: z.number().int().min(1).max(4_096),
  /** 6. More than one channel: the same image in each, or the slices at z−k…z+k along the normal. */
  channels: z.number().int().min(1).max(16),
  channelsAre: z.enum(['repeated', 'neighbouring-slices']),
  /** 7. Less the mean, by the standard deviation, of the training split: `mean` and `standardDeviation` of the header. */
  normalise: z.literal('training-split'),
});
export type Preprocessing = z.infer<typeof preprocessingSchema>;
