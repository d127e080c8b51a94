// A blob that is asked for while it goes: a trunk's control variate is removed when the next commit is made.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { type BlobFolder, openBlobFolder } from '../../../../src/sync/protocol/blob-folder.ts';
import { chunkHeaderBytes, decodeChunk } from '../../../../src/sync/protocol/chunk-frame.ts';
import { wireLimits } from '../../../../src/sync/protocol/limits.ts';
import { openTransfers, type Transfers } from '../../../../src/sync/protocol/transfers.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'imagiq-transfers-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The sending end, and what it sends of blobs. The socket stands in for one that takes everything at once. */
function sendingEnd(order: {
  maySend?: (blobs: BlobFolder) => void;
  onSending?: (blobs: BlobFolder) => void;
  idleMs?: number;
}): {
  blobs: BlobFolder;
  transfers: Transfers;
  sent: Promise<Buffer>;
  /** Of each frame that was sent, its place in the blob and its bytes. */
  pieces: { offset: number; bytes: number }[];
} {
  const blobs = openBlobFolder(folder);
  const { promise: sent, resolve } = Promise.withResolvers<Buffer>();
  const pieces: { offset: number; bytes: number }[] = [];
  const socket = {
    bufferedAmount: 0,
    send(frame: Uint8Array, onSent: () => void) {
      const { offset, payload } = decodeChunk(frame);
      pieces.push({ offset, bytes: payload.length });
      resolve(Buffer.from(frame.subarray(chunkHeaderBytes)));
      onSent();
    },
  } as unknown as WebSocket;
  const transfers = openTransfers({
    blobs,
    socket,
    send: () => {},
    ask: () => Promise.reject(new Error('nothing is asked here')),
    mayReceive: () => {},
    maySend: () => order.maySend?.(blobs),
    onSending: async () => order.onSending?.(blobs),
    onTraffic: () => {},
    onBroken: () => {},
    idleMs: order.idleMs ?? 100,
  });
  return { blobs, transfers, sent, pieces };
}

const getBegin = (hash: string) => ({ kind: 'get-begin', id: 1, hash, offset: 0, transfer: 'ab'.repeat(16) }) as const;

it('sends the whole of a blob that is removed once it is promised', async () => {
  const bytes = Buffer.from('a control variate of the trunk before');
  let hash = '';
  const { blobs, transfers, sent } = sendingEnd({ onSending: (held) => held.remove(hash) });
  hash = blobs.put(bytes);
  expect(await transfers.receive(getBegin(hash))).toEqual({ kind: 'sending', bytes: bytes.length });
  expect(blobs.has(hash)).toBe(false);
  expect(await sent).toEqual(bytes);
});

it('refuses at once a blob that is removed before it is promised', async () => {
  let hash = '';
  const { blobs, transfers } = sendingEnd({ maySend: (held) => held.remove(hash) });
  hash = blobs.put(Buffer.from('another one'));
  await expect(transfers.receive(getBegin(hash))).rejects.toMatchObject({ code: 406 });
});

it('sends a window of a blob and no more until some of it is acknowledged', async () => {
  const { blobs, transfers, pieces } = sendingEnd({ idleMs: 20_000 });
  const bytes = wireLimits.windowBytes + 5 * wireLimits.sentChunkBytes + 7;
  const hash = blobs.put(Buffer.alloc(bytes, 'trunk'));
  const { transfer } = getBegin(hash);
  const sentBytes = (): number => pieces.reduce((sum, piece) => sum + piece.bytes, 0);
  await transfers.receive(getBegin(hash));
  await vi.waitFor(() => expect(sentBytes()).toBe(wireLimits.windowBytes));
  await transfers.receive({ kind: 'chunk-received', transfer, offset: wireLimits.sentChunkBytes });
  await vi.waitFor(() => expect(sentBytes()).toBe(wireLimits.windowBytes + wireLimits.sentChunkBytes));
  await transfers.receive({ kind: 'chunk-received', transfer, offset: wireLimits.windowBytes });
  await vi.waitFor(() => expect(sentBytes()).toBe(bytes));
  let next = 0;
  for (const piece of pieces) {
    expect(piece.offset).toBe(next);
    next += piece.bytes;
  }
});
