// Pieces of a tensor file that is open for reading.
import { readSync } from 'node:fs';
import type { TensorLayout } from '../../contract/safetensors.ts';
import { datasetMalformed, datasetUnreadable } from '../faults.ts';

/** Where a tensor lies in its file. @throws Fault 351 unless it is of this type and shape. */
export function tensorAt(
  { tensors }: TensorLayout,
  name: string,
  elementType: string,
  shape: readonly number[],
): { start: number; end: number } {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw datasetMalformed(`it has no ${name}`);
  if (tensor.elementType !== elementType || tensor.shape.join() !== shape.join()) {
    throw datasetMalformed(
      `${name} are ${tensor.elementType} [${tensor.shape.join(', ')}] instead of ${elementType} [${shape.join(', ')}]`,
    );
  }
  return tensor;
}

/** @throws Fault 350 when the file is shorter. */
export function readBytes(descriptor: number, position: number, length: number): Uint8Array<ArrayBuffer> {
  // Own buffer (never Node's shared pool), so that typed arrays of any width can look at it from its beginning.
  const bytes = new Uint8Array(length);
  fillBytes(descriptor, position, bytes);
  return bytes;
}

/** @throws Fault 350 when the file is shorter. */
export function fillBytes(descriptor: number, position: number, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.byteLength) {
    const count = readSync(descriptor, bytes, done, bytes.byteLength - done, position + done);
    if (count === 0) throw datasetUnreadable('it became shorter while it was read');
    done += count;
  }
}

export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return code === 'ENOENT' ? 'it does not exist' : `the system answered ${code}`;
}
