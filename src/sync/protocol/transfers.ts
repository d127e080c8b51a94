// Blob transfers inside a channel: a window of chunks, cumulative acknowledgement after each write, resume from what is on disk.
import { randomBytes } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { WebSocket } from 'ws';
import { Fault } from '../../contract/fault.ts';
import type { BlobFolder } from './blob-folder.ts';
import type { BlobReception } from './blob-part.ts';
import { type Chunk, chunkHeaderBytes, giveBackFrame, writeChunkHeader } from './chunk-frame.ts';
import type { AnswerBody } from './channel.ts';
import { isDiskFull, passing, wireFault } from './faults.ts';
import { wireLimits } from './limits.ts';
import type { WireMessage } from './messages.ts';

const transferKinds = ['put-begin', 'put-end', 'get-begin', 'chunk-received'] as const;
export type TransferMessage = Extract<WireMessage, { kind: (typeof transferKinds)[number] }>;
type Answer = Extract<WireMessage, { re: number }>;

export interface Transfers {
  put(hash: string): Promise<void>;
  get(hash: string, bytes: number): Promise<void>;
  /** The answer to a transfer's message, `done` when it needs none, null when the message is about something else. */
  receive(message: WireMessage): Promise<AnswerBody | 'done' | null>;
  receiveChunk(chunk: Chunk): void;
  close(fault: Fault): void;
}

interface Outgoing {
  acknowledged: number;
  wake: () => void;
}

interface Incoming {
  readonly reception: BlobReception;
  /** What the sender was told: chunks that one write took are acknowledged in one. */
  acknowledged: number;
  /** Set when this end asked for the blob. */
  readonly onChunk: (() => void) | null;
}

