// One line from this site to another: TLS 1.3 under the one certificate that the peer's signed address names, then the same handshake
// as with a hub, in which both ends prove their device keys.
import { WebSocket } from 'ws';
import { Fault } from '../../contract/fault.ts';
import type { DeviceKeys } from '../protocol/device-keys.ts';
import { zeroMask } from '../protocol/frame-mask.ts';
import { openFrameQueue, type FrameQueue } from '../protocol/frame-queue.ts';
import { greetHub, HubRefusal } from '../protocol/handshake.ts';
import { wireLimits, wireVersion } from '../protocol/limits.ts';
import type { MessageSeal } from '../protocol/message-seal.ts';
import type { AddressStatement, Signed } from '../protocol/statement.ts';
import { siteFault } from './faults.ts';
import { certificatePem } from './peer-certificate.ts';
import { peerLimits } from './peer-limits.ts';

/** A connection whose other end is known. */
export interface GreetedPeer {
  readonly socket: WebSocket;
  readonly frames: FrameQueue;
  readonly seal: MessageSeal;
  /** The certificate of membership that it showed: still to be checked. */
  readonly membership: Signed | null;
}

/** @throws Fault 490 where nobody answers there, 491 for another key, or the peer's own reason of refusal. */
export async function dialPeer(order: {
  readonly address: AddressStatement;
  readonly site: string;
  readonly keys: DeviceKeys;
  /** This site's own. */
  readonly card: Signed;
  readonly membership: Signed | null;
}): Promise<GreetedPeer> {
  const { address, site, keys, card, membership } = order;
  if (address.url === null || address.certificate === null) throw siteFault.peerUnreachable(site, 'it does not listen');
  const socket = new WebSocket(`${address.url}${peerLimits.path}${address.hub}`, wireVersion, {
    ...zeroMask,
    perMessageDeflate: false,
    maxPayload: wireLimits.frameBytes,
    handshakeTimeout: peerLimits.dialMs,
    followRedirects: false,
    minVersion: 'TLSv1.3',
    ca: [certificatePem(address.certificate)],
    // The certificate is the one that the device named: its subject says nothing more. What is false is no objection to Node.
    checkServerIdentity: () => false,
  });
  const frames = openFrameQueue(socket, { frames: wireLimits.branches + 8, bytes: wireLimits.frameBytes });
  await opened(socket, site);
  try {
    const wrongHub = (): Fault => siteFault.wrongPeer(site);
    const greeted = await greetHub({
      socket,
      frames,
      keys,
      card,
      hubFingerprint: address.device,
      inviteCode: null,
      lastModelSequence: 0,
      address: null,
      membership,
      wrongHub,
    });
    return { socket, frames, seal: greeted.seal, membership: greeted.membership };
  } catch (thrown) {
    socket.terminate();
    // A peer decides nothing about a membership: whatever it says, it is asked again later.
    if (thrown instanceof HubRefusal) throw siteFault.peerUnreachable(site, { says: thrown.message });
    throw thrown instanceof Fault ? thrown : siteFault.peerUnreachable(site, 'its greeting is not one');
  }
}

function opened(socket: WebSocket, site: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.on('unexpected-response', (request) => {
      request.destroy();
      socket.terminate();
      reject(siteFault.peerUnreachable(site, 'something else answers there'));
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      reject(siteFault.peerUnreachable(site, error.code ?? error.message)),
    );
  });
}
