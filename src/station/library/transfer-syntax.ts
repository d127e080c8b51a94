// How a data set is encoded: what its transfer syntax says, checked against what the bytes look like.
import { isVr } from './value-representation.ts';

export const transferSyntaxes = {
  implicitLittle: '1.2.840.10008.1.2',
  explicitLittle: '1.2.840.10008.1.2.1',
  deflated: '1.2.840.10008.1.2.1.99',
  explicitBig: '1.2.840.10008.1.2.2',
  /** General Electric's own: as implicit little endian, but for the words of the pixel data. */
  bigPixels: '1.2.840.113619.5.2',
} as const;

export interface Encoding {
  readonly implicit: boolean;
  readonly bigEndian: boolean;
}

/** True where pixel data comes in fragments (PS3.5 A.4): every syntax but the uncompressed ones. */
export function isEncapsulatedSyntax(uid: string): boolean {
  return !(Object.values(transferSyntaxes) as string[]).includes(uid) && uid !== '';
}

/**
 * The encoding that the element at `offset` shows, null where it looks like no element. Writers exist that declare one
 * encoding and write another, so the bytes win over the declaration.
 */
export function encodingSeen(bytes: Uint8Array, offset: number): Encoding | null {
  if (offset + 8 > bytes.length) return null;
  const group = bytes[offset]! | (bytes[offset + 1]! << 8);
  const swapped = (bytes[offset]! << 8) | bytes[offset + 1]!;
  const bigEndian = group > 0xff && swapped < group;
  if (isVr(bytes, offset + 4)) return { implicit: false, bigEndian };
  // Implicit big endian does not exist. A first element in a group above 0x0010 is no data set's beginning.
  const length = new DataView(bytes.buffer, bytes.byteOffset + offset + 4, 4).getUint32(0, true);
  const plausible = group > 0 && group <= 0x5600 && (length <= 0x1000000 || length === 0xffffffff);
  return plausible ? { implicit: true, bigEndian: false } : null;
}
