// One outbound connection to a hub: address, WebSocket, handshake. Each way in which it can fail has its own words.
import type { Agent } from 'node:http';
import { WebSocket } from 'ws';
import { Fault } from '../../contract/fault.ts';
import type { MemberRole } from '../../contract/federation.ts';
import { zeroMask } from '../protocol/frame-mask.ts';
import { openFrameQueue, type FrameQueue } from '../protocol/frame-queue.ts';
import { closeCodes } from '../protocol/channel.ts';
import type { DeviceKeys } from '../protocol/device-keys.ts';
import { passing } from '../protocol/faults.ts';
import { greetHub, HubRefusal, type Hello } from '../protocol/handshake.ts';
import { wireLimits, wireVersion } from '../protocol/limits.ts';
import type { MessageSeal } from '../protocol/message-seal.ts';
import { type Signed, signStatement } from '../protocol/statement.ts';
import { siteFault } from './faults.ts';
import { proxyAgent, type WayOut } from './way-out.ts';

export interface DialOrder {
  readonly url: string;
  readonly hubFingerprint: string;
  readonly keys: DeviceKeys;
  readonly site: string;
  readonly inviteCode: string | null;
  readonly lastModelSequence: number;
  /** Makes the connections; the system's own without. */
  readonly agent: Agent | null;
  readonly address: Signed | null;
  /** Straight, believing what the runtime believes, where it is left out. */
  readonly wayOut?: WayOut;
}

export interface Line {
  readonly socket: WebSocket;
  readonly frames: FrameQueue;
  readonly seal: MessageSeal;
  readonly hello: Hello;
  /** What the hub lets this device do. */
  readonly role: MemberRole;
  /** The device's certificate of membership; null from a hub of an earlier version. */
  readonly membership: Signed | null;
}

/** @throws Fault 484–489 about the way there, 450 nobody there, 451 another key, 452 not a hub of this version, or the hub's reason of refusal. */
export async function dial(order: DialOrder): Promise<Line> {
  const host = hostOf(order.url);
  const proxy = order.wayOut?.proxyFor(order.url) ?? null;
  const through = proxy === null ? null : proxyAgent(proxy);
  const agent = order.agent ?? through?.agent;
  const socket = new WebSocket(order.url, wireVersion, {
    ...zeroMask,
    perMessageDeflate: false,
    maxPayload: wireLimits.frameBytes,
    handshakeTimeout: wireLimits.handshakeMs,
    followRedirects: false,
    ...(order.wayOut !== undefined && { ca: order.wayOut.authorities() }),
    ...(agent !== undefined && { agent }),
  });
  // Attached before the socket opens: the first frame may come with the answer to the upgrade, and a hub's news right behind its
  // welcome: project, members, and the models of all of them.
  const frames = openFrameQueue(socket, {
    frames: wireLimits.members + 8,
    bytes: wireLimits.frameBytes,
    allBytes: wireLimits.greetingBytes,
  });
  await opened(socket, {
    host,
    proxy: proxy?.host ?? null,
    proxyStatus: () => through?.status() ?? null,
    isHere: order.url.startsWith('ws:'),
  });
  try {
    const { keys, site } = order;
    const card = signStatement('site-card', { site, publicKey: keys.publicKey, boxPublicKey: keys.boxPublicKey }, keys);
    const greeted = await greetHub({ ...order, socket, frames, card, wrongHub: () => siteFault.wrongHub(host) });
    return { socket, frames, ...greeted };
  } catch (thrown) {
    socket.close(closeCodes.refused);
    setTimeout(() => socket.terminate(), 1_000).unref();
    if (thrown instanceof HubRefusal) throw thrown;
    // Whatever else answers, now or by mistake, decides nothing.
    throw thrown instanceof Fault ? passing(thrown) : siteFault.notAHub(host, 'its greeting is not one');
  }
}

/** Whom a connection was to reach, and what stood in between. */
interface Destination {
  readonly host: string;
  /** Host and port of the proxy; null without one. */
  readonly proxy: string | null;
  /** What the proxy answered to CONNECT; null when it has not. */
  readonly proxyStatus: () => number | null;
  /** This machine itself: nothing stands in between. */
  readonly isHere: boolean;
}

function opened(socket: WebSocket, to: Destination): Promise<void> {
  return new Promise((resolve, reject) => {
    let refusal: Fault | null = null;
    socket.once('open', () => resolve());
    socket.on('unexpected-response', (request, response) => {
      refusal = answerFault(to, response.statusCode ?? 0);
      request.destroy();
      socket.terminate();
      reject(refusal);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      reject(refusal ?? connectFault(to, error));
    });
  });
}

/** Something answered, and opened no WebSocket. */
function answerFault({ host, proxy, proxyStatus, isHere }: Destination, status: number): Fault {
  const said = proxyStatus();
  if (proxy !== null && said === 407) return siteFault.proxyLogin(proxy);
  if (proxy !== null && said !== null && said !== 200) return siteFault.proxyRefuses(proxy, host, said);
  // A hub of another version says 426; one that is not up behind its own front, 502 to 504.
  return isHere || status === 426 || status >= 500
    ? siteFault.notAHub(host, `it answers ${status}`)
    : siteFault.upgradeStripped(host, status);
}

/** What TLS says of a certificate that it does not believe. */
const unbelieved =
  /SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)|CERT_(UNTRUSTED|HAS_EXPIRED|NOT_YET_VALID|SIGNATURE)|ERR_TLS_CERT/;

function connectFault({ host, proxy, proxyStatus }: Destination, error: NodeJS.ErrnoException): Fault {
  const reasons: Record<string, string> = {
    ECONNREFUSED: 'nothing listens there',
    ENOTFOUND: 'its name is not known',
    EAI_AGAIN: 'its name cannot be looked up now',
    ETIMEDOUT: 'it took too long',
    EHOSTUNREACH: 'there is no way to it',
    ENETUNREACH: 'there is no network',
    ECONNRESET: 'the connection was cut',
  };
  const code = error.code ?? '';
  if (unbelieved.test(code)) return siteFault.unbelievedCertificate(host, code);
  const reason = reasons[code];
  // The proxy was not even asked.
  if (proxy !== null && proxyStatus() === null && reason !== undefined) return siteFault.proxyAway(proxy, reason);
  if (reason !== undefined) return siteFault.hubUnreachable(host, reason);
  if (/subprotocol|server response|Upgrade|status/i.test(error.message)) return siteFault.notAHub(host, error.message);
  return siteFault.hubUnreachable(host, code || error.message);
}

function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}
