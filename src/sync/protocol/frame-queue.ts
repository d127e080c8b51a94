// The frames of one socket in order: first read one by one (the handshake), then handed to a listener. None is lost between.
import type { WebSocket } from 'ws';
import { endReason, wireFault } from './faults.ts';

export type Frame = { readonly text: string } | { readonly bytes: Uint8Array };

export interface FrameQueue {
  /** The next text frame. @throws Fault 407 when the socket ends, 408 after `deadlineMs`, 400 for a binary frame. */
  nextText(deadlineMs: number): Promise<string>;
  /** From now on every frame goes to `listener`, waiting ones first. */
  handOver(listener: (frame: Frame) => void): void;
}

/** `limits` hold until the hand-over: how many frames may wait, how large each may be, and all of them together. Beyond them the socket is ended. */
export function openFrameQueue(
  socket: WebSocket,
  limits: { readonly frames: number; readonly bytes: number; readonly allBytes?: number },
): FrameQueue {
  const waiting: Frame[] = [];
  let listener: ((frame: Frame) => void) | null = null;
  let wake: (() => void) | null = null;
  let ended: string | null = null;
  let waitingBytes = 0;
  const allBytes = limits.allBytes ?? limits.frames * limits.bytes;

  socket.on('message', (data: Buffer, isBinary: boolean) => {
    const frame = isBinary ? { bytes: data } : { text: data.toString('utf8') };
    if (listener !== null) return listener(frame);
    // Nobody is let in yet: many or large frames are not a handshake.
    if (waiting.length >= limits.frames || data.length > limits.bytes || waitingBytes + data.length > allBytes) {
      return socket.terminate();
    }
    waitingBytes += data.length;
    waiting.push(frame);
    wake?.();
  });
  socket.on('close', (code: number, reason: Buffer) => {
    ended = endReason(code, reason.toString('utf8'));
    wake?.();
  });

  return {
    async nextText(deadlineMs) {
      if (waiting.length === 0 && ended === null) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, deadlineMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        wake = null;
      }
      const frame = waiting.shift();
      if (frame === undefined) throw ended === null ? wireFault.silent() : wireFault.closed(ended);
      if (!('text' in frame)) throw wireFault.malformedMessage('bytes where a handshake was expected');
      return frame.text;
    },
    handOver(next) {
      for (const frame of waiting.splice(0)) next(frame);
      listener = next;
    },
  };
}
