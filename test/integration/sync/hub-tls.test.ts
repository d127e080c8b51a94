// The hub's own TLS: sites and browsers reach it encrypted, and a renewed certificate is served without a restart.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { openHub } from '../../../src/sync/hub/hub.ts';
import { openBench, until } from './federation-fixture.ts';
import { makeCertificate } from './own-certificate.ts';

const bench = openBench();
afterEach(() => bench.close());

/** Name on the certificate that a new connection is shown; it must be of this authority. */
function shownName(port: number, authority: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ port, host: '127.0.0.1', ca: readFileSync(authority) }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

describe('a hub with a certificate', () => {
  it('serves encrypted only, its invites say so, and a renewed one is taken while it runs', async () => {
    const folder = bench.folder();
    const first = makeCertificate(folder, 'first');
    const second = makeCertificate(folder, 'second');
    const served = { certFile: path.join(folder, 'hub.crt'), keyFile: path.join(folder, 'hub.key'), lookMs: 50 };
    const put = (from: typeof first): void => {
      copyFileSync(from.keyFile, served.keyFile);
      copyFileSync(from.certFile, served.certFile);
    };
    put(first);
    const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, tls: served }));
    expect(hub.url).toBe(`wss://127.0.0.1:${hub.port}`);
    expect(await shownName(hub.port, first.certFile)).toBe('first');
    await expect(fetch(`http://127.0.0.1:${hub.port}/healthz`)).rejects.toThrow('fetch failed');
    // Half of a renewal: a key that does not fit yet. The old pair serves on.
    writeFileSync(served.keyFile, readFileSync(second.keyFile));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await shownName(hub.port, first.certFile)).toBe('first');
    put(second);
    await until(
      'the renewed certificate',
      async () => (await shownName(hub.port, second.certFile).catch(() => null)) === 'second',
    );
  });

  it('does not start with a certificate that cannot be used', async () => {
    const folder = bench.folder();
    const { certFile } = makeCertificate(folder, 'only');
    const tlsFiles = { certFile, keyFile: path.join(folder, 'gone.key') };
    await expect(openHub({ folder: bench.folder(), port: 0, tls: tlsFiles })).rejects.toMatchObject({ code: 531 });
    const other = { certFile, keyFile: makeCertificate(folder, 'other').keyFile };
    await expect(openHub({ folder: bench.folder(), port: 0, tls: other })).rejects.toMatchObject({
      code: 531,
      message: expect.stringContaining('the key does not belong to the certificate'),
    });
  });
});
