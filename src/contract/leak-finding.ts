// What the leak probe found about a site's own next update, in words and numbers. A federation may know this; the pictures stay with the
// station (contract/privacy.ts).
import { z } from 'zod';

export const leakFindingSchema = z.object({
  /** Whether the attack found an image that somebody could recognise; false also where it failed. */
  isRecognised: z.boolean(),
  /** Why the probe could say nothing, for a person; null where it did. */
  failure: z.string().nullable(),
  /** What it means and what can be done, for a person. */
  sentence: z.string(),
  /** Structural similarity of the best guess and its image, at most 1; null where the probe failed. */
  similarity: z.number().nullable(),
  /** Images behind the gradient that was attacked; 0 where the probe failed. */
  images: z.number().int().min(0),
});
export type LeakFinding = z.infer<typeof leakFindingSchema>;

/** The finding as window and command line show it. */
export const leakProbeViewSchema = leakFindingSchema.extend({
  at: z.string(),
  /** Nothing is trained or sent for the project until a person has decided. */
  isHeld: z.boolean(),
  /** A person has looked, or said beforehand that it does not matter. */
  isAccepted: z.boolean(),
});
