import { WebSocket } from 'ws';
import { afterEach, describe, expect, it } from 'vitest';
import { openHub, type Hub } from '../../../../src/sync/hub/hub.ts';
import { createDeviceKeys } from '../../../../src/sync/protocol/device-keys.ts';
import { openFrameQueue } from '../../../../src/sync/protocol/frame-queue.ts';
import { greetHub } from '../../../../src/sync/protocol/handshake.ts';
import { parseInvite } from '../../../../src/sync/protocol/invite-link.ts';
import { wireVersion } from '../../../../src/sync/protocol/limits.ts';
import { signStatement } from '../../../../src/sync/protocol/statement.ts';
import { openBench, practiceProject, until, weightsOf } from '../federation-fixture.ts';

const bench = openBench();
afterEach(() => bench.close());

/** A site whose every text frame is written down, as somebody in the middle could. */
async function overheardSite(hub: Hub): Promise<{ socket: WebSocket; said: string[] }> {
  const invite = parseInvite(await hub.createInvite());
  const keys = createDeviceKeys();
  const socket = new WebSocket(hub.url, wireVersion);
  const frames = openFrameQueue(socket, { frames: 100, bytes: 1_000_000 });
  await new Promise((resolve) => socket.once('open', resolve));
  const said: string[] = [];
  const send = socket.send.bind(socket);
  socket.send = (data: unknown) => {
    said.push(String(data));
    send(String(data));
  };
  const { seal } = await greetHub({
    socket,
    frames,
    keys,
    card: signStatement(
      'site-card',
      { site: 'Lyon', publicKey: keys.publicKey, boxPublicKey: keys.boxPublicKey },
      keys,
    ),
    hubFingerprint: invite.hubFingerprint,
    inviteCode: invite.code,
    lastModelSequence: 0,
    address: null,
    wrongHub: () => {
      throw new Error('another hub');
    },
  });
  // A question that only this site may ask.
  socket.send(seal.seal(JSON.stringify({ kind: 'leave', id: 1 })));
  return { socket, said };
}

describe('fault 3: what was overheard and is said again', () => {
  it('opens no session, and a message of an old one is none of a new one', async () => {
    const project = practiceProject();
    const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0) }));
    const refused: number[] = [];
    hub.watch((news) => void (news.kind === 'site-refused' && refused.push(news.fault.code)));
    const { socket, said } = await overheardSite(hub);
    const [open, authenticate, leave] = said;
    socket.terminate();

    // The whole handshake again: the hub's nonce is another one, and so is what had to be signed.
    const replay = new WebSocket(hub.url, wireVersion);
    const heard: string[] = [];
    replay.on('message', (data: Buffer) => heard.push(data.toString('utf8')));
    await new Promise((resolve) => replay.once('open', resolve));
    replay.send(open!);
    await until('the hub greets', () => heard.length > 0);
    const closed = new Promise<number>((resolve) => replay.once('close', resolve));
    replay.send(authenticate!);
    replay.send(leave!);
    expect(await closed).toBe(4001);
    expect(refused).toEqual([403]);
  });
});
