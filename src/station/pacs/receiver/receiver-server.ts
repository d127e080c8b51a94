// Listens, negotiates associations, and hands the accepted ones to the storage provider.
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { ReceiverSettings } from '../../../contract/pacs.ts';
import type { InstanceIntake } from '../../library/instance-intake.ts';
import { Association, type AssociationOptions } from '../dimse/association.ts';
import { maxPduBytes } from '../dimse/message-writer.ts';
import type { AnsweredContext, AssociateAccept, AssociateRequest, Rejection } from '../dimse/pdu.ts';
import { ProtocolError } from '../dimse/protocol-error.ts';
import { isStorageClass, sopClasses } from '../dimse/sop-classes.ts';
import { pacsFault } from '../faults.ts';
import type { ReceiverLog } from './receiver-log.ts';
import { serveStorage, type StoredInstance } from './storage-provider.ts';

export interface ReceiverLimits {
  readonly associations: number;
  readonly maxInstanceBytes: number;
  readonly idleMs: number;
  readonly negotiationMs: number;
}

export const receiverLimits: ReceiverLimits = {
  associations: 32,
  maxInstanceBytes: 4 * 1024 ** 3,
  idleMs: 60_000,
  negotiationMs: 10_000,
};

export interface ReceiverServer {
  /** Takes no more associations; running ones have `graceMs` to end, then they are aborted. */
  close(graceMs: number): Promise<void>;
}

export interface ReceiverServerOptions {
  readonly settings: ReceiverSettings;
  readonly intake: InstanceIntake;
  readonly log: ReceiverLog;
  readonly limits: ReceiverLimits;
  onStored(stored: StoredInstance): void;
}

/** PS3.8 table 9-21. */
const rejections = {
  unknownCallingAETitle: { result: 1, source: 1, reason: 3 },
  unknownCalledAETitle: { result: 1, source: 1, reason: 7 },
  localLimitExceeded: { result: 2, source: 3, reason: 2 },
} as const;

/** @throws Fault 662 (a PEM file), 670 (the port cannot be listened on). */
export async function listen(options: ReceiverServerOptions): Promise<ReceiverServer> {
  const { settings, limits, log } = options;
  const running = new Map<Association, Promise<void>>();
  const sockets = new Set<Socket>();

  const onConnection = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    const association = new Association(socket, limits satisfies AssociationOptions);
    const served = serve(association, options).finally(() => running.delete(association));
    running.set(association, served);
  };
  const server = createdServer(settings, limits, onConnection, (reason) => log.refuse('', reason));
  // Connections that are no association yet have as many places again, each for `negotiationMs` at most.
  server.maxConnections = limits.associations * 2;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(pacsFault.portUnusable(settings.port, reasonOf(error))));
    server.listen(settings.port, () => resolve());
  });
  server.on('error', () => {});
  return {
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const timer = setTimeout(() => {
        for (const association of running.keys()) association.abort();
        // Connections that never became an association, TLS handshakes among them.
        for (const socket of sockets) if (running.size === 0) socket.destroy();
      }, graceMs);
      await Promise.all(running.values());
      for (const socket of sockets) socket.destroySoon();
      await closed;
      clearTimeout(timer);
    },
  };
}

function createdServer(
  { certificateFile, keyFile, authorityFile }: ReceiverSettings,
  limits: ReceiverLimits,
  onConnection: (socket: Socket) => void,
  onRefused: (reason: string) => void,
): Server {
  if (certificateFile === null && keyFile === null && authorityFile === null) {
    return createServer({ noDelay: true }, onConnection);
  }
  if (certificateFile === null || keyFile === null) throw pacsFault.certificateIncomplete();
  const pem = (file: string): Buffer => {
    try {
      return readFileSync(file);
    } catch (error) {
      throw pacsFault.fileUnusable(file, reasonOf(error));
    }
  };
  const files = { cert: pem(certificateFile), key: pem(keyFile) };
  const authority = authorityFile === null ? null : pem(authorityFile);
  try {
    const server = createTlsServer(
      {
        ...files,
        ...(authority === null ? {} : { ca: authority, requestCert: true, rejectUnauthorized: true }),
        minVersion: 'TLSv1.2',
        handshakeTimeout: limits.negotiationMs,
        noDelay: true,
      },
      onConnection,
    );
    server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
      onRefused(`The secure connection failed: ${reasonOf(error)}.`);
      socket.destroy();
    });
    return server;
  } catch (error) {
    throw pacsFault.fileUnusable(certificateFile, reasonOf(error));
  }
}

