// Connects to a DIMSE peer and says in a fault, naming the peer, why something with it failed.
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Fault } from '../../../contract/fault.ts';
import type { DimsePeer } from '../../../contract/pacs.ts';
import { asksForCertificate, certificateAlerts } from '../certificate-alerts.ts';
import { pacsFault } from '../faults.ts';
import { readAuthority, readIdentity } from '../pem-files.ts';
import type { AgreedContext } from './agreed-context.ts';
import { Association } from './association.ts';
import { maxPduBytes } from './message-writer.ts';
import type { ProposedContext, Rejection, Role } from './pdu.ts';
import { AssociationEnded, AssociationRejected, ProtocolError } from './protocol-error.ts';

export interface PeerLimits {
  readonly connectMs: number;
  readonly negotiationMs: number;
  /** Longest silence while an answer is awaited. */
  readonly idleMs: number;
}

export const peerLimits: PeerLimits = { connectMs: 10_000, negotiationMs: 20_000, idleMs: 60_000 };

export interface Proposal {
  readonly abstractSyntax: string;
  readonly transferSyntaxes: readonly string[];
}

export interface PeerCall {
  readonly peer: DimsePeer;
  /** This station's AE title. */
  readonly aeTitle: string;
  readonly limits: PeerLimits;
  readonly signal: AbortSignal;
}

export interface PeerAssociation {
  readonly association: Association;
  /** The context that the peer accepted, null where it accepted none. */
  context(abstractSyntax: string, transferSyntax?: string): AgreedContext | null;
}

/**
 * Runs `work` on an association with the peer and releases it afterwards. An aborted `signal` calls `onCancel` (to send
 * C-CANCEL) and aborts the association two seconds later.
 * @throws Fault 652–654, 657, 660, 665, 672.
 */
export async function withAssociation<Value>(
  call: PeerCall,
  proposals: readonly Proposal[],
  roles: readonly Role[],
  work: (peerAssociation: PeerAssociation, onCancel: (cancel: () => void) => void) => Promise<Value>,
): Promise<Value> {
  const { peer, aeTitle, limits, signal } = call;
  if (signal.aborted) throw pacsFault.cancelled();
  let isEstablished = false;
  let association: Association | null = null;
  let cancel: (() => void) | null = null;
  let timer: NodeJS.Timeout | null = null;
  const onAbort = (): void => {
    if (cancel === null) association?.abort();
    else {
      cancel();
      timer = setTimeout(() => association?.abort(), 2_000);
    }
  };
  signal.addEventListener('abort', onAbort);
  try {
    const socket = await connect(call);
    association = new Association(socket, limits);
    if (signal.aborted) association.abort();
    const contexts = proposals.map((proposal, index): ProposedContext => ({ id: index * 2 + 1, ...proposal }));
    await association.propose({
      calledAETitle: peer.aeTitle,
      callingAETitle: aeTitle,
      maxPduBytes,
      roles,
      contexts,
    });
    isEstablished = true;
    const agreed = [...association.contexts.values()];
    const value = await work(
      {
        association,
        context: (abstractSyntax, transferSyntax) =>
          agreed.find(
            (context) =>
              context.abstractSyntax === abstractSyntax &&
              (transferSyntax === undefined || context.transferSyntax === transferSyntax),
          ) ?? null,
      },
      (whenCancelled) => {
        cancel = whenCancelled;
        if (signal.aborted) onAbort();
      },
    );
    if (signal.aborted) throw pacsFault.cancelled();
    await association.release();
    return value;
  } catch (error) {
    association?.abort();
    throw faultOf(error, call, isEstablished);
  } finally {
    signal.removeEventListener('abort', onAbort);
    if (timer !== null) clearTimeout(timer);
  }
}

