// Puts broken DICOM files through the real worker pools: header read and pixel decode. Every file must end in a result or a
// reason, soon, with no thread lost and memory bounded.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { faultValueOf } from '../../src/contract/fault.ts';
import { openHeaderWorkers } from '../../src/station/library/header-workers.ts';
import { parseDataset } from '../../src/station/library/parse-dataset.ts';
import { openPixelWorkers, type PixelWorkers } from '../../src/station/library/pixels/pixel-workers.ts';
import { mutated, type Random, seeded } from './mutate.ts';

export interface FuzzOptions {
  readonly files: number;
  readonly seed: number;
  readonly originals: readonly Original[];
  /** Where a file that failed is kept; null keeps none. */
  readonly keepIn: string | null;
  readonly onProgress?: (done: number) => void;
}

export interface Original {
  readonly name: string;
  readonly bytes: Buffer;
  /** With pixel data, so that codecs get to see what is broken. */
  readonly isImage: boolean;
}

export interface FuzzFailure {
  readonly index: number;
  readonly original: string;
  readonly how: string;
  readonly what: string;
}

export interface FuzzReport {
  readonly files: number;
  readonly seed: number;
  readonly originals: number;
  readonly headers: { readonly read: number; readonly refused: number };
  readonly frames: { readonly decoded: number; readonly refused: number };
  /** Threads that died, and files that held one for longer than 5 s, also when read alone. */
  readonly crashes: number;
  readonly hangs: number;
  /** Errors that carry no reason for a person. */
  readonly unexplained: number;
  readonly slowestMs: number;
  readonly peakMemoryMb: number;
  readonly seconds: number;
  readonly failures: readonly FuzzFailure[];
  /** Refusals by their reason, numbers left out, most frequent first. */
  readonly reasons: Readonly<Record<string, number>>;
}

const batchFiles = 40;
const hangMs = 5_000;
const originalLimitBytes = 1_500_000;
const imageShare = 0.8;
const hungCode = 158;
const crashedCode = 159;

/** DICOM files below a folder, up to 1.5 MB each, in the order of their names. */
export function originalsIn(folder: string): Original[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .flatMap((name) => {
      const file = path.join(folder, name);
      const stat = statSync(file);
      if (!stat.isFile() || stat.size > originalLimitBytes) return [];
      const bytes = readFileSync(file);
      try {
        return [{ name, bytes, isImage: parseDataset(bytes, { stopAtPixelData: true }).pixelData !== null }];
      } catch {
        return [];
      }
    });
}

