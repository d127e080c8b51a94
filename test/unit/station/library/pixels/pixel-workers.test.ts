import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPixelWorkers } from '../../../../../src/station/library/pixels/pixel-workers.ts';
import { dicomFile, littleEndian, syntaxes } from './dicom-files.ts';

/** A worker that does what the path says: hangs, throws, exits, eats memory, or answers. */
const badWorker = new URL(
  `data:text/javascript,${encodeURIComponent(`
  import { parentPort } from 'node:worker_threads';
  parentPort.on('message', ({ path }) => {
    if (path === 'hang') for (;;) {}
    if (path === 'throw') throw new Error('codec lost its mind');
    if (path === 'exit') process.exit(3);
    if (path === 'eat') { const all = []; for (;;) all.push(new Array(1e5).fill({})); }
    parentPort.postMessage({ fault: { code: 155, message: 'answered', retry: 'never' } });
  });`)}`,
);

/** A worker that tells what it was given, with a number that grows. */
const countingWorker = new URL(
  `data:text/javascript,${encodeURIComponent(`
  import { parentPort } from 'node:worker_threads';
  let count = 0;
  parentPort.on('message', ({ path }) => {
    count += 1;
    parentPort.postMessage({ fault: { code: 155, message: path + ' was number ' + count, retry: 'never' } });
  });`)}`,
);

describe('pixel workers', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imagiq-pixel-workers-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('decode many frames at a time and refuse what cannot be read, without its path', async () => {
    const file = path.join(folder, 'Doe^Jane.dcm');
    const pixels = littleEndian(
      Array.from({ length: 60 }, (_, index) => index),
      16,
    );
    await writeFile(file, dicomFile({ syntax: syntaxes.explicitLittle, rows: 2, columns: 3, frames: 10, pixels }));
    const workers = openPixelWorkers(2);
    const frames = await Promise.all(Array.from({ length: 10 }, (_, index) => workers.frame(file, index + 1)));
    expect(frames.map((frame) => frame.pixels[0])).toEqual([0, 6, 12, 18, 24, 30, 36, 42, 48, 54]);
    await expect(workers.frame(file, 11)).rejects.toMatchObject({ code: 151 });
    const missing = await workers.frame(path.join(folder, 'Roe^Jim.dcm'), 1).catch((error: unknown) => error);
    expect(missing).toMatchObject({ code: 161, retry: 'later' });
    expect(String(missing)).not.toContain('Roe');
    expect(String(missing)).toContain('cannot be read: it does not exist. Check that the folder, disc or drive');
    await workers.close();
    await expect(workers.frame(file, 1)).rejects.toMatchObject({ code: 160 });
  });

  it('give each who waits pixels of his own, and read one file after another', async () => {
    const files = [0, 100].map((first) => {
      const pixels = littleEndian(
        Array.from({ length: 6 }, (_, index) => first + index),
        16,
      );
      return { first, bytes: dicomFile({ syntax: syntaxes.explicitLittle, rows: 2, columns: 3, frames: 1, pixels }) };
    });
    for (const { first, bytes } of files) await writeFile(path.join(folder, `${first}.dcm`), bytes);
    const workers = openPixelWorkers(1);
    for (const first of [0, 100, 0]) {
      const file = path.join(folder, `${first}.dcm`);
      const [one, other] = await Promise.all([workers.frame(file, 1), workers.frame(file, 1, 'ahead')]);
      structuredClone(one.pixels, { transfer: [one.pixels.buffer as ArrayBuffer] });
      expect(one.pixels).toHaveLength(0);
      expect(other.pixels[0]).toBe(first);
    }
    await workers.close();
  });

  it('refuse the frame that hangs or kills its thread, and go on with the next', async () => {
    const workers = openPixelWorkers(1, { limitMs: 1500, script: badWorker });
    const outcomes = await Promise.all(
      ['hang', 'throw', 'exit', 'well'].map((word) =>
        workers.frame(word, 1).catch((error: unknown) => (error as { message: string }).message),
      ),
    );
    expect(outcomes).toEqual([
      expect.stringContaining('longer than 1.5 s'),
      expect.stringContaining('codec lost its mind'),
      expect.stringContaining('it ended with code 3'),
      'answered',
    ]);
    await workers.close();
  });

  it('decode what is wanted now before what lies ahead, and what is asked twice once', async () => {
    const workers = openPixelWorkers(1, { script: countingWorker });
    const ask = (path: string, urgency: 'now' | 'ahead'): Promise<unknown> =>
      workers.frame(path, 1, urgency).catch((error: unknown) => (error as { message: string }).message);
    const outcomes = await Promise.all([
      ask('running', 'ahead'),
      ask('thumbnail', 'ahead'),
      ask('opened', 'ahead'),
      ask('shown', 'now'),
      ask('opened', 'now'),
      ask('running', 'now'),
      ask('shown', 'ahead'),
    ]);
    expect(outcomes).toEqual([
      'running was number 1',
      'thumbnail was number 4',
      'opened was number 3',
      'shown was number 2',
      'opened was number 3',
      'running was number 1',
      'shown was number 2',
    ]);
    await workers.close();
  });

  it('refuse the frame that eats all memory of its thread', async () => {
    const workers = openPixelWorkers(1, { heapMiB: 16, script: badWorker });
    await expect(workers.frame('eat', 1)).rejects.toThrow('it ran out of memory');
    await expect(workers.frame('well', 1)).rejects.toThrow('answered');
    await workers.close();
  });

  it('refuse what waits when they are closed', async () => {
    const workers = openPixelWorkers(1, { script: badWorker });
    const waiting = ['hang', 'well'].map((word) => workers.frame(word, 1).catch((error: unknown) => error));
    await workers.close();
    for (const outcome of await Promise.all(waiting)) expect(outcome).toMatchObject({ code: 160 });
  });
});
