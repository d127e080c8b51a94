import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DatasetHeader } from '../../../../src/contract/dataset.ts';
import { encodeTensorFile, type Tensor } from '../../../../src/contract/safetensors.ts';
import { augmentationFor } from '../../../../src/trainer/run/augmentation.ts';
import { batchSource } from '../../../../src/trainer/run/batches.ts';
import { openDatasetFile } from '../../../../src/trainer/run/dataset-file.ts';
import { randomStream } from '../../../../src/trainer/run/random.ts';

const side = 16;
const examples = 6;
const header: DatasetHeader = {
  version: 1,
  task: 'segmentation',
  classes: ['background', 'disc'],
  examples,
  height: side,
  width: side,
  channels: 1,
  mean: 0,
  standardDeviation: 1,
  cohortHash: 'ab'.repeat(32),
};
const tensor = (elementType: Tensor['elementType'], shape: number[], values: ArrayBufferView): Tensor => ({
  elementType,
  shape,
  bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
});
// A bright disc that the mask marks: what moves one moves the other.
const isDisc = (place: number): boolean => Math.hypot((place % side) - 6, Math.floor(place / side) - 7) < 4;
const masks = Uint8Array.from({ length: examples * side * side }, (_, at) => Number(isDisc(at % (side * side))));
const bytes = masks.map((value) => value * 200);
const images = Uint16Array.from(bytes, (value) => value * 257);
const columns: [string, Tensor][] = [
  ['split', tensor('U8', [examples], Uint8Array.of(0, 0, 0, 0, 1, 2))],
  ['patients', tensor('I32', [examples], Int32Array.of(0, 1, 2, 3, 4, 5))],
];

let folder: string;
function write(name: string, own: DatasetHeader, tensors: [string, Tensor][]): string {
  const file = path.join(folder, name);
  const metadata = { imagiq: JSON.stringify(own) };
  writeFileSync(file, encodeTensorFile({ tensors: new Map([...tensors, ...columns]), metadata }));
  return file;
}

/** The examples of `from` … `to` as a shard; its name. */
function writeShard(from: number, to: number, isByte: boolean): string {
  const [start, end] = [from * side * side, to * side * side];
  const shape = [to - from, side, side];
  const shard = encodeTensorFile({
    tensors: new Map([
      [
        'images',
        isByte
          ? tensor('U8', [...shape, 1], bytes.slice(start, end))
          : tensor('U16', [...shape, 1], images.slice(start, end)),
      ],
      ['masks', tensor('U8', shape, masks.slice(start, end))],
    ]),
    metadata: {},
  });
  const name = `${String(from).repeat(32)}-${createHash('sha256').update(shard).digest('hex')}`;
  mkdirSync(path.join(folder, 'shards'), { recursive: true });
  writeFileSync(path.join(folder, 'shards', name), shard);
  return name;
}

