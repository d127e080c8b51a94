// A real Orthanc with its DICOMweb plug-in, on free ports and in a folder that goes afterwards.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

export const orthancUser = { user: 'radiology', password: 'a long password' };
const plugin = '/usr/share/orthanc/plugins/libOrthancDicomWeb.so';
const startDeadlineMs = 60_000;

export interface Orthanc {
  /** http://host:port, or https. */
  readonly origin: string;
  /** Root of its DICOMweb services. */
  readonly url: string;
  readonly httpPort: number;
  readonly dicomPort: number;
  readonly aeTitle: string;
  /** Orthanc's own interface; JSON. */
  rest(place: string, body?: Uint8Array): Promise<unknown>;
  stop(): Promise<void>;
}

export const hasOrthanc = spawnSync('Orthanc', ['--version']).status === 0 && existsSync(plugin);

/** `settings`: further lines of its configuration. */
export async function startOrthanc(settings: Readonly<Record<string, unknown>> = {}): Promise<Orthanc> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-orthanc-'));
  const [httpPort, dicomPort] = [await freePort(), await freePort()];
  const aeTitle = 'ORTHANCTEST';
  mkdirSync(path.join(folder, 'db'));
  const file = path.join(folder, 'orthanc.json');
  const configuration = {
    Name: aeTitle,
    StorageDirectory: path.join(folder, 'db'),
    IndexDirectory: path.join(folder, 'db'),
    Plugins: [plugin],
    HttpPort: httpPort,
    DicomPort: dicomPort,
    DicomAet: aeTitle,
    DicomCheckCalledAet: true,
    DicomAlwaysAllowEcho: true,
    DicomAlwaysAllowStore: true,
    DicomAlwaysAllowFind: true,
    DicomAlwaysAllowGet: true,
    RemoteAccessAllowed: false,
    AuthenticationEnabled: true,
    RegisteredUsers: { [orthancUser.user]: orthancUser.password },
    DicomWeb: { Enable: true, Root: '/dicom-web/', StudiesMetadata: 'Full', SeriesMetadata: 'Full' },
    ...settings,
  };
  writeFileSync(file, JSON.stringify(configuration));
  const child = spawn('Orthanc', [file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => (log = (log + String(text)).slice(-8_000)));
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(late);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const origin = `${settings['SslEnabled'] === true ? 'https' : 'http'}://127.0.0.1:${httpPort}`;
  const authorization = `Basic ${Buffer.from(`${orthancUser.user}:${orthancUser.password}`).toString('base64')}`;
  const deadline = Date.now() + startDeadlineMs;
  while (!(await isOpen(httpPort)) || !(await isOpen(dicomPort))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`Orthanc did not start:\n${log}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    origin,
    url: `${origin}/dicom-web/`,
    httpPort,
    dicomPort,
    aeTitle,
    async rest(place, body) {
      const answer = await fetch(origin + place, {
        headers: { authorization },
        ...(body === undefined ? {} : { method: 'POST', body: Buffer.from(body) }),
      });
      if (!answer.ok) throw new Error(`${place}: ${answer.status} ${await answer.text()}`);
      return answer.json();
    },
    stop,
  };
}

export async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
