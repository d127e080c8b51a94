import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  openRunFolder,
} from '../../../../src/trainer/run/checkpoint.ts';

function checkpointAt(batch: number): Checkpoint {
  return {
    position: {
      epoch: 1,
      batch,
      steps: 20 + batch,
      lossSum: 2.5,
      seconds: 7,
      epochs: [],
      bestLoss: 0.25,
      batchSize: 16,
      examples: 40,
      outcome: null,
    },
    weights: new Map([['conv/kernel', Float32Array.from([1, 2, 3])]]),
    optimiser: new Map([['step', Float32Array.from([batch])]]),
    best: new Map([['conv/kernel', Float32Array.from([4, 5, 6])]]),
  };
}

const encoded = (checkpoint: Checkpoint): Uint8Array => Buffer.concat(encodeCheckpoint(checkpoint, 'run'));

describe('a checkpoint', () => {
  it('decodes to what was encoded', () => {
    expect(decodeCheckpoint(encoded(checkpointAt(3)))).toEqual({
      checkpoint: checkpointAt(3),
      run: 'run',
    });
  });

  it('is refused when any byte differs or is missing', () => {
    const bytes = encoded(checkpointAt(3));
    for (let place = 0; place < bytes.length; place += 17) {
      const damaged = bytes.slice();
      damaged[place]! ^= 1;
      expect(decodeCheckpoint(damaged)).toBeNull();
      expect(decodeCheckpoint(bytes.subarray(0, place))).toBeNull();
    }
  });
});

describe('a run folder', () => {
  let folder: string;
  const notes: string[] = [];
  const open = (run = 'run') => openRunFolder(folder, run, (note) => notes.push(note));
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'imagiq-run-'));
    notes.length = 0;
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('gives back the latest checkpoint', () => {
    open().save(checkpointAt(1));
    open().save(checkpointAt(2));
    expect(open().read()).toEqual(checkpointAt(2));
    expect(notes).toEqual([]);
  });

  it('falls back to the checkpoint before a damaged one, says so, and keeps that one when saving next', () => {
    open().save(checkpointAt(1));
    open().save(checkpointAt(2));
    truncateSync(path.join(folder, 'checkpoint'), 100);
    expect(open().read()).toEqual(checkpointAt(1));
    expect(notes).toHaveLength(1);
    open().save(checkpointAt(3));
    truncateSync(path.join(folder, 'checkpoint'), 100);
    expect(open().read()).toEqual(checkpointAt(1));
  });

  it('survives a death between the two renames', () => {
    open().save(checkpointAt(1));
    open().save(checkpointAt(2));
    rmSync(path.join(folder, 'checkpoint'));
    expect(open().read()).toEqual(checkpointAt(1));
  });

  it('starts anew when every checkpoint is damaged', () => {
    writeFileSync(path.join(folder, 'checkpoint'), 'not a checkpoint');
    writeFileSync(path.join(folder, 'checkpoint.previous'), '');
    expect(open().read()).toBeNull();
    expect(notes).toHaveLength(2);
  });

  it('refuses the checkpoint of another run and leaves it alone', () => {
    open().save(checkpointAt(1));
    expect(() => open('other').read()).toThrow(expect.objectContaining({ code: 356 }));
    expect(open().read()).toEqual(checkpointAt(1));
  });

  it.skipIf(!existsSync('/dev/full'))(
    'says that the disk is full, and keeps what was saved (skipped without /dev/full)',
    async () => {
      open().save(checkpointAt(1));
      const before = readFileSync(path.join(folder, 'checkpoint'));
      const { symlinkSync } = await import('node:fs');
      symlinkSync('/dev/full', path.join(folder, 'checkpoint.partial'));
      expect(() => open().save(checkpointAt(2))).toThrow(
        expect.objectContaining({ code: 357, message: expect.stringContaining('full') }),
      );
      expect(readFileSync(path.join(folder, 'checkpoint'))).toEqual(before);
    },
  );
});
