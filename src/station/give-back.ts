/**
 * Frees the memory of bytes that nobody uses any more, which the collector would notice late: at hundreds of megabytes a second
 * it did little else. Bytes that share their memory with others are left alone.
 */
export function giveBack({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
