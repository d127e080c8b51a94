import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { splitCodes } from '../../../../src/contract/dataset.ts';
import { encodeTensorFile, type Tensor } from '../../../../src/contract/safetensors.ts';
import { readSplit } from '../../../../src/station/cohorts/read-split.ts';

const { train, validation } = splitCodes;
const bytesOf = (values: Int32Array | Uint8Array): Uint8Array => new Uint8Array(values.buffer);

/** Three examples, the second of the validation split, with these labels. */
function fileWith(labels: Tensor | null): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-split-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const tensors = new Map<string, Tensor>([
    ['split', { elementType: 'U8', shape: [3], bytes: Uint8Array.of(train, validation, train) }],
    ['patients', { elementType: 'I32', shape: [3], bytes: bytesOf(Int32Array.of(4, 5, 6)) }],
    ...(labels === null ? [] : [['labels', labels] as [string, Tensor]]),
  ]);
  const file = path.join(folder, 'data.safetensors');
  writeFileSync(file, encodeTensorFile({ tensors, metadata: {} }));
  return file;
}

it('reads one class of each example', () => {
  const file = fileWith({ elementType: 'I32', shape: [3], bytes: bytesOf(Int32Array.of(2, 0, 1)) });
  expect(readSplit(file, 'train')).toEqual({ labels: Int32Array.of(2, 1), patients: Int32Array.of(4, 6) });
});

it('reads several labels of each example as rows, however many bytes they are', () => {
  const rows = Uint8Array.of(1, 0, 1, 0, 1, 0, 1, 1, 0);
  const file = fileWith({ elementType: 'U8', shape: [3, 3], bytes: rows });
  expect(readSplit(file, 'train').labels).toEqual(Uint8Array.of(1, 0, 1, 1, 1, 0));
  expect(readSplit(file, 'validation')).toEqual({ labels: Uint8Array.of(0, 1, 0), patients: Int32Array.of(5) });
});

it('has no labels of masks, and the patients all the same', () => {
  expect(readSplit(fileWith(null), 'train')).toEqual({ labels: new Int32Array(), patients: Int32Array.of(4, 6) });
});
