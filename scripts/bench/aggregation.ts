// Adding updates up, as a hub's commit does it: from the files that updates are, against numpy in place from the same files; and where
// one lies in memory, again and again, against numpy in place and a plain copy of as many bytes there. Then rounds of a whole hub (durable-round.ts).
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { encodeWeights } from '../../src/sync/aggregation/weights.ts';
import { durableRounds } from './durable-round.ts';
import { lessIsBetter, type Measurement, median, moreIsBetter } from './measurement.ts';

/** Parameters of a ResNet-18, and how many updates of it are added. */
const parameters = 11_689_472;
const turns = 5;

const ranSchema = z.object({ seconds: z.number(), megabytes: z.number() });

/** @param isQuick a tenth of the updates: to see that it works, not to quote. */
export async function aggregation(isQuick: boolean): Promise<Measurement[]> {
  const updates = isQuick ? 10 : 100;
  const gigabytes = (parameters * 4 * updates) / 1e9;
  // In memory where the system has such a folder: what a disk does is not what is measured.
  const folder = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir(), 'imagiq-bench-'));
  try {
    const headerBytes = writeUpdates(folder, updates);
    const numbers = [parameters, updates, headerBytes].map(String);
    const kinds = {
      ours: () => run(process.execPath, ours, 'updates', folder, ...numbers),
      held: () => run(process.execPath, ours, 'held', folder, ...numbers),
      copy: () => run(process.execPath, ours, 'copy', folder, ...numbers),
      numpyFiles: () => run('/usr/bin/python3', numpy, 'files', folder, ...numbers),
      numpyMemory: () => run('/usr/bin/python3', numpy, 'memory', folder, ...numbers),
    };
    const ran: Record<keyof typeof kinds, z.infer<typeof ranSchema>[]> = {
      ours: [],
      held: [],
      copy: [],
      numpyFiles: [],
      numpyMemory: [],
    };
    for (let turn = 0; turn < turns; turn += 1) {
      for (const kind of Object.keys(kinds) as (keyof typeof kinds)[]) {
        const result = kinds[kind]();
        if (result !== null) ran[kind].push(result);
      }
    }
    const rate = (kind: keyof typeof kinds): number => median(ran[kind].map(({ seconds }) => gigabytes / seconds));
    const memory = (kind: keyof typeof kinds): number => median(ran[kind].map(({ megabytes }) => megabytes));
    const peers = (
      names: Partial<Record<keyof typeof kinds, string>>,
      value: (kind: keyof typeof kinds) => number,
    ): Measurement['peers'] =>
      (Object.entries(names) as [keyof typeof kinds, string][])
        .filter(([kind]) => ran[kind].length > 0)
        .map(([kind, name]) => ({ name, value: value(kind) }));
    return [
      moreIsBetter(
        `a commit of ${updates} updates of 11.7 M float32 from their files`,
        'GB/s',
        rate('ours'),
        peers({ numpyFiles: 'numpy in place, from the files' }, rate),
        `any order, same bits; medians of ${turns} turns`,
      ),
      moreIsBetter(
        'the same with an update that lies in memory',
        'GB/s',
        rate('held'),
        peers({ copy: 'memory copy of as many bytes', numpyMemory: 'numpy in place, in memory' }, rate),
        'what adding up costs by itself, without the system’s reading of files',
      ),
      lessIsBetter(
        'its peak memory, runtime included',
        'MB',
        memory('ours'),
        peers({ numpyFiles: 'numpy in place, from the files' }, memory),
        'four models are 187 MB',
      ),
      ...(await durableRounds(isQuick)),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

const ours = fileURLToPath(new URL('./aggregation-process.ts', import.meta.url));
const numpy = fileURLToPath(new URL('./numpy-sum.py', import.meta.url));

/** Each the same numbers begun at another place. @returns bytes before the numbers. */
function writeUpdates(folder: string, updates: number): number {
  const values = new Float32Array(parameters);
  for (let index = 0; index < parameters; index += 1)
    values[index] = (((index * 2_654_435_761) >>> 0) / 2 ** 32 - 0.5) * 1e-2;
  const whole = encodeWeights(new Map([['weights', { shape: [parameters], values }]]));
  const numbers = new Uint8Array(values.buffer);
  const header = whole.subarray(0, whole.byteLength - Math.ceil(numbers.byteLength / 8) * 8);
  for (let update = 0; update < updates; update += 1) {
    const begin = 4 * update * 104_729;
    const file = openSync(path.join(folder, String(update)), 'w');
    for (const part of [header, numbers.subarray(begin), numbers.subarray(0, begin)]) writeSync(file, part);
    closeSync(file);
  }
  return header.byteLength;
}

function run(command: string, ...words: string[]): z.infer<typeof ranSchema> | null {
  const { OPENBLAS_CORETYPE: _core, OPENBLAS_L2_SIZE: _cache, ...environment } = process.env;
  const result = spawnSync(command, words, { encoding: 'utf8', env: environment });
  if (result.status === 0) return ranSchema.parse(JSON.parse(result.stdout));
  console.log(`  ${path.basename(words[0] ?? command)} did not run: ${result.stderr.trim().split('\n').at(-1)}`);
  return null;
}
