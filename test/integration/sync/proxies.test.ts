// Sites behind a hospital's proxy: real proxy processes, real TLS, certificates made here.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ConnectionSettings, connectionSettingsSchema } from '../../../src/contract/connection.ts';
import { openHub } from '../../../src/sync/hub/hub.ts';
import { openSite } from '../../../src/sync/site/site.ts';
import { wayOut } from '../../../src/sync/site/way-out.ts';
import { openBench, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';

const bench = openBench();
const running: ChildProcess[] = [];
const servers: tls.Server[] = [];
afterEach(async () => {
  await bench.close();
  for (const child of running.splice(0)) child.kill('SIGKILL');
  for (const server of servers.splice(0)) server.close();
});

interface Authority {
  /** PEM file of the authority's certificate. */
  readonly file: string;
  readonly certificate: { readonly key: string; readonly cert: string };
}

/** An authority of its own, and a certificate for hub.example.org that it signed. */
function authority(folder: string, name: string): Authority {
  const file = (ending: string): string => path.join(folder, `${name}.${ending}`);
  const openssl = (...flags: string[]): void => void execFileSync('openssl', flags, { stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
  );
  openssl('req', ...key, '-keyout', file('key'), '-out', file('csr'), '-subj', '/CN=hub.example.org');
  writeFileSync(file('ext'), 'subjectAltName=DNS:hub.example.org\n');
  openssl(
    'x509',
    '-req',
    '-in',
    file('csr'),
    '-CA',
    file('ca.pem'),
    '-CAkey',
    file('ca.key'),
    '-CAcreateserial',
    '-out',
    file('pem'),
    '-days',
    '2',
    '-extfile',
    file('ext'),
  );
  const read = (ending: string): string => readFileSync(file(ending), 'utf8');
  return { file: file('ca.pem'), certificate: { key: read('key'), cert: read('pem') } };
}

let hubAuthority: Authority;
let wardAuthority: Authority;
beforeAll(() => {
  const lasting = openBench();
  const folder = lasting.folder();
  hubAuthority = authority(folder, 'hub');
  wardAuthority = authority(folder, 'ward');
  return () => lasting.close();
});

/** A hub behind TLS, as behind nginx; @returns the port of the TLS. */
async function hubBehindTls() {
  const hub = bench.keep(
    await openHub({
      folder: bench.folder(),
      port: 0,
      publicUrl: 'wss://hub.example.org',
      project: practiceProject({ rule: { bufferSize: 1 }, commits: 1 }),
      initialWeights: weightsOf(0),
    }),
  );
  const server = tls.createServer(hubAuthority.certificate, (socket) => {
    const inside = net.connect(hub.port, '127.0.0.1');
    socket.on('error', () => inside.destroy());
    inside.on('error', () => socket.destroy());
    socket.pipe(inside).pipe(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { hub, tlsPort: (server.address() as { port: number }).port };
}

async function proxyTo(upstreamPort: number, kind: object = {}) {
  const script = fileURLToPath(new URL('proxy-process.ts', import.meta.url));
  const order = { upstreamPort, login: null, certificate: null, stripsUpgrade: false, ...kind };
  const child = spawn(process.execPath, [script, JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(child);
  const seen: string[] = [];
  const lines = createInterface(child.stdout);
  const port = await new Promise<string>((resolve) => lines.once('line', resolve));
  lines.on('line', (line) => seen.push(line));
  return { url: `http://127.0.0.1:${port}`, seen, child };
}

async function siteWith(settings: Partial<ConnectionSettings>, environment: Record<string, string> = {}) {
  const parsed = connectionSettingsSchema.parse(settings);
  return bench.keep(
    await openSite({
      folder: bench.folder(),
      siteName: 'Lyon',
      work: practiceWork({ step: 1 }),
      random: () => 0.2,
      wayOut: wayOut(() => parsed, environment),
      onChange: () => {},
      onLedger: () => {},
    }),
  );
}

describe('a site behind a proxy', () => {
  it('enrols, sends its update and finishes through CONNECT, by the environment or by its settings', async () => {
    const { hub, tlsPort } = await hubBehindTls();
    const proxy = await proxyTo(tlsPort);
    const lyon = await siteWith({ caFile: hubAuthority.file }, { https_proxy: proxy.url });
    const { federation } = await lyon.join(await hub.createInvite());
    await lyon.approve(federation, 'chest');
    await until('the project is finished', () => lyon.memberships()[0]?.state === 'finished', 60_000);
    expect(proxy.seen).toEqual(['CONNECT hub.example.org:443 allowed']);
    expect((await hub.status()).acceptedUpdates).toBe(1);
  });

  it('gives its login where it has one, and says so where it is asked for one that it has not', async () => {
    const { hub, tlsPort } = await hubBehindTls();
    const proxy = await proxyTo(tlsPort, { login: 'ward 7:s&cret' });
    const settings = { proxy: 'address', proxyUrl: proxy.url, caFile: hubAuthority.file } as const;
    const locked = await siteWith(settings);
    await expect(locked.join(await hub.createInvite())).rejects.toMatchObject({ code: 485, retry: 'later' });
    const wrong = await siteWith({ ...settings, proxyUser: 'ward 7', proxyPassword: 'guess' });
    const refused = await wrong.join(await hub.createInvite()).catch((fault: unknown) => fault);
    expect(refused).toMatchObject({ code: 485 });
    expect((refused as Error).message).not.toContain('guess');
    const lyon = await siteWith({ ...settings, proxyUser: 'ward 7', proxyPassword: 's&cret' });
    await lyon.join(await hub.createInvite());
    expect(proxy.seen.at(-1)).toBe('CONNECT hub.example.org:443 allowed');
  });

  it('tells a proxy that does not let it through, and one that is not there, from a hub that is not there', async () => {
    const { hub, tlsPort } = await hubBehindTls();
    const refusing = await proxyTo(tlsPort, { refuses: true });
    const invite = await hub.createInvite();
    const barred = await siteWith({ proxy: 'address', proxyUrl: refusing.url });
    await expect(barred.join(invite)).rejects.toMatchObject({ code: 486 });
    const nobody = await siteWith({ proxy: 'address', proxyUrl: 'http://127.0.0.1:9' });
    await expect(nobody.join(invite)).rejects.toMatchObject({ code: 487 });
  });

  it('names what to do about a certificate that it does not know, and about a file of authorities that is none', async () => {
    const { hub, tlsPort } = await hubBehindTls();
    const proxy = await proxyTo(tlsPort);
    const invite = await hub.createInvite();
    const settings = { proxy: 'address', proxyUrl: proxy.url } as const;
    const trusting = await siteWith(settings);
    await expect(trusting.join(invite)).rejects.toMatchObject({ code: 488, message: expect.stringContaining('--ca') });
    const notOne = path.join(bench.folder(), 'ca.pem');
    writeFileSync(notOne, 'hello');
    const lyon = await siteWith({ ...settings, caFile: notOne });
    await expect(lyon.join(invite)).rejects.toMatchObject({ code: 484 });
  });
});

describe('a proxy that looks into TLS', () => {
  it('is refused while its authority is unknown; once it is known the federation works, its keys checked inside', async () => {
    const { hub, tlsPort } = await hubBehindTls();
    const proxy = await proxyTo(tlsPort, { certificate: wardAuthority.certificate });
    const settings = { proxy: 'address', proxyUrl: proxy.url } as const;
    const invite = await hub.createInvite();
    const before = await siteWith({ ...settings, caFile: hubAuthority.file });
    await expect(before.join(invite)).rejects.toMatchObject({ code: 488 });
    const lyon = await siteWith({ ...settings, caFile: wardAuthority.file });
    const { federation } = await lyon.join(invite);
    await lyon.approve(federation, 'chest');
    await until('the project is finished', () => lyon.memberships()[0]?.state === 'finished', 60_000);
  });

  it('cannot stand in for the hub: another hub behind it is told apart by its key', async () => {
    const { hub } = await hubBehindTls();
    const other = await hubBehindTls();
    const proxy = await proxyTo(other.tlsPort, { certificate: wardAuthority.certificate });
    const lyon = await siteWith({ proxy: 'address', proxyUrl: proxy.url, caFile: wardAuthority.file });
    await expect(lyon.join(await hub.createInvite())).rejects.toMatchObject({ code: 451 });
    expect((await other.hub.status()).members).toEqual([]);
  });

  it('that takes the upgrade out is named as what it is', async () => {
    const { hub, tlsPort } = await hubBehindTls();
    const proxy = await proxyTo(tlsPort, { certificate: wardAuthority.certificate, stripsUpgrade: true });
    const lyon = await siteWith({ proxy: 'address', proxyUrl: proxy.url, caFile: wardAuthority.file });
    await expect(lyon.join(await hub.createInvite())).rejects.toMatchObject({
      code: 489,
      message: expect.stringContaining('WebSocket'),
    });
  });
});

describe('NO_PROXY', () => {
  const through = (noProxy: string, url = 'wss://hub.example.org'): boolean =>
    wayOut(() => connectionSettingsSchema.parse({}), { HTTPS_PROXY: 'proxy:3128', NO_PROXY: noProxy }).proxyFor(url) !==
    null;
  it.each([
    ['', true],
    ['example.org', false],
    ['.example.org', false],
    ['*.example.org', false],
    ['ample.org', true],
    ['other.org, hub.example.org:443', false],
    ['hub.example.org:8443', true],
    ['*', false],
  ])('%j: through the proxy %s', (list, expected) => expect(through(list)).toBe(expected));
  it('is not needed for this machine itself', () => {
    expect(through('', 'ws://127.0.0.1:8443')).toBe(false);
    expect(through('', 'ws://localhost:8443')).toBe(false);
  });
});
