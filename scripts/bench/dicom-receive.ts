// C-STORE receive: our receiver (with index) against dcmtk's storescp (no index) and Orthanc, interleaved. The one sender
// for all three is our own client, which sets TCP_NODELAY; the peers get it from a preloaded shim, since they do not set it
// and would be measured by 40 ms of delayed acknowledgements. Without a C compiler they are left out.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { receiverSettingsSchema } from '../../src/contract/pacs.ts';
import { openLibrary } from '../../src/station/library/library.ts';
import { dimseClient } from '../../src/station/pacs/dimse/dimse-client.ts';
import type { SendFile } from '../../src/station/pacs/peer-client.ts';
import { openReceiver } from '../../src/station/pacs/receiver/receiver.ts';
import { encodePart10 } from '../../src/station/practice/part10.ts';
import { practiceSites } from '../../src/station/practice/practice-studies.ts';
import { practiceElements } from '../../src/station/practice/study-header.ts';
import { type Measurement, median, moreIsBetter } from './measurement.ts';

const fileCount = Math.min(500, Number(process.env['IMAGIQ_BENCH_FILES'] ?? 300));
const side = 512;
const turns = 3;
const [ourPort, scpPort, orthancPort] = [21_104, 21_105, 21_106] as const;

const shim = `#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
int accept(int fd, struct sockaddr *a, socklen_t *l) {
  int (*real)(int, struct sockaddr *, socklen_t *) = dlsym(RTLD_NEXT, "accept");
  int s = real(fd, a, l), one = 1;
  if (s >= 0) setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return s;
}
`;

/** The environment of the peers; null where no C compiler is there. */
function withNoDelay(folder: string): NodeJS.ProcessEnv | null {
  const library = path.join(folder, 'no-delay.so');
  writeFileSync(path.join(folder, 'no-delay.c'), shim);
  const made = spawnSync('cc', ['-shared', '-fPIC', '-o', library, path.join(folder, 'no-delay.c'), '-ldl']);
  return made.status === 0 ? { ...process.env, LD_PRELOAD: library } : null;
}

export async function dicomReceive(): Promise<Measurement[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-bench-receive-'));
  const children: ChildProcess[] = [];
  const library = openLibrary({ folder });
  const receiver = openReceiver({ folder, intake: library.intake(), onChange: () => {} });
  try {
    await receiver.configure(
      receiverSettingsSchema.parse({ isEnabled: true, port: ourPort, allowedAETitles: ['BENCH'] }),
    );
    const env = withNoDelay(folder);
    const hasScp = env !== null && spawnSync('which', ['storescp']).status === 0;
    const orthanc =
      env === null
        ? undefined
        : ['/usr/sbin/Orthanc', '/usr/bin/Orthanc'].find((name) => spawnSync('test', ['-x', name]).status === 0);
    if (hasScp) {
      mkdirSync(path.join(folder, 'scp'));
      children.push(
        spawn('storescp', ['-od', path.join(folder, 'scp'), String(scpPort)], {
          stdio: 'ignore',
          env: env ?? process.env,
        }),
      );
    }
    if (orthanc !== undefined) children.push(startOrthanc(orthanc, path.join(folder, 'orthanc'), env));
    const ours: number[] = [];
    const scp: number[] = [];
    const stored: number[] = [];
    for (let turn = 0; turn < turns; turn += 1) {
      const files = writeSlices(path.join(folder, `turn-${turn}`), turn);
      ours.push(await rate(ourPort, 'IMAGIQ', files, () => library.intake().flush()));
      if (hasScp) scp.push(await rate(scpPort, 'STORESCP', files));
      if (orthanc !== undefined) stored.push(await rate(orthancPort, 'ORTHANC', files));
      rmSync(path.join(folder, `turn-${turn}`), { recursive: true });
    }
    const peers = [
      ...(scp.length > 0 ? [{ name: 'storescp (no index)', value: median(scp) }] : []),
      ...(stored.length > 0 ? [{ name: 'Orthanc', value: median(stored) }] : []),
    ];
    const note = `${fileCount} CT slices of ${side}×${side}, index written, median of ${turns}; our client sends to all`;
    return [moreIsBetter('C-STORE receive', 'files/s', median(ours), peers, note)];
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await receiver.close();
    library.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function startOrthanc(program: string, folder: string, env: NodeJS.ProcessEnv | null): ChildProcess {
  mkdirSync(folder);
  const configuration = path.join(folder, 'orthanc.json');
  writeFileSync(
    configuration,
    JSON.stringify({
      StorageDirectory: folder,
      IndexDirectory: folder,
      HttpServerEnabled: false,
      DicomPort: orthancPort,
      DicomAet: 'ORTHANC',
      Plugins: [],
    }),
  );
  return spawn(program, [configuration], { stdio: 'ignore', env: env ?? process.env });
}

async function rate(
  port: number,
  aeTitle: string,
  files: readonly SendFile[],
  settle?: () => Promise<void>,
): Promise<number> {
  await listens(port);
  const client = dimseClient(
    { kind: 'dimse', name: aeTitle, aeTitle, host: '127.0.0.1', port, isTls: false, authorityFile: null },
    { aeTitle: 'BENCH', receiver: null },
  );
  const started = performance.now();
  await client.send(files, {
    signal: new AbortController().signal,
    onSent: () => {},
    onFailure(why) {
      throw new Error(why);
    },
  });
  await settle?.();
  return files.length / ((performance.now() - started) / 1000);
}

async function listens(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const isThere = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (isThere) return;
    await delay(100);
  }
  throw new Error(`nothing listens on port ${port}`);
}

function writeSlices(folder: string, turn: number): SendFile[] {
  mkdirSync(folder);
  const [site] = practiceSites;
  if (!site) throw new Error('no practice site');
  const pixels = Int16Array.from({ length: side * side }, (_, index) => ((index * 31 + turn) % 2_000) - 1_000);
  return Array.from({ length: fileCount }, (_, index) => {
    const number = Math.floor(index / 50) + 1;
    const elements = practiceElements({
      site,
      key: `receive-${turn}-${number}`,
      number,
      slice: (index % 50) + 1,
      positionMm: index % 50,
      side,
      pixels,
    });
    const uid = (tag: string): string => {
      const value = elements.find((element) => element.tag === tag)?.value;
      return typeof value === 'string' ? value : '';
    };
    const [sopClassUID, sopInstanceUID] = [uid('00080016'), uid('00080018')];
    const file = path.join(folder, `${index}.dcm`);
    writeFileSync(file, encodePart10(elements, sopClassUID, sopInstanceUID));
    return { path: file, sopClassUID, sopInstanceUID, transferSyntaxUID: '1.2.840.10008.1.2.1' };
  });
}
