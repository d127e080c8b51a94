// The way from this site to a hub: straight or through an HTTP proxy (CONNECT), and whom to believe that it is the hub's address. That it
// is the hub itself is shown by its key, in the handshake: a proxy that opens the TLS reads nothing that it could use.
import { readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import tls from 'node:tls';
import { HttpsProxyAgent } from 'https-proxy-agent';
import type { ConnectionSettings } from '../../contract/connection.ts';
import { reasonOf } from '../../contract/fault.ts';
import { siteFault } from './faults.ts';

export interface WayOut {
  /** The proxy for this address, name and password in it where it asks for them; null to go straight. */
  proxyFor(url: string): URL | null;
  /** Certificates to believe, in PEM. @throws Fault 484 when the file of them cannot be used. */
  authorities(): string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The way that the settings describe, read at each connection. */
export function wayOut(settings: () => ConnectionSettings, environment: Environment = process.env): WayOut {
  return {
    proxyFor: (url) => proxyFor(url, settings(), environment),
    authorities: () => [...systemAuthorities(), ...certificatesOf(settings().caFile)],
  };
}

/** @returns null for an address on this machine, which no proxy could reach. */
function proxyFor(address: string, settings: ConnectionSettings, environment: Environment): URL | null {
  const { hostname, port, protocol } = new URL(address);
  if (isLoopback(hostname) || settings.proxy === 'none') return null;
  if (settings.proxy === 'address') {
    const url = settings.proxyUrl === null ? null : URL.parse(settings.proxyUrl);
    if (url === null) return null;
    url.username = encodeURIComponent(settings.proxyUser ?? '');
    url.password = encodeURIComponent(settings.proxyPassword ?? '');
    return url;
  }
  const named = (name: string): string => environment[name] ?? environment[name.toUpperCase()] ?? '';
  if (isExempt(hostname, port || (protocol === 'ws:' ? '80' : '443'), named('no_proxy'))) return null;
  const text = named('https_proxy') || named('all_proxy');
  // `proxy.hospital.org:3128` is as usual in this variable as a whole address.
  return text === '' ? null : URL.parse(/^https?:\/\//i.test(text) ? text : `http://${text}`);
}

/** NO_PROXY: hosts, or ends of their names, separated by commas; with a port, that port only; `*` for all. */
function isExempt(host: string, port: string, list: string): boolean {
  return list
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const [, name = '', onlyPort] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
      if (onlyPort !== undefined && onlyPort !== port) return false;
      const end = name.replace(/^\*?\./, '');
      return host.toLowerCase() === end || host.toLowerCase().endsWith(`.${end}`);
    });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host.startsWith('127.');
}

/** What the runtime brings and what the operating system knows: hospitals put their own authority into the latter. */
function systemAuthorities(): string[] {
  return [...tls.getCACertificates('default'), ...tls.getCACertificates('system')];
}

/** The certificates of a PEM file, each of them looked at. @throws Fault 484 */
export function certificatesOf(file: string | null): string[] {
  if (file === null) return [];
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw siteFault.unusableAuthorities(file, reasonOf(error));
  }
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0) throw siteFault.unusableAuthorities(file, 'it holds no certificate in PEM form');
  try {
    return found.map((certificate) => new X509Certificate(certificate).toString());
  } catch {
    throw siteFault.unusableAuthorities(file, 'a certificate in it is damaged');
  }
}

/** An agent that goes through the proxy, and what the proxy answered to CONNECT once it did. */
export function proxyAgent(proxy: URL): {
  readonly agent: HttpsProxyAgent<string>;
  readonly status: () => number | null;
} {
  const agent = new HttpsProxyAgent(proxy);
  let status: number | null = null;
  agent.on('proxyConnect', (answer: { statusCode: number }) => {
    status = answer.statusCode;
  });
  return { agent, status: () => status };
}
