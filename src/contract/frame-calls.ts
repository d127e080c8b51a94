// Decoded frames, for whoever shows or studies pixels. A frame too large for one message comes in parts.
import { z } from 'zod';
import { frameSchema } from './dicom.ts';

const asked = z.object({
  sopInstanceUID: z.string().regex(/^[0-9][0-9.]{0,63}$/),
  frame: z.number().int().min(1).default(1),
  /** `rgb`: not as YBR, for a screen. */
  colours: z.enum(['stored', 'rgb']).default('stored'),
});
export type FrameNamed = z.output<typeof asked>;

/** More pixels than most screens have: a larger frame is painted from copies of it. */
export const largeFramePixels = 2_048 * 2_048;
/** Most bytes of one part: a message of more would hold up the window that receives it. */
export const framePartBytes = 4 * 1024 * 1024;

export const frameCalls = {
  /** `ahead`: a thumbnail, or what the reader may come to; it waits for what is wanted now. */
  frame: {
    in: asked.extend({
      urgency: z.enum(['now', 'ahead']).default('now'),
      /** `reduced`: of more than `largeFramePixels` without its pixels, but with its range and its reduced copies. */
      size: z.enum(['whole', 'reduced']).default('whole'),
    }),
    out: frameSchema,
  },
  /** Bytes of a large frame (`copy` 0) or of its reduced copies (counted from 1), from a byte on, as many as `framePartBytes`. */
  'frame-part': {
    in: asked.extend({ copy: z.number().int().min(0).max(16), from: z.number().int().min(0) }),
    out: z.object({ bytes: z.custom<Uint8Array>((value) => value instanceof Uint8Array) }),
  },
} as const;
