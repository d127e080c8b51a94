import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../../../src/contract/fault.ts';
import { parseDataset } from '../../../../src/station/library/parse-dataset.ts';
import { tags } from '../../../../src/station/library/tags.ts';
import { textOf, topDecoder } from '../../../../src/station/library/values.ts';
import { dicomFile, type ElementSpec, encodeElements, sliceElements } from '../../../fixtures/dicom-bytes.ts';

const slice = sliceElements({ uid: '1.2.3.1.1' });
const nested = (undefinedLength: boolean): ElementSpec[] => [
  ...slice.slice(0, 2),
  {
    tag: 0x00081140,
    value: [
      [
        { tag: 0x00081155, value: '1.9' },
        { tag: 0x00081199, value: [[{ tag: 0x00081155, value: '1.8' }]], undefinedLength },
      ],
      [{ tag: 0x00081155, value: '1.7' }],
    ],
    undefinedLength,
  },
  ...slice.slice(2),
];

function uidOf(bytes: Uint8Array): string {
  const dataSet = parseDataset(bytes);
  return textOf(dataSet, dataSet.elements.get(tags.SOPInstanceUID), topDecoder(dataSet));
}

describe('parseDataset', () => {
  it.each([
    ['implicit little endian', '1.2.840.10008.1.2'],
    ['explicit little endian', '1.2.840.10008.1.2.1'],
    ['explicit big endian', '1.2.840.10008.1.2.2'],
    ['deflated', '1.2.840.10008.1.2.1.99'],
  ])('reads a file in %s', (_, syntax) => {
    const dataSet = parseDataset(dicomFile(slice, syntax));
    expect(dataSet.transferSyntaxUID).toBe(syntax);
    expect(dataSet.damaged).toBeNull();
    expect(dataSet.elements.size).toBe(slice.length);
    expect(dataSet.pixelData).toMatchObject({ length: 32, encapsulated: false });
  });

  it.each([
    ['implicit little endian', { implicit: true }],
    ['explicit little endian', {}],
    ['explicit big endian', { bigEndian: true }],
  ])('reads a bare data set without preamble and meta header in %s', (_, encoding) => {
    expect(uidOf(encodeElements(slice, encoding))).toBe('1.2.3.1.1');
  });

  it('reads a data set that is not encoded as its meta header says', () => {
    const lying = Buffer.concat([dicomFile([], '1.2.840.10008.1.2'), encodeElements(slice)]);
    expect(uidOf(lying)).toBe('1.2.3.1.1');
    expect(parseDataset(lying).transferSyntaxUID).toBe('1.2.840.10008.1.2.1');
  });

  it('reads a data set that is called deflated and is not, and one that zlib wrapped, as whole', () => {
    const plain = Buffer.concat([dicomFile([], '1.2.840.10008.1.2.1.99').subarray(0, -2), encodeElements(slice)]);
    expect(parseDataset(plain)).toMatchObject({ transferSyntaxUID: '1.2.840.10008.1.2.1', damaged: null });
    expect(uidOf(plain)).toBe('1.2.3.1.1');
    const head = dicomFile([], '1.2.840.10008.1.2.1.99').subarray(0, -2);
    const wrapped = Buffer.concat([head, deflateSync(encodeElements(slice))]);
    expect(parseDataset(wrapped)).toMatchObject({ transferSyntaxUID: '1.2.840.10008.1.2.1.99', damaged: null });
    expect(uidOf(wrapped)).toBe('1.2.3.1.1');
    expect(parseDataset(wrapped.subarray(0, -20)).damaged).toContain('cut off');
  });

  it.each(['  ', '??', '\0\0'])('passes over an element whose value representation is %j', (vr) => {
    const odd = encodeElements([{ tag: 0x00091002, value: 'ab', vr }]);
    const file = Buffer.concat([dicomFile(slice.slice(0, 5)), odd, encodeElements(slice.slice(5))]);
    const dataSet = parseDataset(file);
    expect(dataSet.damaged).toBeNull();
    expect(dataSet.elements.size).toBe(slice.length + 1);
  });

  it.each([true, false])('reads nested sequences, of undefined length: %s', (undefinedLength) => {
    for (const syntax of ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.2']) {
      const dataSet = parseDataset(dicomFile(nested(undefinedLength), syntax));
      expect(dataSet.damaged).toBeNull();
      const items = dataSet.elements.get(0x00081140)!.items!;
      expect(items).toHaveLength(2);
      expect(items[0]!.elements.get(0x00081199)!.items![0]!.elements.has(0x00081155)).toBe(true);
      expect(dataSet.pixelData?.length).toBe(32);
    }
  });

  it('keeps what a cut file holds and says that it is damaged', () => {
    const whole = dicomFile(slice);
    for (let length = 200; length < whole.length; length += 1) {
      const dataSet = parseDataset(whole.subarray(0, length));
      expect(uidOf(whole.subarray(0, length))).toMatch(/^(1\.2\.3\.1\.1)?$/);
      // Only a cut between two elements goes unnoticed; then the pixel data is missing.
      expect(dataSet.damaged !== null || dataSet.pixelData === null).toBe(true);
    }
    const cut = parseDataset(whole.subarray(0, whole.length - 10));
    expect(cut.damaged).toContain('pixel data');
    expect(cut.pixelData).toMatchObject({ length: 22, damaged: true });
  });

  it('lists fragments by their lengths, whatever bytes they hold, with the basic and extended offset tables', () => {
    const delimiter = Buffer.from([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
    const item = (bytes: Uint8Array): Buffer => {
      const header = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
      header.writeUInt32LE(bytes.length, 4);
      return Buffer.concat([header, bytes]);
    };
    const table = Buffer.alloc(8);
    table.writeUInt32LE(24, 4);
    const value = Buffer.concat([
      item(table),
      item(Buffer.concat([delimiter, delimiter])),
      item(Buffer.alloc(6, 7)),
      delimiter,
    ]);
    const extended = Buffer.alloc(16);
    extended.writeBigUInt64LE(24n, 8);
    const file = dicomFile(
      [
        ...slice.slice(0, -1),
        { tag: tags.ExtendedOffsetTable, vr: 'OV', value: extended },
        { tag: tags.PixelData, vr: 'OB', value, undefinedLength: true },
      ],
      '1.2.840.10008.1.2.4.50',
    );
    const dataSet = parseDataset(file);
    expect(dataSet.pixelData).toMatchObject({ encapsulated: true, basicOffsets: [0, 24], damaged: false });
    expect(dataSet.pixelData?.fragments.map((fragment) => fragment.length)).toEqual([16, 6]);
    expect(dataSet.pixelData?.extendedOffsets).toEqual([0, 24]);
    const head = parseDataset(file, { stopAtPixelData: true });
    expect(head.pixelData).toMatchObject({ offset: dataSet.pixelData!.offset, encapsulated: true, fragments: [] });
  });

  it('stops inflating at its limit', () => {
    const bomb = dicomFile(
      [...slice.slice(0, -1), { tag: tags.PixelData, value: new Uint8Array(8_000_000) }],
      '1.2.840.10008.1.2.1.99',
    );
    expect(bomb.length).toBeLessThan(20_000);
    const dataSet = parseDataset(bomb, { inflateLimitBytes: 1_000_000 });
    expect(dataSet.bytes.length).toBe(1_000_000);
    expect(dataSet.damaged).toContain('inflates to more than');
    const head = parseDataset(bomb, { inflateLimitBytes: 1_000_000, stopAtPixelData: true });
    expect(head).toMatchObject({ damaged: null, endedEarly: false, pixelData: { length: 8_000_000 } });
  });

  it('does not follow sequences nested without end', () => {
    const level = Buffer.concat([
      encodeElements([{ tag: 0x00081140, value: [], undefinedLength: true }]).subarray(0, 12),
      Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff]),
    ]);
    const deep = Buffer.concat([dicomFile(slice.slice(0, 2)), ...Array.from({ length: 50_000 }, () => level)]);
    const dataSet = parseDataset(deep);
    expect(dataSet.damaged).toContain('nested deeper');
    expect(uidOf(deep)).toBe('1.2.3.1.1');
  });

  it.each(['', 'hello', 'PK\u0003\u0004 a zip archive and more', '{"json": true, "and": "more"}'])(
    'refuses bytes that are no DICOM: %j',
    (text) => {
      expect(() => parseDataset(Buffer.from(text))).toThrow(Fault);
    },
  );
});
