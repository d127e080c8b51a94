/** Bytes that are read piece by piece: of a file, or in memory. */
export interface ByteRanges {
  readonly size: number;
  /** Fills `into` with the bytes from `offset` on. @throws when there are fewer. */
  read(offset: number, into: Uint8Array): void;
}

export function rangesOf(bytes: Uint8Array): ByteRanges {
  return {
    size: bytes.byteLength,
    read: (offset, into) => into.set(bytes.subarray(offset, offset + into.byteLength)),
  };
}

/** The bytes of a typed array, for something to be read into. */
export function bytesOf(values: Float32Array | Int8Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
