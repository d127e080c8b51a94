// The door of a hub, or of a site that listens for its peers: upgrades HTTP connections that speak this version of the wire, a
// bounded number of strangers at a time.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Fault } from '../../contract/fault.ts';
import { takeLargeFrames } from './large-frames.ts';
import { wireLimits, wireVersion } from './limits.ts';

export interface Door {
  /** @throws what `cannotListen` makes of the reason. @returns the port. */
  open(port: number, host: string): Promise<number>;
  close(): void;
}

/** `code` as the system has it: EADDRINUSE where another program has the port. */
export type CannotListen = (code: string, port: number, host: string) => Fault;

export function openDoor(order: {
  readonly server: Server | SecureServer;
  /** Connections that have not said who they are yet. */
  readonly maxStrangers: number;
  /** Resolves when a stranger has been let in or sent away. `from` is the address of its end of the line; a proxy's, where there is one. */
  readonly welcome: (socket: WebSocket, path: string, from: string | null) => Promise<void>;
  readonly cannotListen: CannotListen;
}): Door {
  const { server, maxStrangers, welcome } = order;
  let strangers = 0;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: wireLimits.frameBytes,
    perMessageDeflate: false,
    handleProtocols: () => wireVersion,
  });
  /** By itself: what listens to the socket as long as it is open must not hold the whole request. */
  const admit = (socket: WebSocket, path: string, from: string | null): void => {
    strangers += 1;
    socket.on('error', () => socket.terminate());
    void welcome(socket, path, from)
      .catch(() => socket.terminate())
      .finally(() => {
        strangers -= 1;
      });
  };
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', () => stream.destroy());
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    if (!offered.includes(wireVersion)) {
      return refuseUpgrade(stream, '426 Upgrade Required', `This end speaks ${wireVersion}.`);
    }
    if (strangers >= maxStrangers) {
      return refuseUpgrade(stream, '503 Service Unavailable', 'Too many connections at once.');
    }
    const path = request.url ?? '/';
    const from = request.socket.remoteAddress ?? null;
    sockets.handleUpgrade(request, stream, head, (socket) => {
      takeLargeFrames(stream, socket);
      admit(socket, path, from);
    });
  });
  return {
    async open(port, host) {
      await listen(order, port, host);
      return (server.address() as { port: number }).port;
    },
    close() {
      server.close();
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
    },
  };
}

/** Before anything is written for a server that could not listen then. Another program may still be quicker. @throws what `cannotListen` makes of the reason. */
export async function checkPortIsFree(port: number, host: string, cannotListen: CannotListen): Promise<void> {
  const server = createServer();
  await listen({ server, cannotListen }, port, host);
  await new Promise<void>((resolve) => void server.close(() => resolve()));
}

async function listen(
  { server, cannotListen }: Pick<Parameters<typeof openDoor>[0], 'server' | 'cannotListen'>,
  port: number,
  host: string,
): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    throw cannotListen(code ?? message, port, host);
  }
  // One that could not be let in, where the system has no more handles for example, comes again.
  server.on('error', () => {});
}

function refuseUpgrade(stream: Duplex, status: string, reason: string): void {
  stream.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${reason.length}\r\n\r\n${reason}`,
  );
}
