// `node scripts/fuzz/dicom.ts --files 20000 --seed 1`: broken DICOM files through the station's workers; the log is kept.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { fuzz, originalsIn } from './fuzz-run.ts';

const root = path.resolve(import.meta.dirname, '..', '..');
const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: path.resolve(root, '..', 'shared', 'data', 'dicom') },
    /** Keeps files that failed, for a test. */
    keep: { type: 'string' },
    out: { type: 'string', default: path.join(root, 'bench', 'results', 'fuzz-dicom.json') },
  },
});
if (!existsSync(values.from)) {
  console.error(`There are no files to start from in ${values.from}; --from FOLDER names others.`);
  process.exit(2);
}
if (values.keep !== undefined) mkdirSync(values.keep, { recursive: true });

const report = await fuzz({
  files: Number(values.files),
  seed: Number(values.seed),
  originals: originalsIn(values.from),
  keepIn: values.keep ?? null,
  onProgress: (done) => {
    if (done % 400 === 0) console.error(`${done} of ${values.files}`);
  },
});
mkdirSync(path.dirname(values.out), { recursive: true });
writeFileSync(
  values.out,
  `${JSON.stringify({ name: 'fuzz-dicom', at: new Date().toISOString(), node: process.versions.node, ...report }, null, 2)}\n`,
);
const { crashes, hangs, unexplained, headers, frames, peakMemoryMb, slowestMs, seconds } = report;
console.log(
  `${report.files} files: ${crashes} crashes, ${hangs} hangs, ${unexplained} without a reason. Headers ${headers.read} read, ${headers.refused} refused; frames ${frames.decoded} decoded, ${frames.refused} refused. Slowest ${slowestMs} ms, peak ${peakMemoryMb} MB, ${seconds} s.`,
);
for (const { index, original, how, what } of report.failures.slice(0, 20))
  console.log(`  ${index} ${original} (${how}): ${what}`);
if (crashes + hangs + unexplained > 0) process.exitCode = 1;
