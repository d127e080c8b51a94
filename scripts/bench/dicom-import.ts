// Import: indexed in place and copied in, against Orthanc storing the same files by REST and dcmtk's dcmqridx.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { practiceElements } from '../../src/station/practice/study-header.ts';
import { encodePart10 } from '../../src/station/library/encode-part10.ts';
import { practiceSites } from '../../src/station/practice/practice-studies.ts';
import { openLibrary } from '../../src/station/library/library.ts';
import { type Measurement, median, moreIsBetter } from './measurement.ts';

/** 512×512 CT slices; IMAGIQ_BENCH_FILES makes it the 2,000 of the published figures. */
const fileCount = Number(process.env['IMAGIQ_BENCH_FILES'] ?? 500);
const side = 512;
const slices = 50;
const turns = 3;

export async function dicomImport(): Promise<Measurement[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-bench-'));
  try {
    const studies = path.join(folder, 'studies');
    writeSlices(studies, { count: fileCount, size: side, key: 'bench' });
    const inPlace: number[] = [];
    const copied: number[] = [];
    const orthanc: number[] = [];
    const qridx: number[] = [];
    for (let turn = 0; turn < turns; turn += 1) {
      inPlace.push(await ours(path.join(folder, `in-place-${turn}`), studies, 'reference'));
      copied.push(await ours(path.join(folder, `copied-${turn}`), studies, 'copy'));
      const stored = await orthancStore(path.join(folder, `orthanc-${turn}`), studies);
      if (stored !== null) orthanc.push(stored);
      const indexed = dcmqridx(path.join(folder, `qridx-${turn}`), studies);
      if (indexed !== null) qridx.push(indexed);
      for (const name of ['in-place', 'copied', 'orthanc', 'qridx'])
        rmSync(path.join(folder, `${name}-${turn}`), { recursive: true, force: true });
    }
    const peers = [
      ...(orthanc.length > 0 ? [{ name: 'Orthanc REST', value: median(orthanc) }] : []),
      ...(qridx.length > 0 ? [{ name: 'dcmqridx', value: median(qridx) }] : []),
    ];
    const note = `${fileCount} CT slices of ${side}×${side}, median of ${turns}`;
    return [
      moreIsBetter('import, indexed in place', 'files/s', median(inPlace), peers, note),
      moreIsBetter('import, copied in with SHA-256', 'files/s', median(copied), peers, note),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeSlices(folder: string, { count, size, key }: { count: number; size: number; key: string }): void {
  mkdirSync(folder, { recursive: true });
  const [site] = practiceSites;
  if (!site) throw new Error('no practice site');
  const pixels = new Int16Array(size * size);
  for (let index = 0; index < count; index += 1) {
    for (let pixel = 0; pixel < pixels.length; pixel += 1) pixels[pixel] = ((pixel * 31 + index * 17) % 2_000) - 1_000;
    const number = Math.floor(index / slices) + 1;
    const elements = practiceElements({
      site,
      key: `${key}-${number}`,
      number,
      slice: (index % slices) + 1,
      positionMm: index % slices,
      side: size,
      pixels,
    });
    const uid = (tag: string): string => {
      const value = elements.find((element) => element.tag === tag)?.value;
      return typeof value === 'string' ? value : '';
    };
    writeFileSync(path.join(folder, `${index}.dcm`), encodePart10(elements, uid('00080016'), uid('00080018')));
  }
}

async function ours(home: string, studies: string, mode: 'reference' | 'copy'): Promise<number> {
  mkdirSync(home, { recursive: true });
  const library = openLibrary({ folder: home });
  // Orthanc is up and answering before its clock starts; so are our threads.
  const warmUp = path.join(home, 'warm-up');
  writeSlices(warmUp, { count: 300, size: 8, key: 'warm-up' });
  await library.importPaths([warmUp], { mode, onProgress: () => {}, signal: new AbortController().signal });
  const started = performance.now();
  const report = await library.importPaths([studies], {
    mode,
    onProgress: () => {},
    signal: new AbortController().signal,
  });
  const seconds = (performance.now() - started) / 1000;
  library.close();
  if (report.imported !== fileCount) throw new Error(`imported ${report.imported} of ${fileCount}`);
  return fileCount / seconds;
}

async function orthancStore(folder: string, studies: string): Promise<number | null> {
  const binary = ['/usr/sbin/Orthanc', '/usr/bin/Orthanc'].find((name) => spawnSync('test', ['-x', name]).status === 0);
  if (!binary) return null;
  mkdirSync(folder, { recursive: true });
  const configuration = path.join(folder, 'orthanc.json');
  const port = 18_042;
  writeFileSync(
    configuration,
    JSON.stringify({
      StorageDirectory: folder,
      IndexDirectory: folder,
      HttpPort: port,
      DicomServerEnabled: false,
      RemoteAccessAllowed: false,
      AuthenticationEnabled: false,
      Plugins: [],
    }),
  );
  const server = spawn(binary, [configuration], { stdio: 'ignore' });
  try {
    await answers(`http://127.0.0.1:${port}/system`);
    const files = readdirSync(studies).map((name) => path.join(studies, name));
    const started = performance.now();
    // Two senders, as many as there are cores.
    await Promise.all(
      [0, 1].map(async (sender) => {
        for (let index = sender; index < files.length; index += 2) {
          const response = await fetch(`http://127.0.0.1:${port}/instances`, {
            method: 'POST',
            body: readFileSync(files[index] as string),
          });
          if (!response.ok) throw new Error(`Orthanc answered ${response.status}`);
          await response.arrayBuffer();
        }
      }),
    );
    return files.length / ((performance.now() - started) / 1000);
  } finally {
    server.kill('SIGKILL');
  }
}

async function answers(url: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const response = await fetch(url).catch(() => null);
    if (response?.ok) return;
    await delay(100);
  }
  throw new Error('Orthanc does not answer');
}

function dcmqridx(folder: string, studies: string): number | null {
  if (spawnSync('which', ['dcmqridx']).status !== 0) return null;
  mkdirSync(folder, { recursive: true });
  const files = readdirSync(studies).map((name) => path.join(studies, name));
  const started = performance.now();
  execFileSync('dcmqridx', [folder, ...files], { stdio: 'ignore' });
  return files.length / ((performance.now() - started) / 1000);
}
