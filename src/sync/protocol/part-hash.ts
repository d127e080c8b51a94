// The SHA-256 of a blob while it arrives.
import { createHash } from 'node:crypto';
import { read } from 'node:fs';
import { promisify } from 'node:util';
import { wireLimits } from './limits.ts';

const readFrom = promisify(read);

/** Of one file that grows. */
export interface PartHash {
  /** Bytes that came next; they are not written yet. */
  came(bytes: Uint8Array): void;
  /** Only that many of the file's bytes are there to be read. A promise where more must not be written before it resolves; it never rejects. */
  written(bytes: number): Promise<void> | undefined;
  /** Of all that is written; hex. */
  digest(): Promise<string>;
  /** Nobody asks for it any more. */
  drop(): void;
}

export type OpenPartHash = (part: {
  readonly file: string;
  /** Open for reading as long as the hash is asked for. */
  readonly handle: number;
  /** Bytes that are in the file from an earlier time. */
  readonly bytes: number;
  /** How many the whole blob has, by whoever brings it. */
  readonly blobBytes: number;
}) => PartHash;

/** Of the bytes as they come; where the first are from an earlier time, only the disk has them, and all are read at the end. */
export const hashedAsItComes: OpenPartHash = ({ handle, bytes }) => {
  const seen = bytes === 0 ? createHash('sha256') : null;
  return {
    came: (more) => void seen?.update(more),
    written: () => undefined,
    digest: async () => seen?.digest('hex') ?? (await hashOf(handle)),
    drop: () => {},
  };
};

/** Read in pieces, so that memory stays small for a large blob. */
export async function hashOf(handle: number): Promise<string> {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(wireLimits.chunkBytes);
  for (let position = 0; ;) {
    const { bytesRead } = await readFrom(handle, piece, 0, piece.length, position);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(piece.subarray(0, bytesRead));
    position += bytesRead;
  }
}
