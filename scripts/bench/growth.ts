// A cohort of 100,000 images against one of 1,000 and one of 10,000: time per image of import, cohort and training, and the memory of every
// process that takes part. None of them may grow with the cohort.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { encodePart10 } from '../../src/station/library/encode-part10.ts';
import { practiceSites } from '../../src/station/practice/practice-studies.ts';
import { ctImageStorage, practiceElements, practiceInstanceUid } from '../../src/station/practice/study-header.ts';
import { nodeFlags } from '../runtime.mjs';
import { lessIsBetter, type Measurement } from './measurement.ts';

const side = 64;
const imagesPerPatient = 10;
const cli = path.resolve(import.meta.dirname, '../../src/cli/cli.ts');
const sampleEveryMs = 100;

interface Stage {
  readonly millisecondsPerImage: number;
  /** The largest resident memory of any of its processes, MB. */
  readonly peakMb: number;
}

/** @param isQuick 500 and 5,000 images, to try it. */
export async function growth(isQuick: boolean): Promise<Measurement[]> {
  const sizes = isQuick ? [500, 5_000] : [1_000, 10_000, 100_000];
  const taken: Record<string, Stage>[] = [];
  for (const images of sizes) taken.push(await stages(images));
  const most = sizes.at(-1)!;
  return Object.entries(taken.at(-1)!).flatMap(([stage, { millisecondsPerImage, peakMb }]) => {
    const smaller = (value: keyof Stage): Measurement['peers'] =>
      sizes.slice(0, -1).map((images, at) => ({ name: `${images} images`, value: taken[at]![stage]![value] }));
    return [
      lessIsBetter(`${stage}, ${most} images`, 'ms/image', millisecondsPerImage, smaller('millisecondsPerImage')),
      lessIsBetter(`${stage}, ${most} images: peak memory`, 'MB', peakMb, smaller('peakMb')),
    ];
  });
}

async function stages(images: number): Promise<Record<string, Stage>> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-bench-growth-'));
  try {
    const home = path.join(folder, 'home');
    const studies = path.join(folder, 'studies');
    const labels = path.join(folder, 'labels.csv');
    writeImages(studies, labels, images);
    const run = (...words: string[]): Promise<Stage> => measured(images, [cli, '--home', home, ...words]);
    return {
      import: await run('import', studies),
      'cohort create': await run('cohort', 'create', 'grown', '--labels', labels),
      // The first epoch's run also builds the data set.
      'train, one epoch': await run(
        'train',
        '--cohort',
        'grown',
        '--network',
        'cnn-small',
        '--epochs',
        '1',
        '--seed',
        '1',
      ),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Two classes that differ in brightness, with noise; a thousand files to a folder. */
function writeImages(folder: string, labels: string, images: number): void {
  const [site] = practiceSites;
  if (!site) throw new Error('no practice site');
  const rows = ['sopInstanceUID,label'];
  const pixels = new Int16Array(side * side);
  let seed = 1;
  for (let index = 0; index < images; index += 1) {
    const number = Math.floor(index / imagesPerPatient) + 1;
    const slice = index % imagesPerPatient;
    const key = `growth-${number}`;
    for (let pixel = 0; pixel < pixels.length; pixel += 1) {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      pixels[pixel] = 800 + (number % 2) * 150 + (seed >>> 23);
    }
    const elements = practiceElements({ site, key, number, slice, positionMm: slice * 2, side, pixels });
    const uid = practiceInstanceUid({ key, slice });
    const within = path.join(folder, String(Math.floor(index / 1_000)));
    if (index % 1_000 === 0) mkdirSync(within, { recursive: true });
    writeFileSync(path.join(within, `${index}.dcm`), encodePart10(elements, ctImageStorage, uid));
    rows.push(`${uid},${number % 2 === 0 ? 'dark' : 'bright'}`);
  }
  writeFileSync(labels, rows.join('\n'));
}

/** Runs to the end; time by the clock, memory as the system counted it. */
async function measured(images: number, words: readonly string[]): Promise<Stage> {
  const start = performance.now();
  const child = spawn(process.execPath, [...nodeFlags, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text: Buffer) => (said = `${said}${String(text)}`.slice(-2_000)));
  let peakKb = 0;
  const sample = setInterval(() => {
    for (const id of processTree(child.pid!)) peakKb = Math.max(peakKb, peakOf(id));
  }, sampleEveryMs);
  const [code] = (await once(child, 'close')) as [number | null];
  clearInterval(sample);
  if (code !== 0) throw new Error(`imagiq ${words.slice(3).join(' ')} ended with ${code}: ${said}`);
  return { millisecondsPerImage: (performance.now() - start) / images, peakMb: (peakKb * 1_024) / 1e6 };
}

/** A process and all that it started; Linux only, elsewhere itself alone. */
function processTree(root: number): number[] {
  const tree = [root];
  for (const id of tree) {
    try {
      for (const thread of readdirSync(`/proc/${id}/task`)) {
        const children = readFileSync(`/proc/${id}/task/${thread}/children`, 'utf8').trim();
        if (children !== '') tree.push(...children.split(' ').map(Number));
      }
    } catch {
      // It has ended.
    }
  }
  return tree;
}

function peakOf(id: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
