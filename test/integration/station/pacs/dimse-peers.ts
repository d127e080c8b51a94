// Real DICOM nodes for tests, on free ports, in folders of their own, and ended with the test.
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { DimsePeer } from '../../../../src/contract/pacs.ts';

const has = (program: string): boolean => spawnSync('which', [program]).status === 0;
const orthancProgram = ['/usr/sbin/Orthanc', '/usr/bin/Orthanc'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);

/** Why the tests against real nodes cannot run here; null where they can. */
export const absence: string | null =
  orthancProgram === undefined || !has('storescu') || !has('dcmqrscp') || !has('openssl')
    ? 'Orthanc, dcmtk or openssl is not installed'
    : null;

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Resolves when `isSo`; fails after `withinMs`. */
export async function until(isSo: () => boolean | Promise<boolean>, what: string, withinMs = 20_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await delay(20);
  }
}

export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Folders and processes of one test. */
export class Ward {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'imagiq-dimse-'));
  readonly #processes: ChildProcess[] = [];

  path(...names: string[]): string {
    const whole = path.join(this.folder, ...names);
    mkdirSync(path.dirname(whole), { recursive: true });
    return whole;
  }

  start(program: string, args: readonly string[], cwd = this.folder): ChildProcess {
    const child = spawn(program, args, { cwd, stdio: 'ignore' });
    this.#processes.push(child);
    return child;
  }

  async close(): Promise<void> {
    for (const child of this.#processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const peerOf = (name: string, aeTitle: string, port: number): DimsePeer => ({
  kind: 'dimse',
  name,
  aeTitle,
  host: '127.0.0.1',
  port,
  isTls: false,
  authorityFile: null,
  identity: null,
});

export interface Orthanc {
  readonly peer: DimsePeer;
  readonly rest: string;
}

/** Knows `aeTitle` at `receiverPort` and lets it do everything. */
export async function orthanc(ward: Ward, aeTitle: string, receiverPort: number): Promise<Orthanc> {
  const [dicomPort, httpPort] = [await freePort(), await freePort()];
  const folder = ward.path('orthanc', 'db');
  mkdirSync(folder, { recursive: true });
  const configuration = ward.path('orthanc', 'orthanc.json');
  writeFileSync(
    configuration,
    JSON.stringify({
      StorageDirectory: folder,
      IndexDirectory: folder,
      HttpPort: httpPort,
      DicomPort: dicomPort,
      DicomAet: 'ORTHANC',
      DicomCheckCalledAet: true,
      DefaultEncoding: 'Utf8',
      RemoteAccessAllowed: false,
      AuthenticationEnabled: false,
      Plugins: [],
      DicomModalities: { imagiq: [aeTitle, '127.0.0.1', receiverPort] },
    }),
  );
  ward.start(orthancProgram!, [configuration]);
  const rest = `http://127.0.0.1:${httpPort}`;
  await until(async () => (await fetch(`${rest}/system`).catch(() => null))?.ok === true, 'Orthanc answers');
  return { peer: peerOf('Orthanc', 'ORTHANC', dicomPort), rest };
}

/** dcmtk's archive; knows `aeTitle` at `receiverPort`. */
export async function dcmqrscp(ward: Ward, aeTitle: string, receiverPort: number): Promise<DimsePeer> {
  const port = await freePort();
  const storage = ward.path('dcmqrscp', 'db');
  mkdirSync(storage, { recursive: true });
  const configuration = ward.path('dcmqrscp', 'dcmqrscp.cfg');
  writeFileSync(
    configuration,
    [
      `NetworkTCPPort = ${port}`,
      'MaxPDUSize = 16384',
      'MaxAssociations = 16',
      'HostTable BEGIN',
      `imagiq = (${aeTitle}, 127.0.0.1, ${receiverPort})`,
      'HostTable END',
      'VendorTable BEGIN',
      'VendorTable END',
      'AETable BEGIN',
      `ARCHIVE ${storage} RW (200, 1024mb) ANY`,
      'AETable END',
      '',
    ].join('\n'),
  );
  ward.start('dcmqrscp', ['-c', configuration]);
  await until(() => isListening(port), 'dcmqrscp listens');
  return peerOf('Archive', 'ARCHIVE', port);
}

/** dcmtk's plain receiver; takes what comes in any transfer syntax, or as `args` say. */
export async function storescp(
  ward: Ward,
  args: readonly string[] = ['+xa'],
): Promise<{ peer: DimsePeer; into: string }> {
  const port = await freePort();
  const into = ward.path('storescp', 'files');
  mkdirSync(into, { recursive: true });
  ward.start('storescp', ['-aet', 'STORESCP', '-od', into, ...args, String(port)]);
  await until(() => isListening(port), 'storescp listens');
  return { peer: peerOf('storescp', 'STORESCP', port), into };
}

const run = promisify(execFile);

/** Runs one of dcmtk's programs; `output` is what it said, whether it succeeded or not. */
export async function dcmtk(program: string, args: readonly string[]): Promise<{ isDone: boolean; output: string }> {
  try {
    const { stdout, stderr } = await run(program, [...args], { timeout: 60_000 });
    return { isDone: true, output: stdout + stderr };
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return { isDone: false, output: stdout + stderr };
  }
}

export interface Certificates {
  readonly authority: string;
  readonly key: string;
  readonly certificate: string;
}

/** A throw-away authority, and a certificate for localhost that it signed. */
export async function certificates(ward: Ward, name: string): Promise<Certificates> {
  const file = (kind: string): string => ward.path('tls', `${name}-${kind}.pem`);
  const openssl = (...args: string[]) => run('openssl', args);
  const days = ['-days', '2'];
  const authority = { key: file('ca-key'), certificate: file('ca') };
  await openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    authority.key,
    '-out',
    authority.certificate,
    '-subj',
    `/CN=authority ${name}`,
    ...days,
  );
  const request = file('request');
  await openssl(
    'req',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    file('key'),
    '-out',
    request,
    '-subj',
    '/CN=localhost',
  );
  const extensions = file('extensions');
  writeFileSync(extensions, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  await openssl(
    'x509',
    '-req',
    '-in',
    request,
    '-CA',
    authority.certificate,
    '-CAkey',
    authority.key,
    '-CAcreateserial',
    '-extfile',
    extensions,
    '-out',
    file('certificate'),
    ...days,
  );
  return { authority: authority.certificate, key: file('key'), certificate: file('certificate') };
}
