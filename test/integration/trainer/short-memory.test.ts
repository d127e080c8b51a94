// Where memory is short: the machine's, by a limit of the kernel's, or a device's.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { TrainOutcome } from '../../../src/contract/training.ts';
import { resolveNetwork } from '../../../src/trainer/networks/catalogue.ts';
import { randomStream } from '../../../src/trainer/run/random.ts';
import { runControl } from '../../../src/trainer/run/run-control.ts';
import { type SessionCache, sessionCache } from '../../../src/trainer/run/session-cache.ts';
import { train } from '../../../src/trainer/run/train.ts';
import { stripes, stripesJob, writeDataset } from './stripes.ts';

vi.setConfig({ testTimeout: 300_000 });

let folder: string;
let sessions: SessionCache;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'imagiq-short-memory-'));
  sessions = sessionCache();
});
afterEach(async () => {
  await sessions.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A control group (version 1) of this limit; null where this user may make none. */
function memoryGroup(limitBytes: number): string | null {
  const group = `/sys/fs/cgroup/memory/imagiq-test-${process.pid}`;
  try {
    mkdirSync(group);
    writeFileSync(path.join(group, 'memory.limit_in_bytes'), String(limitBytes));
    return group;
  } catch {
    return null;
  }
}

it('a step of ResNet-18 that asks for 64 images fits in the 2 GB that a machine of 4 GB leaves it', async (context) => {
  const limitBytes = 2_000_000_000;
  const group = memoryGroup(limitBytes);
  if (group === null) return context.skip('no memory control group (version 1) can be made here');
  const network = resolveNetwork('resnet18');
  const { height, width, channels } = network.input;
  // One step: its batch is filled up.
  const examples = 8;
  const random = randomStream(3);
  const bytes = (values: ArrayBufferView): Uint8Array =>
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const pixels = Uint16Array.from({ length: examples * height * width * channels }, () => random.below(65_536));
  const whole = Int32Array.from({ length: examples }, (_, example) => example);
  const datasetFile = path.join(folder, 'noise');
  const { header } = stripes();
  writeDataset(datasetFile, {
    header: { ...header, examples, height, width, channels },
    tensors: new Map([
      ['images', { elementType: 'U16', shape: [examples, height, width, channels], bytes: bytes(pixels) }],
      ['labels', { elementType: 'I32', shape: [examples], bytes: bytes(whole.map((example) => example % 2)) }],
      ['split', { elementType: 'U8', shape: [examples], bytes: new Uint8Array(examples) }],
      ['patients', { elementType: 'I32', shape: [examples], bytes: bytes(whole) }],
    ]),
  });
  const job = stripesJob(
    { runFolder: path.join(folder, 'run'), datasetFile },
    { network, fitMemory: true, evaluate: false, hyperParameters: { epochs: 1, batchSize: 64, optimiser: 'adam' } },
  );
  // The shell enters the group, and what it becomes stays there; the kernel kills whatever takes more.
  const entry = path.join(import.meta.dirname, 'limited.ts');
  const command = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
  const argv = ['-c', command, group, process.execPath, entry, JSON.stringify(job)];
  try {
    const { stdout } = await promisify(execFile)('sh', argv);
    const { batchSize, steps } = JSON.parse(stdout) as { batchSize: number; steps: number };
    expect(batchSize).toBeGreaterThanOrEqual(8);
    expect(batchSize).toBeLessThan(64);
    expect(steps).toBe(1);
  } finally {
    rmdirSync(group);
  }
});

it('files that were read count as free under a limit, since the kernel drops them first', async (context) => {
  const group = memoryGroup(800_000_000);
  if (group === null) return context.skip('no memory control group (version 1) can be made here');
  const entry = path.resolve(import.meta.dirname, '../../../src/trainer/run/free-memory.ts');
  const told = `import { freeMemoryBytes } from ${JSON.stringify(entry)}; console.log(freeMemoryBytes({}));`;
  const command = 'echo $$ > "$0/cgroup.procs" && head -c 500000000 /dev/zero > "$1" && shift && exec "$@"';
  const argv = [
    '-c',
    command,
    group,
    path.join(folder, 'read'),
    process.execPath,
    '--input-type=module',
    '--eval',
    told,
  ];
  try {
    const { stdout } = await promisify(execFile)('sh', argv);
    expect(Number(stdout)).toBeGreaterThan(500_000_000);
    expect(Number(stdout)).toBeLessThan(800_000_000);
  } finally {
    rmdirSync(group);
  }
});

/** Trains with a device, in the place of `auto`'s, whose memory holds so many images. */
async function trainOnDevice(holds: number): Promise<{ outcome: TrainOutcome; notes: string[]; tried: number[] }> {
  const datasetFile = path.join(folder, 'stripes');
  writeDataset(datasetFile, stripes());
  const notes: string[] = [];
  const tried: number[] = [];
  const device: SessionCache = {
    ...sessions,
    open(request) {
      if (request.provider === 'auto') tried.push(request.hyperParameters.batchSize);
      if (request.provider === 'auto' && request.mayShrink && request.hyperParameters.batchSize > holds)
        throw new Error('A training step failed on webgpu: Failed to allocate memory for requested buffer');
      return sessions.open({ ...request, provider: 'cpu' });
    },
  };
  const job = stripesJob(
    { runFolder: path.join(folder, 'run'), datasetFile },
    { provider: 'auto', fitMemory: true, hyperParameters: { epochs: 1, batchSize: 16 } },
  );
  const outcome = await train(job, {
    sessions: device,
    control: runControl(),
    onProgress: () => {},
    onEpoch: () => {},
    onNote: (note) => notes.push(note),
  });
  return { outcome, notes, tried };
}

it('a device that holds 4 of 16 images trains with 4, and says so', async () => {
  const { outcome, notes, tried } = await trainOnDevice(4);
  expect(tried).toEqual([16, 8, 4]);
  expect(outcome).toMatchObject({ batchSize: 4, steps: 40 });
  expect(notes.join()).toContain('4 instead of 16');
});

it('a device that holds not one image is left for the CPU with all that were asked for', async () => {
  const { outcome, notes, tried } = await trainOnDevice(0);
  expect(tried).toEqual([16, 8, 4, 2, 1]);
  expect(outcome).toMatchObject({ batchSize: 16, steps: 10 });
  expect(notes.join()).toContain('does not hold one image');
});
