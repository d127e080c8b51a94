// The hub's HTTP beside the sites' WebSocket, on the same port: which path leads to which part. With a certificate it is HTTPS.
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createSecureContext } from 'node:tls';
import { faultValueOf, reasonOf } from '../../contract/fault.ts';
import { hubFault } from './faults.ts';

/** Answers a request, or returns false where the path is not its own. */
export type HttpPart = (request: IncomingMessage, response: ServerResponse, path: string) => Promise<boolean>;

/** PEM files. They are read again when they change, as after a renewal. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** How often it is looked whether they changed. */
  readonly lookMs?: number;
}

/** A request that is not there whole after so long is cut off. */
const requestMs = 30_000;
const certificateLookMs = 30_000;

/** `onFailed` hears of what a part throws; the request is answered with 500. @throws Fault 531 for an unusable certificate. */
export function createHubServer(order: {
  readonly parts: readonly HttpPart[];
  readonly tls: TlsFiles | undefined;
  readonly onFailed: (thrown: unknown) => void;
}): Server {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = pathOf(request);
    try {
      for (const part of order.parts) if (await part(request, response, path)) return;
      sendJson(response, 404, { status: 'not found' });
    } catch (thrown) {
      order.onFailed(thrown);
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, { status: faultValueOf(thrown).message });
    }
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => void answer(request, response);
  const options = { requestTimeout: requestMs, headersTimeout: requestMs };
  if (order.tls === undefined) return createServer(options, listener);
  const { tls } = order;
  const server = createSecureServer({ ...options, ...readTls(tls) }, listener);
  const reload = (): void => {
    try {
      server.setSecureContext(readTls(tls));
    } catch (thrown) {
      // Half of a renewal, perhaps: the old one serves until both files fit together.
      order.onFailed(thrown);
    }
  };
  for (const file of [tls.certFile, tls.keyFile])
    watchFile(file, { interval: tls.lookMs ?? certificateLookMs }, reload).unref();
  server.once('close', () => {
    for (const file of [tls.certFile, tls.keyFile]) unwatchFile(file, reload);
  });
  return server;
}

export function sendJson(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

function readTls({ certFile, keyFile }: TlsFiles): { cert: Buffer; key: Buffer; minVersion: 'TLSv1.2' } {
  try {
    const files = { cert: readFileSync(certFile), key: readFileSync(keyFile), minVersion: 'TLSv1.2' } as const;
    // Half of a renewal, or two files that never belonged together, are found out here and not at the first visitor.
    createSecureContext(files);
    return files;
  } catch (thrown) {
    const { code } = thrown as { code?: unknown };
    const isOfAnother = code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH';
    throw hubFault.unusableCertificate(isOfAnother ? 'the key does not belong to the certificate' : reasonOf(thrown));
  }
}

/** The path without its query; `/` for one that cannot be read. */
function pathOf(request: IncomingMessage): string {
  const url = URL.canParse(request.url ?? '', 'http://hub') ? new URL(request.url ?? '', 'http://hub') : null;
  return url?.pathname ?? '/';
}