export async function fuzz({ files, seed, originals, keepIn, onProgress }: FuzzOptions): Promise<FuzzReport> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-fuzz-'));
  const headerWorkers = openHeaderWorkers({ count: 2, deadlineMs: hangMs, singleDeadlineMs: hangMs });
  const headers = headerWorkers.reading({ folder, copiesAll: false });
  const pixels = openPixelWorkers(2, { limitMs: hangMs });
  const random = seeded(seed);
  const images = originals.filter(({ isImage }) => isImage);
  const started = performance.now();
  const reasons = new Map<string, number>();
  const failures: FuzzFailure[] = [];
  const counts = { headersRead: 0, headersRefused: 0, decoded: 0, refused: 0, crashes: 0, hangs: 0, unexplained: 0 };
  let slowestMs = 0;
  let peakMemory = 0;
  const refused = (reason: string): void => {
    const plain = reason.replace(/\d[\d.]*/g, 'N').slice(0, 140);
    reasons.set(plain, (reasons.get(plain) ?? 0) + 1);
  };
  try {
    for (let done = 0; done < files; done += batchFiles) {
      const broken = Array.from({ length: Math.min(batchFiles, files - done) }, (_, offset) => {
        const original = pickFrom(random() < imageShare && images.length > 0 ? images : originals, random);
        const { bytes, how } = mutated(original.bytes, pickFrom(originals, random).bytes, random);
        const file = path.join(folder, `${done + offset}.dcm`);
        writeFileSync(file, bytes);
        return { file, bytes, how, original: original.name, index: done + offset };
      });
      type Broken = (typeof broken)[number];
      const fail = ({ index, original, how, bytes }: Broken, what: string): void => {
        failures.push({ index, original, how, what });
        if (keepIn !== null) writeFileSync(path.join(keepIn, `${seed}-${index}.dcm`), bytes);
      };

      const signal = new AbortController().signal;
      const paths = broken.map(({ file }) => file);
      const candidates = paths.map((file) => ({
        source: file,
        file,
        member: null,
        depth: 0 as const,
        within: path.basename(file),
        patient: null,
      }));
      const halves = [candidates.slice(0, batchFiles / 2), candidates.slice(batchFiles / 2)];
      const outcomes = (await Promise.all(halves.map((half) => headers.read(half, signal)))).flat();
      for (const [at, outcome] of outcomes.entries()) {
        if (outcome.kind === 'refused') {
          counts.headersRefused += 1;
          refused(outcome.reason);
          if (outcome.reason.startsWith('Reading this file does not end')) {
            counts.hangs += 1;
            fail(broken[at]!, `header: ${outcome.reason}`);
          } else if (outcome.reason.endsWith('its structure is damaged.')) {
            counts.unexplained += 1;
            fail(broken[at]!, `header: ${outcome.reason}`);
          }
        } else if (outcome.kind === 'disk-full') throw new Error('the disk of the temporary folder is full');
        else counts.headersRead += 1;
      }
      await Promise.all(
        broken.map(async (one) => {
          const outcome = await frameOutcome(pixels, one.file);
          slowestMs = Math.max(slowestMs, outcome.ms);
          if (outcome.kind === 'decoded') counts.decoded += 1;
          else {
            counts.refused += 1;
            refused(outcome.reason);
          }
          if (outcome.kind === 'hung') counts.hangs += 1;
          if (outcome.kind === 'crashed') counts.crashes += 1;
          if (outcome.kind === 'unexplained') counts.unexplained += 1;
          if (outcome.kind !== 'decoded' && outcome.kind !== 'refused') fail(one, `pixels: ${outcome.reason}`);
        }),
      );
      peakMemory = Math.max(peakMemory, process.memoryUsage.rss());
      for (const file of paths) rmSync(file, { force: true });
      onProgress?.(Math.min(files, done + batchFiles));
    }
  } finally {
    await Promise.all([headerWorkers.close(), pixels.close()]);
    rmSync(folder, { recursive: true, force: true });
  }
  return {
    files,
    seed,
    originals: originals.length,
    headers: { read: counts.headersRead, refused: counts.headersRefused },
    frames: { decoded: counts.decoded, refused: counts.refused },
    crashes: counts.crashes,
    hangs: counts.hangs,
    unexplained: counts.unexplained,
    slowestMs: Math.round(slowestMs),
    peakMemoryMb: Math.round(peakMemory / 1e6),
    seconds: Math.round((performance.now() - started) / 1000),
    failures,
    reasons: Object.fromEntries([...reasons].sort((a, b) => b[1] - a[1])),
  };
}

const pickFrom = (originals: readonly Original[], random: Random): Original =>
  originals[Math.floor(random() * originals.length)]!;

type FrameOutcome =
  | { readonly kind: 'decoded'; readonly ms: number }
  | { readonly kind: 'refused' | 'hung' | 'crashed' | 'unexplained'; readonly ms: number; readonly reason: string };

async function frameOutcome(pixels: PixelWorkers, file: string): Promise<FrameOutcome> {
  const first = await once(pixels, file);
  // On a busy machine a thread may wait for its turn: only what hangs again counts.
  return first.kind === 'hung' ? once(pixels, file) : first;
}

async function once(pixels: PixelWorkers, file: string): Promise<FrameOutcome> {
  const started = performance.now();
  try {
    await pixels.frame(file, 1);
    return { kind: 'decoded', ms: performance.now() - started };
  } catch (error) {
    const { code, message } = faultValueOf(error);
    const ms = performance.now() - started;
    if (code === hungCode) return { kind: 'hung', ms, reason: message };
    if (code === crashedCode) return { kind: 'crashed', ms, reason: message };
    const isNamed = code >= 100 && code < 200;
    return { kind: isNamed ? 'refused' : 'unexplained', ms, reason: message };
  }
}
