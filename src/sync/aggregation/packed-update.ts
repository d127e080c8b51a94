// Updates packed with zstd (RFC 8878). It takes little off floats, a part off whole numbers of 8 bits, and most of a header of many
// tensor names. What comes from outside is unpacked up to a limit and not a byte further.
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { Fault } from '../../contract/fault.ts';
import { aggregationFault } from './faults.ts';

/** First bytes of a zstd frame. Of a tensor file they would announce a header of 4 GB, which none has. */
const magic = [0x28, 0xb5, 0x2f, 0xfd] as const;
/** 8 MiB, what RFC 8878 asks every reader to provide: a frame cannot ask for more memory than that. */
const windowLog = 23;
const level = 6;

/** Packed where that is shorter, else as it was; the same bytes for the same bytes. */
export function packed(bytes: Uint8Array): Uint8Array {
  const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_windowLog]: windowLog };
  const frame = zstdCompressSync(bytes, { params });
  return frame.byteLength < bytes.byteLength ? new Uint8Array(frame) : bytes;
}

/**
 * The bytes that were packed; those that do not begin as a frame come back as they were.
 * @throws Fault 562 as soon as they are more than `limitBytes`, 550 when the frame is damaged.
 */
export function unpacked(bytes: Uint8Array, limitBytes: number): Uint8Array {
  if (!magic.every((byte, index) => bytes[index] === byte)) return bytes;
  try {
    const params = { [constants.ZSTD_d_windowLogMax]: windowLog };
    return new Uint8Array(zstdDecompressSync(bytes, { params, maxOutputLength: limitBytes }));
  } catch (error) {
    if (error instanceof Fault || !(error instanceof Error) || !('code' in error)) throw error;
    if (error.code === 'ERR_BUFFER_TOO_LARGE') throw aggregationFault.unpacksTooLarge(limitBytes);
    throw aggregationFault.unreadable('its zstd frame is damaged or asks for more than 8 MiB of memory');
  }
}
