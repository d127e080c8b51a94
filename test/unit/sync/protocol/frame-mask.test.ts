// What a site's frames look like on the line.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { zeroMask } from '../../../../src/sync/protocol/frame-mask.ts';

it('carries a mask of zeros, which a server takes as any other', async () => {
  const front = createServer();
  const hub = new WebSocketServer({ noServer: true });
  const line: Buffer[] = [];
  const heard = new Promise<Buffer>((resolve) => {
    front.on('upgrade', (request, socket, head) => {
      socket.on('data', (piece: Buffer) => line.push(piece));
      hub.handleUpgrade(request, socket, head, (opened) => opened.on('message', (data: Buffer) => resolve(data)));
    });
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  const site = new WebSocket(`ws://127.0.0.1:${(front.address() as AddressInfo).port}`, { ...zeroMask });
  await once(site, 'open');
  site.send(Buffer.from('an update'));
  expect((await heard).toString()).toBe('an update');
  // Whole and binary; masked, 9 bytes; the mask; the bytes as they are.
  expect(Buffer.concat(line)).toEqual(Buffer.from([0x82, 0x89, 0, 0, 0, 0, ...Buffer.from('an update')]));
  site.terminate();
  front.close();
});
