// What went wrong on a connection, in words for a person.
import { Fault } from '../../../contract/fault.ts';
import { certificateAlerts } from '../certificate-alerts.ts';
import { pacsFault } from '../faults.ts';

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be looked up now',
  EHOSTUNREACH: 'there is no way to that machine',
  ENETUNREACH: 'there is no way to that network',
  ETIMEDOUT: 'it does not answer',
  ECONNRESET: 'it closed the connection',
  EPIPE: 'it closed the connection',
  ERR_PROXY_TUNNEL: 'the proxy of this network did not let the connection pass',
};

const certificateReasons: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by nobody but itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from an authority that this computer does not know',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate comes from an authority that this computer does not know',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate comes from an authority that this computer does not know',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate comes from an authority that this computer does not know',
  ...certificateAlerts,
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is made out to another name',
  EPROTO: 'the other end does not speak TLS there',
};

/** `isAnswering`: an answer had begun to arrive. */
export function httpFault(peer: string, thrown: unknown, { isAnswering }: { isAnswering: boolean }): Fault {
  if (thrown instanceof Fault) return thrown;
  const { code = '', message, errors } = thrown as NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] };
  // Several addresses of one name, tried one after another (AggregateError): they failed alike.
  const inner = errors?.[0]?.code ?? code;
  const certificate = certificateReasons[inner];
  if (certificate !== undefined) return pacsFault.tls(peer, certificate);
  if (/^(CERT_|ERR_SSL_|ERR_TLS_)/.test(inner)) return pacsFault.tls(peer, 'the two ends do not agree on TLS');
  if (inner.startsWith('HPE_')) {
    return isAnswering ? pacsFault.cutOff(peer) : pacsFault.notDicom(peer, 'what listens there does not speak HTTP');
  }
  if (isAnswering) return pacsFault.cutOff(peer);
  return pacsFault.unreachable(peer, reasons[inner] ?? message);
}