export function openTransfers(order: {
  readonly blobs: BlobFolder;
  readonly socket: WebSocket;
  readonly send: (message: WireMessage) => void;
  readonly ask: (
    question:
      | { kind: 'put-begin'; hash: string; bytes: number }
      | { kind: 'put-end'; transfer: string }
      | { kind: 'get-begin'; hash: string; offset: number; transfer: string },
  ) => Promise<Answer>;
  readonly mayReceive: (hash: string, bytes: number) => void | Promise<void>;
  readonly maySend: (hash: string) => void | Promise<void>;
  /** Hears of bytes that are about to leave; what it throws keeps them here. */
  readonly onSending?: ((hash: string, bytes: number) => Promise<void>) | undefined;
  readonly onTraffic: (sent: number, received: number) => void;
  /** Hears of a chunk that could not be taken: the connection is of no use any more. */
  readonly onBroken: (thrown: unknown) => void;
  readonly idleMs: number;
}): Transfers {
  const { blobs, socket } = order;
  const outgoing = new Map<string, Outgoing>();
  const incoming = new Map<string, Incoming>();
  /** Blobs that the other end asked for and that are on their way. */
  let serving = 0;
  /** Chunks that wait for the disk. */
  let unwritten = 0;
  let ended: Fault | null = null;

  /** Resolves at the next acknowledgement. @throws when none comes in time, or the channel ends. */
  const progress = (transfer: Outgoing): Promise<void> =>
    new Promise((resolve, reject) => {
      if (ended !== null) return reject(ended);
      const timer = setTimeout(() => reject(wireFault.silent()), order.idleMs);
      transfer.wake = () => {
        clearTimeout(timer);
        if (ended === null) resolve();
        else reject(ended);
      };
    });

  /** An open file can be read to its end, also when the blob is not needed any more meanwhile and is removed. */
  const opened = async (hash: string): Promise<FileHandle> => {
    const file = blobs.file(hash);
    if (file === null) throw wireFault.unknownBlob(hash);
    return open(file, 'r').catch((thrown: unknown) => {
      throw blobs.has(hash) ? thrown : wireFault.unknownBlob(hash);
    });
  };

  /** Closes the file. */
  const stream = async (handle: FileHandle, hash: string, id: string, from: number, bytes: number): Promise<void> => {
    const transfer: Outgoing = { acknowledged: from, wake: () => {} };
    outgoing.set(id, transfer);
    /** Frames that the socket has done with: written anew, since fresh memory costs more than what it holds. */
    const free: Buffer[] = [];
    try {
      for (let position = from; ;) {
        // Another site may bring the same blob: what is there already need not come from here.
        position = Math.max(position, transfer.acknowledged);
        if (position >= bytes) break;
        if (ended !== null) throw ended;
        if (position - transfer.acknowledged >= wireLimits.windowBytes) {
          await progress(transfer);
          continue;
        }
        const frame = free.pop() ?? Buffer.allocUnsafeSlow(chunkHeaderBytes + wireLimits.sentChunkBytes);
        const length = Math.min(wireLimits.sentChunkBytes, bytes - position);
        const { bytesRead } = await handle.read(frame, chunkHeaderBytes, length, position);
        if (bytesRead === 0) throw wireFault.unknownBlob(hash);
        const filled = frame.subarray(0, chunkHeaderBytes + bytesRead);
        writeChunkHeader(filled, id, position);
        await sendFrame(filled, () => free.push(frame));
        position += bytesRead;
      }
      while (transfer.acknowledged < bytes) await progress(transfer);
    } finally {
      outgoing.delete(id);
      await handle.close();
    }
  };
  /** Waits for the kernel to take the frame only when the socket already holds a lot. */
  const sendFrame = (frame: Uint8Array, onSent: () => void): Promise<void> =>
    new Promise((resolve, reject) => {
      if (ended !== null) return reject(ended);
      order.onTraffic(frame.length, 0);
      const isFull = socket.bufferedAmount > wireLimits.bufferedBytes;
      socket.send(frame, (error) => {
        if (error) reject(wireFault.closed('the network failed'));
        else if (isFull) resolve();
        onSent();
      });
      if (!isFull) resolve();
    });

  return {
    async put(hash) {
      const bytes = blobs.size(hash);
      if (bytes === null) throw wireFault.unknownBlob(hash);
      const have = await order.ask({ kind: 'put-begin', hash, bytes });
      // Not a refusal of the blob: the other end has not said that it will never take it.
      if (have.kind !== 'have') throw passing(wireFault.malformedMessage('put-begin was answered by something else'));
      if (have.offset >= bytes) return;
      await stream(await opened(hash), hash, have.transfer, have.offset, bytes);
      await order.ask({ kind: 'put-end', transfer: have.transfer });
    },

    async get(hash, bytes) {
      if (blobs.has(hash)) return;
      const reception = blobs.receive(hash, bytes);
      let wake = (): void => {};
      const transfer = randomBytes(16).toString('hex');
      incoming.set(transfer, { reception, acknowledged: reception.offset, onChunk: () => wake() });
      try {
        await order.ask({ kind: 'get-begin', hash, offset: reception.offset, transfer });
        while (reception.offset < bytes) {
          if (ended !== null) throw ended;
          const isHeard = await new Promise<boolean>((resolve) => {
            const timer = setTimeout(() => resolve(false), order.idleMs);
            wake = () => {
              clearTimeout(timer);
              resolve(true);
            };
          });
          if (!isHeard) throw ended ?? wireFault.silent();
        }
        await reception.finish();
      } finally {
        incoming.delete(transfer);
        reception.suspend();
      }
    },

    async receive(message) {
      switch (message.kind) {
        case 'put-begin': {
          await order.mayReceive(message.hash, message.bytes);
          if (ended !== null) throw ended;
          const transfer = randomBytes(16).toString('hex');
          if (blobs.has(message.hash)) return { kind: 'have', transfer, offset: message.bytes };
          // A newer transfer of the same blob takes the place of this connection's older one.
          for (const [id, { reception: older, onChunk }] of incoming) {
            if (onChunk !== null || older.hash !== message.hash) continue;
            incoming.delete(id);
            older.suspend();
          }
          const open = [...incoming.values()].filter(({ onChunk }) => onChunk === null);
          if (open.length >= wireLimits.transfers) throw wireFault.tooManyTransfers();
          let reception = blobs.receive(message.hash, message.bytes);
          // Cut between the last chunk and put-end: all bytes are here, so nothing would ever ask for their end again.
          if (reception.offset >= message.bytes) {
            if (await isFinished(reception)) return { kind: 'have', transfer, offset: message.bytes };
            if (ended !== null) throw ended;
            reception = blobs.receive(message.hash, message.bytes);
          }
          incoming.set(transfer, { reception, acknowledged: reception.offset, onChunk: null });
          return { kind: 'have', transfer, offset: reception.offset };
        }
        case 'put-end': {
          const arrived = incoming.get(message.transfer);
          if (arrived === undefined) throw wireFault.superseded();
          incoming.delete(message.transfer);
          await arrived.reception.finish();
          return { kind: 'stored' };
        }
        case 'get-begin': {
          await order.maySend(message.hash);
          const bytes = blobs.size(message.hash);
          if (bytes === null) throw wireFault.unknownBlob(message.hash);
          if (message.offset > bytes) throw wireFault.beyondBlob(message.offset, bytes);
          if (serving >= wireLimits.transfers) throw wireFault.tooManyTransfers();
          serving += 1;
          let handle: FileHandle | null = null;
          try {
            handle = await opened(message.hash);
            await order.onSending?.(message.hash, Math.max(0, bytes - message.offset));
          } catch (thrown) {
            serving -= 1;
            await handle?.close();
            throw thrown;
          }
          const { transfer } = message;
          const file = handle;
          // Streamed after the answer has gone out; if it breaks, the receiver notices that nothing comes and asks again.
          setImmediate(
            () =>
              void stream(file, message.hash, transfer, message.offset, bytes)
                .catch(() => {})
                .finally(() => {
                  serving -= 1;
                }),
          );
          return { kind: 'sending', bytes };
        }
        case 'chunk-received': {
          const transfer = outgoing.get(message.transfer);
          if (transfer !== undefined && message.offset > transfer.acknowledged) {
            transfer.acknowledged = message.offset;
            transfer.wake();
          }
          return 'done';
        }
        default:
          return null;
      }
    },

    receiveChunk(chunk) {
      const arriving = incoming.get(chunk.transfer);
      // A chunk of a transfer that was given up is dropped: its sender stops when no acknowledgement comes.
      if (arriving === undefined) return;
      unwritten += 1;
      void arriving.reception
        .append(chunk.offset, chunk.payload)
        .then(
          (offset) => {
            arriving.onChunk?.();
            if (offset <= arriving.acknowledged) return;
            arriving.acknowledged = offset;
            order.send({ kind: 'chunk-received', transfer: chunk.transfer, offset });
          },
          (thrown: unknown) => {
            incoming.delete(chunk.transfer);
            arriving.reception.suspend();
            if (thrown instanceof Fault && thrown.code === wireFault.superseded().code) return;
            order.onBroken(isDiskFull(thrown) ? wireFault.diskFull() : thrown);
          },
        )
        .finally(() => {
          giveBackFrame(chunk.payload);
          unwritten -= 1;
          if (unwritten === 0) socket.resume();
        });
      // A slow disk holds back the sender, not this end's memory. Before that all is read: what lies unread when the line is cut is lost.
      if (blobs.unwrittenBytes > wireLimits.unwrittenBytes) socket.pause();
    },

    close(fault) {
      ended = fault;
      for (const transfer of outgoing.values()) transfer.wake();
      for (const arriving of incoming.values()) {
        arriving.onChunk?.();
        arriving.reception.suspend();
      }
      incoming.clear();
    },
  };
}

/** Stores a complete reception. @returns false when its bytes were other ones, which are thrown away. */
async function isFinished(reception: BlobReception): Promise<boolean> {
  try {
    await reception.finish();
    return true;
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === wireFault.wrongHash().code) return false;
    throw thrown;
  }
}