async function connect({ peer, limits, signal }: PeerCall): Promise<Socket> {
  const { host, port, isTls, authorityFile, identity } = peer;
  const authority = isTls && authorityFile !== null ? readAuthority(authorityFile) : null;
  const shown = isTls && identity !== null ? readIdentity(identity.certificateFile, identity.keyFile) : null;
  let isConnected = false;
  const socket = isTls
    ? connectTls({
        host,
        port,
        minVersion: 'TLSv1.2',
        ...(authority === null ? {} : { ca: authority }),
        ...shown,
        ...(isIP(host) === 0 ? { servername: host } : {}),
      })
    : connectTcp({ host, port });
  try {
    return await new Promise<Socket>((resolve, reject) => {
      const timer = setTimeout(
        () =>
          reject(
            isConnected
              ? pacsFault.tls(peer.name, 'it does not answer in TLS')
              : pacsFault.timedOut(peer.name, limits.connectMs / 1000),
          ),
        limits.connectMs,
      );
      const onAbort = (): void => reject(pacsFault.cancelled());
      signal.addEventListener('abort', onAbort, { once: true });
      const settle = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      socket.on('connect', () => {
        isConnected = true;
      });
      socket.once(isTls ? 'secureConnect' : 'connect', () => {
        settle();
        resolve(socket);
      });
      socket.on('error', (error) => {
        settle();
        reject(
          isConnected ? pacsFault.tls(peer.name, reasonOf(error)) : pacsFault.unreachable(peer.name, reasonOf(error)),
        );
      });
      socket.once('close', () => {
        settle();
        reject(pacsFault.tls(peer.name, 'it closed the connection'));
      });
    });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function faultOf(error: unknown, { peer, aeTitle, signal }: PeerCall, isEstablished: boolean): unknown {
  if (signal.aborted) return pacsFault.cancelled();
  if (error instanceof Fault) return error;
  if (error instanceof AssociationRejected) {
    return pacsFault.associationRejected(peer.name, rejectionReason(error.rejection, peer, aeTitle));
  }
  if (error instanceof ProtocolError) return pacsFault.notDicom(peer.name, error.message);
  if (!(error instanceof AssociationEnded)) return error;
  if (error.kind === 'timed-out') return pacsFault.timedOut(peer.name, Math.round(error.waitedMs / 1000));
  if (isEstablished) return pacsFault.cutOff(peer.name);
  if (tlsCodeOf(error.cause) !== null) return pacsFault.tls(peer.name, reasonOf(error.cause));
  const wayOut = peer.isTls ? (peer.identity === null ? ` (${asksForCertificate})` : '') : ' (it may want TLS)';
  return pacsFault.unreachable(
    peer.name,
    `it closed the connection without an answer to the association request${wayOut}`,
  );
}

/** PS3.8 table 9-21. */
function rejectionReason({ result, source, reason }: Rejection, peer: DimsePeer, aeTitle: string): string {
  const key = `${source}/${reason}`;
  const known: Readonly<Record<string, string>> = {
    '1/2': 'it knows another application context',
    '1/3': `it does not know this station’s AE title ${aeTitle}. Enter ${aeTitle} there as one that may connect`,
    '1/7': `${peer.aeTitle} is not its AE title. Correct the peer’s AE title`,
    '2/2': 'it speaks another version of the protocol',
    '3/1': 'it is too busy. Try again later',
    '3/2': 'it has too many associations already. Try again later',
  };
  return known[key] ?? `no reason given (result ${result}, source ${source}, reason ${reason})`;
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no host of this name',
  EAI_AGAIN: 'the host name cannot be resolved',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no network to that host',
  ETIMEDOUT: 'it does not answer',
  ECONNRESET: 'it cut the connection',
  EPROTO: 'it does not speak TLS, or not a version of it that is safe',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed and not the one of the authority file',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate was signed by an authority that is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate was signed by an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate was signed by an authority that is not trusted here',
  ...certificateAlerts,
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
};

/** OpenSSL's name of what went wrong; null where it was nothing of TLS. */
function tlsCodeOf(error: unknown): string | null {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' && code.startsWith('ERR_SSL_') ? code : null;
}

function reasonOf(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  const tlsCode = tlsCodeOf(error);
  if (tlsCode !== null)
    return reasons[tlsCode] ?? `it does not agree on TLS (${tlsCode.slice(8).toLowerCase().replaceAll('_', ' ')})`;
  const known = typeof code === 'string' ? reasons[code] : undefined;
  return known ?? (error instanceof Error ? error.message : String(error));
}