async function serve(association: Association, options: ReceiverServerOptions): Promise<void> {
  const { settings, log, limits, intake, onStored } = options;
  let callingAETitle = '';
  let hasBegun = false;
  try {
    const request = await association.proposal();
    callingAETitle = request.callingAETitle;
    const rejected =
      log.associations >= limits.associations ? rejections.localLimitExceeded : rejectionOf(request, settings);
    if (rejected !== null) {
      association.reject(rejected);
      log.refuse(callingAETitle, sentenceOf(rejected, request));
      return;
    }
    association.accept(request, acceptOf(request));
    hasBegun = true;
    log.begin();
    await serveStorage(association, {
      intake,
      sourceAETitle: callingAETitle,
      maxInstanceBytes: limits.maxInstanceBytes,
      onStored(stored) {
        if (stored.accepted.kind !== 'refused') log.received(stored.accepted);
        onStored(stored);
      },
      onRefused: (reason) => log.refuse(callingAETitle, reason),
    });
  } catch (error) {
    if (error instanceof ProtocolError) log.refuse(callingAETitle, `Not understood: ${error.message}.`);
    // Anything else ended this association, and only it.
    association.abort();
  } finally {
    if (hasBegun) log.end();
  }
}

function rejectionOf(request: AssociateRequest, settings: ReceiverSettings): Rejection | null {
  if (!settings.allowedAETitles.includes(request.callingAETitle)) return rejections.unknownCallingAETitle;
  return request.calledAETitle === settings.aeTitle ? null : rejections.unknownCalledAETitle;
}

function sentenceOf(rejection: Rejection, request: AssociateRequest): string {
  if (rejection === rejections.unknownCallingAETitle) return 'This AE title is not on the list of those that may send.';
  if (rejection === rejections.localLimitExceeded) return 'Too many associations at the same time.';
  return `It called this receiver ${request.calledAETitle}, which is not its AE title.`;
}

/** Each context in the transfer syntax that the sender names first: its own, and bytes are kept as they come. */
function acceptOf(request: AssociateRequest): AssociateAccept {
  const contexts = request.contexts.map(({ id, abstractSyntax, transferSyntaxes }): AnsweredContext => {
    const transferSyntax = transferSyntaxes.find((uid) => uid !== '' && !isReferenced(uid)) ?? '';
    const isKnown = abstractSyntax === sopClasses.verification || isStorageClass(abstractSyntax);
    const result = !isKnown ? 3 : transferSyntax === '' ? 4 : 0;
    return { id, result, transferSyntax: transferSyntax || '1.2.840.10008.1.2' };
  });
  const { calledAETitle, callingAETitle } = request;
  return { calledAETitle, callingAETitle, maxPduBytes, roles: [], contexts };
}

/** JPIP and HTJ2K by reference: the pixels would lie elsewhere (PS3.5 A.6, A.7). */
const isReferenced = (uid: string): boolean => /^1\.2\.840\.10008\.1\.2\.4\.(94|95|204|205)$/.test(uid);

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program uses it already',
  EACCES: 'this account may not listen on it',
  ENOENT: 'there is no such file',
};

function reasonOf(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  const known = typeof code === 'string' ? reasons[code] : undefined;
  return known ?? (error instanceof Error ? error.message : String(error));
}
