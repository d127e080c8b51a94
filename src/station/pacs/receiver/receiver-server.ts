// Listens, negotiates associations, and hands the accepted ones to the storage provider.
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
import { readAuthority, readIdentity } from '../pem-files.ts';
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

/** @throws Fault 662, 671, 676 (the files for TLS), 670 (the port cannot be listened on). */
export async function listen(options: ReceiverServerOptions): Promise<ReceiverServer> {
  const { settings, limits, log } = options;
  const running = new Map<Association, Promise<void>>();
  const sockets = new Set<Socket>();

  const onConnection = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    const association = new Association(socket, limits satisfies AssociationOptions);
    const served = serve(association, addressOf(socket), options).finally(() => running.delete(association));
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

/** What TLS is spoken with; null for none. @throws Fault 662, 671 or 676 where the files cannot be used. */
export function tlsOf({
  certificateFile,
  keyFile,
  authorityFile,
}: ReceiverSettings): { cert: string; key: string; ca?: string } | null {
  if (certificateFile === null && keyFile === null && authorityFile === null) return null;
  if (certificateFile === null || keyFile === null) throw pacsFault.certificateIncomplete();
  const identity = readIdentity(certificateFile, keyFile);
  return authorityFile === null ? identity : { ...identity, ca: readAuthority(authorityFile) };
}

function createdServer(
  settings: ReceiverSettings,
  limits: ReceiverLimits,
  onConnection: (socket: Socket) => void,
  onRefused: (reason: string) => void,
): Server {
  const tls = tlsOf(settings);
  if (tls === null) return createServer({ noDelay: true }, onConnection);
  const server = createTlsServer(
    {
      ...tls,
      ...(tls.ca === undefined ? {} : { requestCert: true, rejectUnauthorized: true }),
      minVersion: 'TLSv1.2',
      handshakeTimeout: limits.negotiationMs,
      noDelay: true,
    },
    onConnection,
  );
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    onRefused(`No secure connection with ${addressOf(socket)}: ${handshakeReason(error)}.`);
    socket.destroy();
  });
  return server;
}

/** Of the other end, without the prefix that an IPv4 address has on a socket for both. */
const addressOf = (socket: Socket): string => socket.remoteAddress?.replace(/^::ffff:/, '') ?? 'a sender that is gone';

async function serve(association: Association, address: string, options: ReceiverServerOptions): Promise<void> {
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
    if (error instanceof ProtocolError) {
      const from = callingAETitle === '' ? ` (from ${address})` : '';
      log.refuse(callingAETitle, `Not understood${from}: ${error.message}.`);
    }
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
};

function reasonOf(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  const known = typeof code === 'string' ? reasons[code] : undefined;
  return known ?? (error instanceof Error ? error.message : String(error));
}

/** Why a sender and this receiver did not agree on TLS, by what OpenSSL calls it. */
const handshakeReasons: readonly (readonly [RegExp, string])[] = [
  [/PEER_DID_NOT_RETURN_A_CERTIFICATE/, 'the sender showed no certificate, which the authority file asks for'],
  [/BAD_RECORD_MAC|DECRYPTION_FAILED/, 'what it sent was changed on the way'],
  [/HTTP_REQUEST|WRONG_VERSION_NUMBER|UNKNOWN_PROTOCOL|RECORD/, 'the sender does not speak TLS'],
  [/UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|ALERT_PROTOCOL_VERSION/, 'the sender knows no TLS that is safe (1.2 or 1.3)'],
  [/NO_SHARED_CIPHER|HANDSHAKE_FAILURE/, 'the sender knows no cipher that this receiver takes'],
  [/ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_\w+)/, 'the sender does not trust this receiver’s certificate'],
  [/CERT_HAS_EXPIRED|CERTIFICATE_EXPIRED/, 'the sender’s certificate has expired'],
  [/CERT|SIGNED|ISSUER|VERIFY/, 'the sender’s certificate is not signed by the authority of the authority file'],
  [/HANDSHAKE_TIMEOUT/, 'the sender did not finish in time'],
  [/ECONNRESET|EPIPE/, 'the sender closed the connection'],
];

function handshakeReason(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const name = String(code ?? message)
    .toUpperCase()
    .replaceAll(' ', '_');
  return handshakeReasons.find(([pattern]) => pattern.test(name))?.[1] ?? 'they do not agree on how';
}
