// What the headers of radiographs and mammograms say about how they are hung side by side.
import { z } from 'zod';

export const projectionSchema = z.object({
  seriesInstanceUID: z.string(),
  sopInstanceUID: z.string(),
  /** MG, CR or DX. */
  modality: z.string(),
  /** R, L or B; '' where the file does not say. */
  laterality: z.string(),
  /** ViewPosition, or that of its view code: CC, MLO, PA, AP, LL, RL, …; '' where the file does not say. */
  view: z.string(),
  /** PatientOrientation: where a row and where a column leads. */
  patientOrientation: z.tuple([z.string(), z.string()]).nullable(),
  /** PresentationIntentType FOR PROCESSING: raw, not meant to be read. */
  isForProcessing: z.boolean(),
});
export type Projection = z.infer<typeof projectionSchema>;
