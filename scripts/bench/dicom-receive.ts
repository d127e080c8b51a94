// C-STORE receive: our receiver (with index) against dcmtk's storescp (no index) and Orthanc, interleaved. The sender is
// dcmtk's storescu for all three, a process of its own as in a hospital. dcmtk and Orthanc do not set TCP_NODELAY and would
// be measured by 40 ms of delayed acknowledgements, so sender and peers get it from a preloaded shim, which needs cc.
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { encodePart10 } from '../../src/station/library/encode-part10.ts';
import { practiceSites } from '../../src/station/practice/practice-studies.ts';
import { practiceElements } from '../../src/station/practice/study-header.ts';
import { type Measurement, median, moreIsBetter } from './measurement.ts';

const fileCount = Math.min(500, Number(process.env['IMAGIQ_BENCH_FILES'] ?? 300));
const side = 512;
const turns = 11;
/** A station runs for days; its first instances after the start take longer. */
const warmUpTurns = 2;
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
int connect(int fd, const struct sockaddr *a, socklen_t l) {
  int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return real(fd, a, l);
}
`;

/** The environment of sender and peers; null where no C compiler is there. */
function withNoDelay(folder: string): NodeJS.ProcessEnv | null {
  const library = path.join(folder, 'no-delay.so');
  writeFileSync(path.join(folder, 'no-delay.c'), shim);
  const made = spawnSync('cc', ['-shared', '-fPIC', '-o', library, path.join(folder, 'no-delay.c'), '-ldl']);
  return made.status === 0 ? { ...process.env, LD_PRELOAD: library } : null;
}

interface Contender {
  readonly name: string;
  readonly port: number;
  readonly aeTitle: string;
  readonly settle: () => Promise<void>;
  /** Files a second, one of each turn. */
  readonly rates: number[];
}

const nothingToSettle = async (): Promise<void> => {};

export async function dicomReceive(): Promise<Measurement[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-bench-receive-'));
  const children: ChildProcess[] = [];
  try {
    const env = withNoDelay(folder);
    if (env === null || !isThere('storescu')) {
      console.log('  C-STORE receive is left out: it takes a C compiler (cc) and dcmtk.');
      return [];
    }
    const home = path.join(folder, 'home');
    mkdirSync(home);
    const script = path.join(import.meta.dirname, 'receiving-station.ts');
    const station = fork(script, [home, String(ourPort), 'BENCH'], { stdio: 'inherit' });
    children.push(station);
    const settle = async (): Promise<void> => {
      station.send('settle');
      await once(station, 'message');
    };
    const ours: Contender = { name: 'ImagiQ', port: ourPort, aeTitle: 'IMAGIQ', settle, rates: [] };
    const peers: Contender[] = [];
    if (isThere('storescp')) {
      mkdirSync(path.join(folder, 'scp'));
      children.push(spawn('storescp', ['-od', path.join(folder, 'scp'), String(scpPort)], { stdio: 'ignore', env }));
      const name = 'storescp (no index)';
      peers.push({ name, port: scpPort, aeTitle: 'STORESCP', settle: nothingToSettle, rates: [] });
    }
    const orthanc = ['/usr/sbin/Orthanc', '/usr/bin/Orthanc'].find((program) => existsSync(program));
    if (orthanc !== undefined) {
      children.push(startOrthanc(orthanc, path.join(folder, 'orthanc'), env));
      peers.push({ name: 'Orthanc', port: orthancPort, aeTitle: 'ORTHANC', settle: nothingToSettle, rates: [] });
    }
    for (let turn = -warmUpTurns; turn < turns; turn += 1) {
      // Kept until the end: inodes just freed make it slow to create files, and more so for whoever comes first.
      const files = writeSlices(path.join(folder, `turn-${turn}`), turn);
      // Another one comes first each time: what was just written is still on its way to the disk.
      const all = [ours, ...peers];
      for (let place = 0; place < all.length; place += 1) {
        const contender = all[(place + turn + warmUpTurns) % all.length]!;
        touchMemory(folder);
        const filesPerSecond = await rate(contender, files, env);
        if (turn >= 0) contender.rates.push(filesPerSecond);
      }
    }
    const note = `${fileCount} CT slices of ${side}×${side}, index written, median of ${turns}; storescu sends to all`;
    const values = peers.map(({ name, rates }) => ({ name, value: median(rates) }));
    return [moreIsBetter('C-STORE receive', 'files/s', median(ours.rates), values, note)];
  } finally {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

const isThere = (program: string): boolean => spawnSync('which', [program]).status === 0;

function startOrthanc(program: string, folder: string, env: NodeJS.ProcessEnv): ChildProcess {
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
  return spawn(program, [configuration], { stdio: 'ignore', env });
}

/**
 * Has the system give out, and take back, as much memory as two turns write. A virtual machine gets memory from its host
 * at the first touch, which takes three times as long as the writing itself: without this, whoever's turn meets memory
 * that was never used, or was handed back to the host meanwhile, is measured by the host (perf: half of the time of a
 * receiver of either kind).
 */
function touchMemory(folder: string): void {
  const scratch = openSync(path.join(folder, 'scratch'), 'w');
  const bytes = Buffer.alloc(1024 * 1024, 1);
  const fileBytes = side * side * Int16Array.BYTES_PER_ELEMENT;
  for (let written = 0; written < 2 * fileCount * fileBytes; written += bytes.length) writeSync(scratch, bytes);
  ftruncateSync(scratch);
  closeSync(scratch);
}

async function rate({ port, aeTitle, settle }: Contender, folder: string, env: NodeJS.ProcessEnv): Promise<number> {
  await listens(port);
  const started = performance.now();
  const sender = spawn('storescu', ['-aet', 'BENCH', '-aec', aeTitle, '+sd', '127.0.0.1', String(port), folder], {
    stdio: 'ignore',
    env,
  });
  const [status] = await once(sender, 'close');
  if (status !== 0) throw new Error(`storescu to ${aeTitle} ended with ${status}`);
  await settle();
  return fileCount / ((performance.now() - started) / 1000);
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

/** Slices of a new study for each turn; the folder. */
function writeSlices(folder: string, turn: number): string {
  mkdirSync(folder);
  const [site] = practiceSites;
  if (!site) throw new Error('no practice site');
  const pixels = Int16Array.from({ length: side * side }, (_, index) => ((index * 31 + turn) % 2_000) - 1_000);
  for (let index = 0; index < fileCount; index += 1) {
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
    writeFileSync(path.join(folder, `${index}.dcm`), encodePart10(elements, uid('00080016'), uid('00080018')));
  }
  return folder;
}
