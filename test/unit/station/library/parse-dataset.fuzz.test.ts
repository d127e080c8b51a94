// Thousands of damaged headers, the same in every run: each ends in a data set or in a fault, soon.
import { describe, expect, it } from 'vitest';
import { Fault } from '../../../../src/contract/fault.ts';
import type { DataSet, Item } from '../../../../src/station/library/dataset.ts';
import { headerList } from '../../../../src/station/library/header-list.ts';
import { instanceRecord } from '../../../../src/station/library/instance-record.ts';
import { parseDataset } from '../../../../src/station/library/parse-dataset.ts';
import { dicomFile, sliceElements } from '../../../fixtures/dicom-bytes.ts';

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const slice = sliceElements({ uid: '1.2.3.1.1', positionMm: 4 });
const inner = [[{ tag: 0x00081155, value: '1.9' }], [{ tag: 0x00100010, value: '\u001b$B;3ED\u001b(B^x' }]];
const elements = [
  { tag: 0x00080005, value: '\\ISO 2022 IR 87' },
  ...slice.slice(0, 4),
  { tag: 0x00081140, value: inner, undefinedLength: true },
  { tag: 0x00081199, value: inner },
  ...slice.slice(4),
];
const syntaxes = ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.2', '1.2.840.10008.1.2.1.99'];
const originals = syntaxes.map((syntax) => dicomFile(elements, syntax));

function mutated(original: Uint8Array, random: () => number): Uint8Array {
  const bytes = Buffer.from(original);
  const edits = 1 + Math.floor(random() * 8);
  for (let edit = 0; edit < edits; edit += 1) {
    const at = 128 + Math.floor(random() * (bytes.length - 132));
    const kind = random();
    if (kind < 0.4) bytes[at] = Math.floor(random() * 256);
    else if (kind < 0.6) bytes.writeUInt32LE(0xffffffff, at);
    else if (kind < 0.7) bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
    else if (kind < 0.8) bytes.writeUInt32LE(0xe000fffe, at);
    else bytes.copyWithin(at, 128 + Math.floor(random() * 200), 200 + Math.floor(random() * 200));
  }
  return random() < 0.3 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
}

function isInside(dataSet: DataSet, item: Item): boolean {
  return [...item.elements.values()].every(
    ({ offset, length, items }) =>
      offset + length <= dataSet.bytes.length && (items ?? []).every((one) => isInside(dataSet, one)),
  );
}

/** Reads the bytes in every way that the library does; 'wrong' is what may not happen. */
function outcome(bytes: Uint8Array, stopAtPixelData: boolean): 'read' | 'refused' | 'wrong' {
  try {
    const dataSet = parseDataset(bytes, { stopAtPixelData, inflateLimitBytes: 1_000_000 });
    headerList(dataSet);
    instanceRecord(dataSet);
    return isInside(dataSet, dataSet) ? 'read' : 'wrong';
  } catch (error) {
    return error instanceof Fault ? 'refused' : 'wrong';
  }
}

describe('reading damaged headers', () => {
  it('gives a data set whose elements lie inside the bytes, or a fault, for 6,000 mutations', () => {
    const random = seeded(20_240_607);
    const counts = { read: 0, refused: 0, wrong: 0 };
    for (let round = 0; round < 6_000; round += 1) {
      const bytes = mutated(originals[round % originals.length]!, random);
      counts[outcome(bytes, random() < 0.5)] += 1;
    }
    expect(counts.wrong).toBe(0);
    expect(counts.read).toBeGreaterThan(3_000);
  });

  it('gives a data set or a fault for random bytes behind a preamble', () => {
    const random = seeded(7);
    for (let round = 0; round < 1_000; round += 1) {
      const bytes = Buffer.alloc(600, 0);
      bytes.write('DICM', 128);
      for (let at = 132; at < bytes.length; at += 1) bytes[at] = Math.floor(random() * 256);
      expect(outcome(bytes, false)).not.toBe('wrong');
    }
  });
});
