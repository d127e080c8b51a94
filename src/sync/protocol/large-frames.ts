// The frames of chunks, taken out of a server's connection before `ws` reads it. `ws` puts each together from the pieces in which the system
// gave it, as is done here; but the pieces, which are memory outside of V8's heap, are then left to the collector, and of fifty transfers
// at once it had tens of MB of them to collect. Here each piece is given back as soon as it was read. All other frames are read by `ws`.
import type { Duplex, Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import { chunkHeaderBytes } from './chunk-frame.ts';
import { wireLimits } from './limits.ts';

/** A shorter one comes in few pieces, or in a part of one. */
const fewBytes = 16 * 1024;
const mostBytes = chunkHeaderBytes + wireLimits.chunkBytes;
/** Of a frame from a client, whatever its length (RFC 6455, 5.2). */
const mostHeadBytes = 14;

/** To be called before anything came: `stream` is the one that `socket` reads, and `socket` tells of the frames as of others. */
export function takeLargeFrames(stream: Duplex, socket: WebSocket): void {
  const [read] = stream.listeners('data') as ((piece: Buffer) => void)[];
  /** Takes nothing more after a Close frame (RFC 6455, 5.5.1) or one that it refused: what comes then is thrown away. */
  const { _receiver: receiver } = socket as unknown as { readonly _receiver?: Writable };
  // Another `ws` than this one reads all frames itself.
  if (read === undefined || receiver === undefined) return;
  /** The beginning of a head that is not here whole. */
  let begun: Buffer | null = null;
  let frame: Buffer | null = null;
  /** How many of its bytes are here. */
  let filled = 0;
  /** Bytes of another frame that are still to come. */
  let passing = 0;
  /** A message came in part: a chunk before its end is for `ws` to refuse (RFC 6455, 5.4). */
  let isFragmented = false;

  const take = (piece: Buffer): void => {
    const bytes = begun === null ? piece : Buffer.concat([begun, piece]);
    begun = null;
    let isPassed = false;
    for (let at = 0; at < bytes.length && receiver.writable;) {
      if (frame === null && passing === 0) {
        const head = headOf(bytes.subarray(at, at + mostHeadBytes));
        if (head === null) {
          begun = Buffer.from(bytes.subarray(at));
          break;
        }
        if (head.isTaken && !isFragmented) {
          frame = Buffer.allocUnsafeSlow(head.payloadBytes);
          filled = 0;
          at += head.bytes;
        } else {
          passing = head.bytes + head.payloadBytes;
          // Control frames may come between fragments.
          if ((bytes[at]! & 0x0f) < 8) isFragmented = bytes[at]! < 0x80;
        }
      } else if (frame === null) {
        const end = Math.min(bytes.length, at + passing);
        passing -= end - at;
        // The rest of the piece is given back: not under the eyes of whoever has a part of it.
        isPassed = end - at === bytes.length;
        read.call(stream, isPassed ? bytes : Buffer.from(bytes.subarray(at, end)));
        at = end;
      } else {
        const end = Math.min(bytes.length, at + frame.length - filled);
        frame.set(bytes.subarray(at, end), filled);
        filled += end - at;
        at = end;
        if (filled < frame.length) continue;
        const whole = frame;
        frame = null;
        socket.emit('message', whole, true);
      }
    }
    if (!isPassed) giveBackPiece(piece);
  };
  stream.off('data', read);
  stream.on('data', take);
  // `ws` would read by itself what is left in a stream that was paused.
  stream.prependListener('close', () => {
    for (let left: Buffer | null; (left = stream.read() as Buffer | null) !== null;) take(left);
  });
}

interface FrameHead {
  readonly bytes: number;
  readonly payloadBytes: number;
  readonly isTaken: boolean;
}

/** Null where `bytes` end within it. */
function headOf(bytes: Buffer): FrameHead | null {
  if (bytes.length < 2) return null;
  const isMasked = bytes[1]! >= 0x80;
  const length = bytes[1]! & 0x7f;
  const lengthBytes = length === 127 ? 8 : length === 126 ? 2 : 0;
  const maskAt = 2 + lengthBytes;
  const headBytes = maskAt + (isMasked ? 4 : 0);
  if (bytes.length < headBytes) return null;
  const payloadBytes =
    lengthBytes === 8 ? Number(bytes.readBigUInt64BE(2)) : lengthBytes === 2 ? bytes.readUInt16BE(2) : length;
  const isTaken =
    // A whole message of bytes, with a mask of zeros.
    bytes[0] === 0x82 &&
    isMasked &&
    bytes.readUInt32BE(maskAt) === 0 &&
    payloadBytes >= fewBytes &&
    payloadBytes <= mostBytes;
  return { bytes: headBytes, payloadBytes, isTaken };
}

/** Where it has its memory to itself. */
function giveBackPiece({ buffer, byteLength }: Buffer): void {
  if (byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
