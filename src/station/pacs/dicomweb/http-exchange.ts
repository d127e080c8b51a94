// One HTTP request to a DICOMweb server and its answer, read as it arrives. Node's own http is used rather than fetch: it takes
// an authority's certificate, a proxy from HTTPS_PROXY and NO_PROXY, and never follows a redirect by itself.
import http from 'node:http';
import https from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import tls from 'node:tls';
import type { DicomwebPeer } from '../../../contract/pacs.ts';
import { Fault } from '../../../contract/fault.ts';
import { pacsFault } from '../faults.ts';
import { readAuthority, readIdentity } from '../pem-files.ts';
import { httpFault } from './http-faults.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  /** Below the peer's root, beginning with a slash, with the query. */
  readonly place: string;
  readonly accept: string;
  readonly signal: AbortSignal;
  readonly body?: { readonly type: string; readonly bytes: number; readonly chunks: AsyncIterable<Uint8Array> };
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Throws fault 653 when nothing arrives for too long, 660 when it ends early. */
  readonly body: AsyncIterable<Buffer>;
  /** Ends the connection without reading the rest. */
  drop(): void;
}

export interface HttpLimits {
  /** Without a byte in either direction. A server may need long to put a study together. */
  readonly silenceMs: number;
}

export interface HttpExchange {
  /** @throws Fault 652–656, 660, 661, 662, 665; any status but 401, 403, 407 and redirects is an answer. */
  ask(request: HttpRequest): Promise<HttpAnswer>;
}

const redirectsFollowed = 3;

export function httpExchange(peer: DicomwebPeer, limits: HttpLimits): HttpExchange {
  const root = new URL(peer.url);
  const { pathname } = root;
  const isTls = root.protocol === 'https:';
  let agent: http.Agent | null = null;

  const ask = async (request: HttpRequest, address: URL, redirects: number): Promise<HttpAnswer> => {
    if (request.signal.aborted) throw pacsFault.cancelled();
    agent ??= isTls ? tlsAgent(peer) : new http.Agent(agentOptions);
    const line = { address, agent, isTls, ...limits };
    const answer = await exchange(peer, request, line).catch((error: unknown) => {
      // Once more, on a new connection. A body has been read by then, and cannot be sent twice.
      if (error instanceof StaleConnection && request.body === undefined) return exchange(peer, request, line);
      throw error instanceof StaleConnection ? pacsFault.cutOff(peer.name) : error;
    });
    const location = answer.status >= 300 && answer.status < 400 ? answer.headers.location : undefined;
    if (location === undefined) return answer;
    answer.drop();
    const next = URL.parse(location, address.href);
    if (next === null)
      throw pacsFault.refused(peer.name, `it answers with a redirect to no address (HTTP ${answer.status})`);
    // Another origin must not learn the password, nor what is asked for.
    if (next.origin !== address.origin) throw pacsFault.redirected(peer.name, next.host);
    if (request.method !== 'GET' || redirects === redirectsFollowed) {
      throw pacsFault.refused(peer.name, `it answers with a redirect (HTTP ${answer.status})`);
    }
    return ask(request, next, redirects + 1);
  };

  return {
    ask: (request) => ask(request, new URL(pathname.replace(/\/+$/, '') + request.place, root.origin), 0),
  };
}

const agentOptions = { keepAlive: true, timeout: 30_000, proxyEnv: process.env };

function tlsAgent({ authorityFile, identity }: DicomwebPeer): https.Agent {
  const shown = identity === null ? {} : readIdentity(identity.certificateFile, identity.keyFile);
  return new https.Agent({ ...agentOptions, ...shown, ca: authorities(authorityFile), minVersion: 'TLSv1.2' });
}

function authorities(file: string | null): string[] {
  if (file === null) return [...tls.getCACertificates('default'), ...tls.getCACertificates('system')];
  return [readAuthority(file)];
}

interface Line extends HttpLimits {
  readonly address: URL;
  readonly agent: http.Agent;
  readonly isTls: boolean;
}

async function exchange(peer: DicomwebPeer, request: HttpRequest, line: Line): Promise<HttpAnswer> {
  const { address, agent, silenceMs } = line;
  const headers: http.OutgoingHttpHeaders = { accept: request.accept, 'user-agent': 'ImagiQ' };
  if (peer.user !== null) {
    headers['authorization'] = `Basic ${Buffer.from(`${peer.user}:${peer.password ?? ''}`).toString('base64')}`;
  }
  if (request.body !== undefined) {
    headers['content-type'] = request.body.type;
    headers['content-length'] = request.body.bytes;
  }
  const outgoing = (line.isTls ? https : http).request(address, { method: request.method, headers, agent });
  // Why this side ended it: a response under way hears of a reset only.
  let ended: Fault | null = null;
  const end = (why: Fault): void => {
    ended ??= why;
    outgoing.destroy(why);
  };
  const silence = new Watch(silenceMs, () => end(pacsFault.timedOut(peer.name, silenceMs / 1000)));
  const onAbort = (): void => end(pacsFault.cancelled());
  request.signal.addEventListener('abort', onAbort, { once: true });
  outgoing.once('close', () => {
    silence.end();
    request.signal.removeEventListener('abort', onAbort);
  });

  const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.on('error', (error) => {
      reject(
        ended ??
          (isStale(outgoing, error) ? new StaleConnection() : httpFault(peer.name, error, { isAnswering: false })),
      );
    });
  });
  const written = writeBody(outgoing, request.body, silence);
  // A server may refuse before it has read all, and then hang up: its answer counts, not the broken pipe.
  written.catch(() => {});
  const response = await answered;
  silence.touch();
  const status = response.statusCode ?? 0;
  const answer = {
    status,
    headers: response.headers,
    body: bodyOf(response, silence, (error) => ended ?? httpFault(peer.name, error, { isAnswering: true })),
    drop: () => void outgoing.destroy(),
  };
  if (status === 401 || status === 403 || status === 407) {
    answer.drop();
    throw pacsFault.unauthorised(peer.name);
  }
  return answer;
}

async function writeBody(outgoing: http.ClientRequest, body: HttpRequest['body'], silence: Watch): Promise<void> {
  if (body === undefined) {
    outgoing.end();
    return;
  }
  const { chunks } = body;
  async function* watched(): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      silence.touch();
      yield chunk;
    }
  }
  await pipeline(Readable.from(watched(), { objectMode: false, highWaterMark: 1 << 18 }), outgoing);
}

async function* bodyOf(
  response: http.IncomingMessage,
  silence: Watch,
  faultOf: (error: unknown) => Fault,
): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of response) {
      silence.pause();
      yield chunk as Buffer;
      silence.touch();
    }
  } catch (error) {
    throw faultOf(error);
  } finally {
    silence.end();
  }
}

/** A kept connection that the server closed just when it was used again. */
class StaleConnection extends Error {}

function isStale(outgoing: http.ClientRequest, error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return outgoing.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE');
}

/** Fires when nothing was heard for so long. */
class Watch {
  readonly #silenceMs: number;
  readonly #onSilence: () => void;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(silenceMs: number, onSilence: () => void) {
    this.#silenceMs = silenceMs;
    this.#onSilence = onSilence;
    this.touch();
  }

  touch(): void {
    this.pause();
    if (!this.#ended) this.#timer = setTimeout(this.#onSilence, this.#silenceMs);
  }

  /** While this side is busy with what it heard. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  end(): void {
    this.#ended = true;
    this.pause();
  }
}
