import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { isRefusal, openLine } from '../../../../src/sync/conformance/test-line.ts';
import { encodeChunk } from '../../../../src/sync/protocol/chunk-frame.ts';
import { createDeviceKeys } from '../../../../src/sync/protocol/device-keys.ts';
import { openDoor } from '../../../../src/sync/protocol/door.ts';
import { wireFault } from '../../../../src/sync/protocol/faults.ts';
import { openFrameQueue } from '../../../../src/sync/protocol/frame-queue.ts';
import { greetSite, HubRefusal } from '../../../../src/sync/protocol/handshake.ts';

test('a hub refuses by its own fault or by closing, and not by saying nothing or nonsense', () => {
  expect(isRefusal(new HubRefusal({ code: 505, message: 'No.', retry: 'never' }))).toBe(true);
  expect(isRefusal(wireFault.closed('code 4001'))).toBe(true);
  expect(isRefusal(wireFault.silent())).toBe(false);
  expect(isRefusal(wireFault.malformedMessage('no outcome'))).toBe(false);
  expect(isRefusal(new Error('a bug'))).toBe(false);
});

/** Sends a transfer byte by byte, for as long as anybody listens. */
async function dribblingHub(transfer: string) {
  const keys = createDeviceKeys();
  const door = openDoor({
    server: createServer(),
    maxStrangers: 1,
    cannotListen: () => wireFault.silent(),
    async welcome(socket) {
      const frames = openFrameQueue(socket, { frames: 8, bytes: 1_000_000 });
      const [federation, time] = ['Dribbling', new Date().toISOString()];
      await greetSite({ socket, frames, keys, federation, blobBytes: 1_000_000, time, admit: () => null });
      let offset = 0;
      const timer = setInterval(() => {
        socket.send(encodeChunk({ transfer, offset, payload: Buffer.from([1]) }));
        offset += 1;
      }, 10);
      socket.once('close', () => clearInterval(timer));
    },
  });
  onTestFinished(() => door.close());
  const port = await door.open(0, '127.0.0.1');
  const url = `ws://127.0.0.1:${port}`;
  return {
    version: 1,
    url,
    code: '',
    hubFingerprint: keys.fingerprint,
    federation: 'Dribbling',
    expiresAt: '',
  } as const;
}

test('a hub that sends a blob byte by byte is not waited for', async () => {
  const transfer = randomBytes(16).toString('hex');
  const invite = await dribblingHub(transfer);
  const line = await openLine(invite, createDeviceKeys(), { site: 'Lyon', code: null, patienceMs: 100 });
  onTestFinished(() => line.close());
  await expect(line.payloadHash(transfer, 20_000)).rejects.toThrow(/All 20000 bytes of a blob: nothing within/);
}, 30_000);
