// The DICOM JSON model (PS3.18 annex F) as servers send it: decoded, and read by tag. Values that are not of the expected
// kind count as absent: one odd element must not hide a study.
import { z } from 'zod';

const elementSchema = z.object({ Value: z.array(z.unknown()).optional().catch(undefined) });
export const dicomJsonSchema = z.record(z.string(), elementSchema.catch({}));
export const dicomJsonListSchema = z.array(dicomJsonSchema);
export type DicomJson = z.infer<typeof dicomJsonSchema>;

const personNameSchema = z.object({
  Alphabetic: z.string().optional(),
  Ideographic: z.string().optional(),
  Phonetic: z.string().optional(),
});

/** Longest value that is shown; VRs of the attributes asked for hold at most 64 characters per group. */
const valueLimit = 1_024;

/** The values of `tag` (eight hexadecimal digits in upper case) as text; empty where absent. */
export function textsOf(dataSet: DicomJson, tag: string): string[] {
  return (dataSet[tag]?.Value ?? []).map(textOf).filter((text) => text !== '');
}

/** The first value as text, empty where absent. */
export function firstText(dataSet: DicomJson, tag: string): string {
  return textsOf(dataSet, tag)[0] ?? '';
}

/** IS values come as numbers from some servers and as text from others; null where there is no whole number from 0. */
export function firstCount(dataSet: DicomJson, tag: string): number | null {
  const text = firstText(dataSet, tag);
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}

/** The items of a sequence. */
export function itemsOf(dataSet: DicomJson, tag: string): DicomJson[] {
  const items = dicomJsonListSchema.safeParse(dataSet[tag]?.Value ?? []);
  return items.success ? items.data : [];
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value.trim().slice(0, valueLimit);
  if (typeof value === 'number') return String(value);
  const name = personNameSchema.safeParse(value);
  if (!name.success) return '';
  return (name.data.Alphabetic ?? name.data.Ideographic ?? name.data.Phonetic ?? '').slice(0, valueLimit);
}