const writeSharded = (): { file: string; shards: string[] } => {
  const shards = [writeShard(0, 4, true), writeShard(4, 6, false)];
  const place = Int32Array.of(0, 0, 0, 1, 0, 2, 0, 3, 1, 0, 1, 1);
  const own: DatasetHeader = {
    ...header,
    version: 2,
    shards: shards.map((file, index) => ({ file, examples: index === 0 ? 4 : 2 })),
  };
  return { file: write('sharded', own, [['place', tensor('I32', [examples, 2], place)]]), shards };
};

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'imagiq-example-labels-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a data set of a segmentation', () => {
  it('gives the same images and masks in one file and in shards of 8 and of 16 bits', () => {
    const one = openDatasetFile(
      write('whole', header, [
        ['images', tensor('U16', [examples, side, side, 1], images)],
        ['masks', tensor('U8', [examples, side, side], masks)],
      ]),
    );
    const other = openDatasetFile(writeSharded().file);
    const order = Int32Array.of(5, 0, 3);
    for (const epoch of [null, 2]) {
      const expected = batchSource(one, 4, 1).batchAt(order, 0, epoch);
      const found = batchSource(other, 4, 1).batchAt(order, 0, epoch);
      expect(found.count).toBe(3);
      expect(found.labels).toBeInstanceOf(Uint8Array);
      expect(found.labels.length).toBe(4 * side * side);
      expect(found).toEqual(expected);
    }
    one.close();
    other.close();
  });

  it('moves a mask exactly as its image, bent or not', () => {
    const augmentation = augmentationFor(header, 1);
    const [out, mask] = [new Float32Array(side * side), new Uint8Array(side * side)];
    let moved = 0;
    for (let repeat = 0; repeat < 40; repeat += 1) {
      const stored = { stored: masks.subarray(0, side * side), out: mask };
      augmentation.apply(images.subarray(0, side * side), out, randomStream(5, repeat), stored);
      if (mask.some((value, place) => value !== masks[place])) moved += 1;
      const [low, high] = [Math.min(...out), Math.max(...out)];
      const differing = mask.filter((value, place) => out[place]! > (low + high) / 2 !== (value === 1)).length;
      // Along the edge of the disc the image is interpolated and the mask is not.
      expect(differing).toBeLessThan(16);
    }
    expect(moved).toBeGreaterThan(35);
  });

  it('refuses a shard whose bytes are not those of its name', () => {
    const { file, shards } = writeSharded();
    const damaged = path.join(folder, 'shards', shards[0]!);
    const content = readFileSync(damaged);
    content[content.length - 1]! ^= 1;
    writeFileSync(damaged, content);
    const dataset = openDatasetFile(file);
    expect(() => dataset.readMask(0, new Uint8Array(side * side))).toThrow(expect.objectContaining({ code: 368 }));
    dataset.readMask(5, new Uint8Array(side * side));
    dataset.close();
  });

  it('refuses a mask that names a class which there is not', () => {
    const wrong = masks.slice();
    wrong[3] = 9;
    const file = write('wrong', header, [
      ['images', tensor('U16', [examples, side, side, 1], images)],
      ['masks', tensor('U8', [examples, side, side], wrong)],
    ]);
    const dataset = openDatasetFile(file);
    expect(() => dataset.readMask(0, new Uint8Array(side * side))).toThrow(expect.objectContaining({ code: 351 }));
    dataset.close();
  });
});

describe('a data set of several labels', () => {
  const own = { ...header, task: 'multi-label' as const, classes: ['effusion', 'nodule', 'mass'] };
  const labels = Uint8Array.from({ length: examples * 3 }, (_, index) => Number(index % 4 === 0));
  const withLabels = (values: Uint8Array): string =>
    write('labels', own, [
      ['images', tensor('U16', [examples, side, side, 1], images)],
      ['labels', tensor('U8', [examples, 3], values)],
    ]);

  it('gives each image its row, and filling the row of what it copies', () => {
    const dataset = openDatasetFile(withLabels(labels));
    const batch = batchSource(dataset, 3, 1).batchAt(Int32Array.of(4, 1), 0, null);
    const row = (example: number): number[] => Array.from(labels.subarray(example * 3, example * 3 + 3));
    expect([...batch.labels]).toEqual([...row(4), ...row(1), ...row(4)]);
    dataset.close();
  });

  it('refuses labels that are neither 0 nor 1', () => {
    const wrong = labels.slice();
    wrong[2] = 2;
    const file = withLabels(wrong);
    expect(() => openDatasetFile(file)).toThrow(expect.objectContaining({ code: 351 }));
  });
});

it('never mirrors where classes are called left and right', () => {
  const ramp = Uint16Array.from({ length: side * side }, (_, index) => (index % side) * 4_000);
  const augmentation = augmentationFor({ ...header, classes: ['background', 'Left kidney', 'Right kidney'] }, 1);
  const out = new Float32Array(side * side);
  for (let repeat = 0; repeat < 100; repeat += 1) {
    augmentation.apply(ramp, out, randomStream(1, repeat));
    expect(out[8 * side]!).toBeLessThan(out[8 * side + 15]!);
  }
});
