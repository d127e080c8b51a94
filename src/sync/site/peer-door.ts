// Where a site lets its peers in, if it listens at all: one port for all its federations, TLS 1.3, the federation named by the path.
import { createServer } from 'node:https';
import type { WebSocket } from 'ws';
import { listenReason } from '../../contract/system-reason.ts';
import { openDoor } from '../protocol/door.ts';
import { siteFault } from './faults.ts';
import { certificatePem, type PeerCertificate } from './peer-certificate.ts';
import { peerLimits } from './peer-limits.ts';

export interface PeerDoor {
  readonly port: number;
  close(): void;
}

/** @throws Fault 493, 494 */
export async function openPeerDoor(order: {
  readonly port: number;
  readonly host: string;
  readonly certificate: PeerCertificate;
  /** Greets a socket for the federation of this hub; ends it where there is none. Resolves when the handshake is over. */
  readonly welcome: (socket: WebSocket, hubFingerprint: string) => Promise<void>;
}): Promise<PeerDoor> {
  const { privateKey, certificate } = order.certificate;
  const server = createServer(
    { key: privateKey, cert: certificatePem(certificate), minVersion: 'TLSv1.3' },
    (_, answer) => {
      answer.writeHead(404).end();
    },
  );
  const door = openDoor({
    server,
    maxStrangers: peerLimits.strangers,
    welcome: (socket, path) => {
      const hub = path.startsWith(peerLimits.path) ? path.slice(peerLimits.path.length) : '';
      return order.welcome(socket, hub);
    },
    cannotListen: (code, port, host) =>
      code === 'EADDRINUSE' ? siteFault.peerPortInUse(port) : siteFault.cannotListen(listenReason(code, host, port)),
  });
  const port = await door.open(order.port, order.host);
  return { port, close: () => door.close() };
}
