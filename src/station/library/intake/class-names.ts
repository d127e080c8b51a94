// Names of a research set's classes, out of its dataset.json: {"labels": {"1": "Anterior"}} (Medical Segmentation Decathlon) or
// {"labels": {"Anterior": 1}} (nnU-Net).
import { z } from 'zod';

const setSchema = z.object({ labels: z.record(z.string(), z.union([z.string(), z.number(), z.array(z.number())])) });
const limitBytes = 2 ** 24;

/** By number, without the background (0); empty where the file names none. Never throws. */
export function classNames(bytes: Uint8Array): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  if (bytes.length > limitBytes) return names;
  let labels: z.infer<typeof setSchema>['labels'];
  try {
    labels = setSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))).labels;
  } catch {
    return names;
  }
  for (const [key, value] of Object.entries(labels)) {
    // A region of nnU-Net joins several numbers: it is no class of its own.
    if (Array.isArray(value)) continue;
    const [number, name] = typeof value === 'number' ? [value, key] : [Number(key), value];
    if (Number.isInteger(number) && number > 0 && number <= 255 && name.trim() !== '') names.set(number, name.trim());
  }
  return names;
}
