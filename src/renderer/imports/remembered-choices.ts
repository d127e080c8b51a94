// How the last import was made, kept for the next one: most people import the same way each time.
import { z } from 'zod';
import { importModes } from '../../contract/dicom.ts';

/** A labels file belongs to one import, so the choice of one is not kept; the name of its column is. */
const choicesSchema = z.object({
  mode: z.enum(importModes),
  labels: z.enum(['none', 'folders']),
  column: z.string().max(100),
});
export type RememberedChoices = z.infer<typeof choicesSchema>;

const storageKey = 'import';
const first: RememberedChoices = { mode: 'reference', labels: 'none', column: '' };

export function rememberedChoices(): RememberedChoices {
  try {
    return choicesSchema.parse(JSON.parse(localStorage.getItem(storageKey) ?? 'null'));
  } catch {
    return first;
  }
}

export function rememberChoices(choices: RememberedChoices): void {
  localStorage.setItem(storageKey, JSON.stringify(choices));
}
