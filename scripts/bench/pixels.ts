// Decoding: milliseconds for one 512 × 512 CT frame in each transfer syntax, beside pydicom with GDCM on the same bytes.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readFrame } from '../../src/station/library/pixels/read-frame.ts';
import { openWasmCodecs } from '../../src/station/library/pixels/wasm-codecs.ts';
import { lessIsBetter, type Measurement } from './measurement.ts';

const shared = process.env['IMAGIQ_SHARED'] ?? path.resolve(import.meta.dirname, '../../../shared');
const folder = path.join(shared, 'data', 'dicom', 'cornerstone-ct-14ts');
const script = path.join(import.meta.dirname, 'decode-with-pydicom.py');
const python = '/usr/bin/python3';
/** For each file and each decoder; the fastest turn counts on both sides, because other work on the machine only adds. */
const budgetSeconds = 0.4;
const answerSchema = z.record(z.string(), z.number().nullable());

export async function pixels(): Promise<Measurement[]> {
  if (!existsSync(folder)) {
    console.log('The CT of fourteen transfer syntaxes is not in ../shared/data/dicom: nothing to measure.');
    return [];
  }
  const paths = readdirSync(folder)
    .filter((name) => name.startsWith('CTImage.dcm_'))
    .sort()
    .map((name) => path.join(folder, name));
  const theirs = referenceMs(paths);
  const codecs = openWasmCodecs();
  const measurements: Measurement[] = [];
  for (const file of paths) {
    const bytes = new Uint8Array(readFileSync(file));
    const taken: number[] = [];
    const began = performance.now();
    while (taken.length < 3 || performance.now() - began < budgetSeconds * 1_000) {
      const start = performance.now();
      await readFrame(bytes, 1, codecs);
      taken.push(performance.now() - start);
    }
    const peer = theirs[file] ?? null;
    const peers = peer === null ? [] : [{ name: 'pydicom and GDCM', value: peer }];
    const note = peer === null ? 'pydicom and GDCM do not decode it' : undefined;
    const [, syntax = path.basename(file)] =
      /_([A-Za-z0-9_]+?)(?:TransferSyntax)?_1\.2\.840/.exec(path.basename(file)) ?? [];
    measurements.push(lessIsBetter(syntax, 'ms', Math.min(...taken), peers, note));
  }
  return measurements;
}

function referenceMs(paths: readonly string[]): Record<string, number | null> {
  try {
    const flags = [script, String(budgetSeconds)];
    const said = execFileSync(python, flags, {
      input: paths.join('\n'),
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: 120_000,
    });
    return answerSchema.parse(JSON.parse(said));
  } catch {
    console.log('python3 with pydicom and GDCM is not here: no ratio.');
    return {};
  }
}
