// The hub's door: upgrades HTTP connections that speak this version of the wire, a bounded number of strangers at a time.
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { wireLimits, wireVersion } from '../protocol/limits.ts';
import { hubFault } from './faults.ts';

/** Connections that have not said who they are yet. */
const maxStrangers = 256;

export interface Door {
  /** @throws Fault 521 when the port is taken, 523 when the address cannot be used. @returns the port. */
  open(port: number, host: string): Promise<number>;
  close(): void;
}

/** `welcome` resolves when a stranger has been let in or sent away. */
export function openDoor(server: Server, welcome: (socket: WebSocket) => Promise<void>): Door {
  let strangers = 0;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: wireLimits.frameBytes,
    perMessageDeflate: false,
    handleProtocols: () => wireVersion,
  });
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', () => stream.destroy());
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    if (!offered.includes(wireVersion)) {
      return refuseUpgrade(stream, '426 Upgrade Required', `This hub speaks ${wireVersion}.`);
    }
    if (strangers >= maxStrangers) {
      return refuseUpgrade(stream, '503 Service Unavailable', 'Too many connections at once.');
    }
    sockets.handleUpgrade(request, stream, head, (socket) => {
      strangers += 1;
      socket.on('error', () => socket.terminate());
      void welcome(socket)
        .catch(() => socket.terminate())
        .finally(() => {
          strangers -= 1;
        });
    });
  });
  return {
    async open(port, host) {
      await listen(server, port, host);
      return (server.address() as { port: number }).port;
    },
    close() {
      server.close();
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE' ? hubFault.portInUse(port) : hubFault.cannotListen(error.code ?? error.message),
      );
    });
    server.listen(port, host, resolve);
  });
}

function refuseUpgrade(stream: Duplex, status: string, reason: string): void {
  stream.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${reason.length}\r\n\r\n${reason}`,
  );
}
