// How far a long measurement has come, on its way to the run's folder and back: measuring is work, too, that no kill may undo.
import { z } from 'zod';
import { decodeTensorFile, encodeTensorFile, type Tensor } from '../../contract/safetensors.ts';
import type { TallyState } from '../metrics/tally-state.ts';
import { sealed, unsealed } from './sealed-file.ts';

const countsName = 'counts';
const metadataSchema = z.object({ of: z.string() });

/** @param of names what is measured and by which weights */
export function encodeMeasured({ counts, tensors }: TallyState, of: string): Uint8Array[] {
  const bytes = new TextEncoder().encode(JSON.stringify(counts));
  const text: Tensor = { elementType: 'U8', shape: [bytes.length], bytes };
  return sealed(encodeTensorFile({ tensors: new Map([...tensors, [countsName, text]]), metadata: { of } }));
}

/** Null when the bytes are damaged, or of another measurement. */
export function decodeMeasured(bytes: Uint8Array, of: string): TallyState | null {
  const file = unsealed(bytes);
  if (file === null) return null;
  try {
    const { tensors, metadata } = decodeTensorFile(file);
    if (metadataSchema.parse(metadata).of !== of) return null;
    return { counts: JSON.parse(new TextDecoder().decode(tensors.get(countsName)?.bytes)), tensors };
  } catch {
    return null;
  }
}
