// How a channel ends, on a line between two real sockets.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { openBlobFolder } from '../../../../src/sync/protocol/blob-folder.ts';
import { type Channel, closeCodes, openChannel } from '../../../../src/sync/protocol/channel.ts';
import { openFrameQueue } from '../../../../src/sync/protocol/frame-queue.ts';
import { createMessageSeal } from '../../../../src/sync/protocol/message-seal.ts';
import { fromHubSchema } from '../../../../src/sync/protocol/messages.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'imagiq-channel-'));
const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

/** One end of a line, and what the other end hears when it is closed. */
async function line(): Promise<{ channel: Channel; closed: Promise<{ code: number; reason: string }> }> {
  const { promise: closed, resolve } = Promise.withResolvers<{ code: number; reason: string }>();
  server.once('connection', (other) =>
    other.on('close', (code, reason) => resolve({ code, reason: reason.toString('utf8') })),
  );
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as { port: number }).port}`);
  await new Promise((open) => socket.once('open', open));
  const key = new Uint8Array(32);
  const channel = openChannel({
    socket,
    frames: openFrameQueue(socket, { frames: 1, bytes: 1_000 }),
    seal: createMessageSeal(key, key),
    incoming: fromHubSchema,
    blobs: openBlobFolder(folder),
    mayReceive: () => {},
    maySend: () => {},
    receive: () => null,
  });
  return { channel, closed };
}

it.each([
  ['of letters of one byte is cut at what a close frame carries', 'a'.repeat(200), 'a'.repeat(123)],
  ['of letters of two bytes is cut between two of them', 'é'.repeat(100), 'é'.repeat(61)],
  ['of signs outside the basic plane is cut between two of them', '𝛆'.repeat(50), '𝛆'.repeat(30)],
  ['that fits is told whole', 'das Programm wird geschlossen – später', 'das Programm wird geschlossen – später'],
])('a reason %s', async (_, given, heard) => {
  const { channel, closed } = await line();
  channel.close(closeCodes.goingAway, given);
  expect(await closed).toEqual({ code: closeCodes.goingAway, reason: heard });
});

it('a line that was cut is said to be cut, without a number', async () => {
  const other = new Promise<WebSocket>((resolve) => server.once('connection', resolve));
  const { channel } = await line();
  (await other).terminate();
  expect((await channel.ended).message).toBe('The connection ended: the line was cut. It is opened again by itself.');
});
