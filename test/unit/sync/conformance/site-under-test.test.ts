import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { siteUnderTest } from '../../../../src/sync/conformance/site-under-test.ts';
import { parseInvite } from '../../../../src/sync/protocol/invite-link.ts';
import { wireVersion } from '../../../../src/sync/protocol/limits.ts';

test('a site that calls after nobody waited for it any more is there for who asks next', async () => {
  const site = await siteUnderTest(0, { joinsMs: 50, comesBackMs: 20_000 });
  onTestFinished(() => site.close());
  await expect(site.nextCall()).rejects.toThrow('nothing within 0.05 s');
  const socket = new WebSocket(parseInvite(site.invite).url, wireVersion);
  socket.on('error', () => {});
  onTestFinished(() => socket.terminate());
  await once(socket, 'open');
  expect(await site.calls(20_000)).toBe(true);
  const caller = await site.nextCall();
  expect(caller.socket.readyState).toBe(WebSocket.OPEN);
}, 30_000);
