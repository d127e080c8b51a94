import { describe, expect, it } from 'vitest';
import { frameSchema } from '../../../../../src/contract/dicom.ts';
import { Fault } from '../../../../../src/contract/fault.ts';
import { storedValuesOf } from '../../../../../src/station/library/pixels/frame-values.ts';
import { rgbOf, withoutChrominance } from '../../../../../src/station/library/pixels/colour.ts';
import { readFrame } from '../../../../../src/station/library/pixels/read-frame.ts';
import { encodeElements } from '../../../../fixtures/dicom-bytes.ts';
import { dicomFile, encoded, littleEndian, picture, syntaxes, type ImageFile } from './dicom-files.ts';

const small = { syntax: syntaxes.explicitLittle, rows: 2, columns: 3 };

async function valuesIn(file: ImageFile, frame = 1): Promise<number[]> {
  return [...storedValuesOf(frameSchema.parse(await readFrame(dicomFile(file), frame)))];
}

async function codeOf(file: ImageFile, frame = 1): Promise<number> {
  const thrown = await readFrame(dicomFile(file), frame).catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(Fault);
  return (thrown as Fault).code;
}

describe('uncompressed pixels', () => {
  it('are taken as they lie in little endian, the second frame after the first', async () => {
    const pixels = littleEndian([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 65535], 16);
    expect(await valuesIn({ ...small, frames: 2, pixels })).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await valuesIn({ ...small, frames: 2, pixels }, 2)).toEqual([7, 8, 9, 10, 11, 65535]);
  });

  it('bring the values of padding as their pixels are read, whichever way they were written', async () => {
    const paddingOf = async (isSigned: boolean, value: number, limit?: number): Promise<unknown> => {
      const elements = [
        [0x00280120, 'US', [value]],
        ...(limit === undefined ? [] : [[0x00280121, 'US', [limit]] as const]),
      ] as const;
      const file = { ...small, isSigned, elements, pixels: littleEndian([1, 2, 3, 4, 5, 6], 16) };
      return (await readFrame(dicomFile(file), 1)).padding;
    };
    expect(await paddingOf(true, 63536)).toEqual({ first: -2000, last: -2000 });
    expect(await paddingOf(false, 4095, 4000)).toEqual({ first: 4000, last: 4095 });
    expect((await readFrame(dicomFile({ ...small, pixels: littleEndian([1, 2, 3, 4, 5, 6], 16) }), 1)).padding).toBe(
      undefined,
    );
  });

  it('bring when and where they were taken, the moment of one DT before date and time', async () => {
    const originOf = async (elements: ImageFile['elements'] = []): Promise<unknown> =>
      (await readFrame(dicomFile({ ...small, elements, pixels: littleEndian([1, 2, 3, 4, 5, 6], 16) }), 1)).origin;
    expect(await originOf()).toEqual({
      studyTime: '',
      acquisitionDate: '',
      acquisitionTime: '',
      institution: '',
      view: '',
    });
    const written = [
      [0x00080022, 'DA', '20240105'],
      [0x00080030, 'TM', '101500'],
      [0x00080032, 'TM', '101722.500'],
      [0x00080080, 'LO', 'Hôpital'],
    ] as const;
    expect(await originOf([[0x00080005, 'CS', 'ISO_IR 100'], ...written])).toEqual({
      studyTime: '101500',
      acquisitionDate: '20240105',
      acquisitionTime: '101722.500',
      institution: 'Hôpital',
      view: '',
    });
    expect(
      await originOf([
        [0x00185101, 'CS', 'CC'],
        [0x00200062, 'CS', 'R'],
      ]),
    ).toMatchObject({ view: 'R CC' });
    expect(await originOf([...written, [0x0008002a, 'DT', '20240106235959.1+0100']])).toMatchObject({
      acquisitionDate: '20240106',
      acquisitionTime: '235959.1',
    });
  });

  it('do not share memory with the file', async () => {
    const file = Buffer.from(dicomFile({ ...small, pixels: littleEndian([1, 2, 3, 4, 5, 6], 16) }));
    const frame = await readFrame(file, 1);
    expect(frame.pixels.buffer.byteLength).toBe(12);
  });

  it('are swapped from big endian, 16 and 32 bits wide', async () => {
    const swapped = { ...small, syntax: syntaxes.explicitBig, columns: 1 };
    expect(await valuesIn({ ...swapped, pixels: Uint8Array.of(1, 2, 0xff, 0xfe), isSigned: true })).toEqual([
      0x102, -2,
    ]);
    const wide = { ...swapped, bitsAllocated: 32, pixels: Uint8Array.of(0, 1, 2, 3, 255, 255, 255, 255) };
    expect(await valuesIn(wide)).toEqual([0x10203, 0xffffffff]);
  });

  it('of 8 bits in big-endian words come in order, also in a frame that begins inside a word', async () => {
    const file = {
      ...small,
      syntax: syntaxes.explicitBig,
      rows: 1,
      bitsAllocated: 8,
      frames: 2,
      pixels: Uint8Array.of(2, 1, 4, 3, 6, 5),
    };
    expect(await valuesIn(file)).toEqual([1, 2, 3]);
    expect(await valuesIn(file, 2)).toEqual([4, 5, 6]);
    expect(await valuesIn({ ...file, pixelVr: 'OB' })).toEqual([2, 1, 4]);
  });

  it('lose what lies above HighBit and below the stored bits, and keep their sign', async () => {
    const file = { ...small, rows: 1, bitsStored: 12, isSigned: true };
    expect(await valuesIn({ ...file, pixels: littleEndian([0xf001, 0x0fff, 0x0800], 16) })).toEqual([1, -1, -2048]);
    const high = { ...small, rows: 1, bitsStored: 12, highBit: 15, pixels: littleEndian([0x001f, 0xfff0, 0x8000], 16) };
    expect(await valuesIn(high)).toEqual([1, 0xfff, 0x800]);
  });

  it('of single bits become bytes of 0 and 1, frames following one another without padding', async () => {
    const file = { ...small, bitsAllocated: 1, frames: 2, pixels: Uint8Array.of(0b10_000101, 0b0000_1000) };
    expect(await valuesIn(file)).toEqual([1, 0, 1, 0, 0, 0]);
    expect(await valuesIn(file, 2)).toEqual([0, 1, 0, 0, 0, 1]);
  });

  it('stored plane by plane come interleaved', async () => {
    const file = { ...small, rows: 1, columns: 2, samples: 3, bitsAllocated: 8, isPlanar: true };
    expect(await valuesIn({ ...file, pixels: Uint8Array.of(1, 2, 11, 12, 21, 22) })).toEqual([1, 11, 21, 2, 12, 22]);
  });

  it('with subsampled chrominance are brought to full resolution and say so', async () => {
    const file = { ...small, rows: 1, columns: 4, samples: 3, bitsAllocated: 8, photometric: 'YBR_FULL_422' };
    const pixels = Uint8Array.of(1, 2, 50, 60, 3, 4, 70, 80);
    const frame = await readFrame(dicomFile({ ...file, pixels }), 1);
    expect(frame.photometric).toBe('YBR_FULL');
    expect([...frame.pixels]).toEqual([1, 50, 60, 2, 50, 60, 3, 70, 80, 4, 70, 80]);
  });

  it('that say subsampled but hold every chrominance are read whole', async () => {
    const file = {
      ...small,
      rows: 1,
      columns: 2,
      samples: 3,
      bitsAllocated: 8,
      photometric: 'YBR_FULL_422',
      frames: 2,
    };
    const pixels = Uint8Array.of(1, 50, 60, 2, 51, 61, 3, 70, 80, 4, 71, 81);
    const frame = await readFrame(dicomFile({ ...file, pixels }), 2);
    expect(frame.photometric).toBe('YBR_FULL');
    expect([...frame.pixels]).toEqual([3, 70, 80, 4, 71, 81]);
  });

  it('in the big-endian words of General Electric are swapped, the header staying as it is', async () => {
    const bytesOf = (bits: number, pixels: Uint8Array): Uint8Array =>
      Buffer.concat([
        Buffer.alloc(128),
        Buffer.from('DICM'),
        encodeElements([{ tag: 0x00020010, value: '1.2.840.113619.5.2', vr: 'UI' }]),
        encodeElements(
          [
            { tag: 0x00280010, value: 2 },
            { tag: 0x00280011, value: 1 },
            { tag: 0x00280100, value: bits },
            { tag: 0x7fe00010, value: pixels },
          ],
          { implicit: true },
        ),
      ]);
    const valuesOf = async (bytes: Uint8Array): Promise<number[]> => [...storedValuesOf(await readFrame(bytes, 1))];
    expect(await valuesOf(bytesOf(16, Uint8Array.of(1, 2, 0xff, 0xfe)))).toEqual([0x102, 0xfffe]);
    expect(await valuesOf(bytesOf(8, Uint8Array.of(2, 1)))).toEqual([1, 2]);
  });

  it('are refused where an unknown transfer syntax may have meant anything by them', async () => {
    const file = { ...small, syntax: '1.3.46.670589.33.1.4.1', pixels: littleEndian([1, 2, 3, 4, 5, 6], 16) };
    expect(await codeOf(file)).toBe(153);
  });

  it('in colours tell how many bits of a sample are in use', async () => {
    const file = {
      ...small,
      rows: 1,
      columns: 1,
      samples: 3,
      bitsStored: 12,
      pixels: littleEndian([4095, 2048, 16], 16),
    };
    const frame = frameSchema.parse(await readFrame(dicomFile(file), 1));
    expect(frame.colourBits).toBe(12);
    expect([...rgbOf(frame)]).toEqual([255, 128, 1]);
    expect(withoutChrominance({ ...frame, photometric: 'YBR_FULL' })).toMatchObject({ bits: 8, photometric: 'RGB' });
    expect(withoutChrominance({ ...frame, photometric: 'YBR_FULL' }).colourBits).toBeUndefined();
  });

  it('that break off are refused in the frame that lacks bytes, not before', async () => {
    const file = { ...small, frames: 2, pixels: littleEndian([1, 2, 3, 4, 5, 6, 7], 16) };
    expect(await valuesIn(file)).toHaveLength(6);
    expect(await codeOf(file, 2)).toBe(154);
  });
});

describe('RLE', () => {
  /** One PackBits segment per byte plane, all literal. */
  function rleOf(planes: readonly number[][]): Uint8Array {
    const header = new DataView(new ArrayBuffer(64));
    header.setUint32(0, planes.length, true);
    const body: number[] = [];
    planes.forEach((plane, index) => {
      header.setUint32(4 + index * 4, 64 + body.length, true);
      body.push(plane.length - 1, ...plane);
      if (body.length % 2 === 1) body.push(128);
    });
    return Uint8Array.from([...new Uint8Array(header.buffer), ...body]);
  }
  const file = { ...small, syntax: syntaxes.rle, rows: 1, columns: 2 };

  it('joins byte planes of 16 and 32 bits, the most significant first', async () => {
    expect(
      await valuesIn({
        ...file,
        pixels: [
          rleOf([
            [1, 2],
            [3, 4],
          ]),
        ],
      }),
    ).toEqual([0x103, 0x204]);
    const wide = {
      ...file,
      bitsAllocated: 32,
      pixels: [
        rleOf([
          [0, 255],
          [1, 255],
          [2, 255],
          [3, 255],
        ]),
      ],
    };
    expect(await valuesIn(wide)).toEqual([0x10203, 0xffffffff]);
  });

  it('joins byte planes of colours', async () => {
    const rgb = {
      ...file,
      samples: 3,
      pixels: [
        rleOf([
          [1, 2],
          [3, 4],
          [5, 6],
          [7, 8],
          [9, 10],
          [11, 12],
        ]),
      ],
    };
    expect(await valuesIn(rgb)).toEqual([0x103, 0x507, 0x90b, 0x204, 0x608, 0xa0c]);
  });

  it('reads single bits as one byte a pixel, and refuses bits packed eight to a byte', async () => {
    const mask = { ...file, bitsAllocated: 1, bitsStored: 1, highBit: 0, rows: 2, columns: 8 };
    const bits = [0, 1, 1, 0, 0, 0, 0, 1, 255, 0, 0, 1, 0, 0, 0, 0];
    expect(await valuesIn({ ...mask, pixels: [rleOf([bits])] })).toEqual(bits.map((bit) => (bit === 0 ? 0 : 1)));
    expect(await codeOf({ ...mask, pixels: [rleOf([[0b10000110, 0b00001001]])] })).toBe(155);
  });

  it('repeats runs, and refuses a segment that does not fill the image', async () => {
    const run = { ...file, bitsAllocated: 8, columns: 5 };
    const packed = rleOf([[0]]);
    expect(await valuesIn({ ...run, pixels: [Uint8Array.from([...packed.subarray(0, 64), 253, 9, 0, 7])] })).toEqual([
      9, 9, 9, 9, 7,
    ]);
    expect(await codeOf({ ...run, pixels: [packed] })).toBe(155);
    expect(await codeOf({ ...run, pixels: [packed.subarray(0, 20)] })).toBe(155);
  });
});

describe.each([
  ['JPEG-LS', 'jpegLs', syntaxes.jpegLs],
  ['JPEG 2000', 'jpeg2000', syntaxes.jpeg2000],
  ['High-Throughput JPEG 2000', 'htj2k', syntaxes.htj2k],
  ['JPEG XL', 'jpegXl', syntaxes.jpegXl],
] as const)('%s', (_, codec, syntax) => {
  const shape = { rows: 37, columns: 52 };

  it.each([8, 12, 16])('returns every value of %i bits', async (bits) => {
    const values = picture(shape.rows, shape.columns, 1, bits);
    const bitsAllocated = bits === 8 ? 8 : 16;
    const pixels = [await encoded(codec, values, { ...shape, samples: 1, bits })];
    expect(await valuesIn({ ...shape, syntax, bitsAllocated, bitsStored: bits, pixels })).toEqual([...values]);
  });

  it('returns every colour', async () => {
    const values = picture(shape.rows, shape.columns, 3, 8);
    const pixels = [await encoded(codec, values, { ...shape, samples: 3, bits: 8 })];
    expect(await valuesIn({ ...shape, syntax, samples: 3, bitsAllocated: 8, pixels })).toEqual([...values]);
  });

  it('extends the sign of values coded as unsigned', async () => {
    const values = picture(shape.rows, shape.columns, 1, 12, true);
    const unsigned = values.map((value) => value & 0xfff);
    const pixels = [await encoded(codec, unsigned, { ...shape, samples: 1, bits: 12 })];
    expect(await valuesIn({ ...shape, syntax, bitsStored: 12, isSigned: true, pixels })).toEqual([...values]);
  });

  it('is refused, not allocated, where it is larger than its header says', async () => {
    const values = picture(shape.rows, shape.columns, 1, 8);
    const pixels = [await encoded(codec, values, { ...shape, samples: 1, bits: 8 })];
    expect(await codeOf({ ...shape, rows: 36, syntax, bitsAllocated: 8, pixels })).toBe(152);
  });

  it('is refused with a reason where it breaks off', async () => {
    const values = picture(shape.rows, shape.columns, 1, 16);
    const whole = await encoded(codec, values, { ...shape, samples: 1, bits: 16 });
    expect(await codeOf({ ...shape, syntax, pixels: [whole.subarray(0, 60)] })).toBe(155);
  });
});

describe('a transfer syntax that is no sequence of images', () => {
  it.each([
    ['1.2.840.10008.1.2.4.94', 'JPIP'],
    ['1.2.840.10008.1.2.4.100', 'MPEG-2'],
    ['1.2.840.10008.1.2.4.102', 'H.264'],
    ['1.2.840.10008.1.2.4.107', 'H.265'],
  ])('%s is refused by the name %s', async (syntax, name) => {
    const file = { ...small, syntax, bitsAllocated: 8, pixels: [Uint8Array.of(1, 2, 3, 4)] };
    await expect(readFrame(dicomFile(file), 1)).rejects.toThrow(name);
  });
});

describe.each([
  ['JPEG 2000', 'jpeg2000', syntaxes.jpeg2000],
  ['High-Throughput JPEG 2000', 'htj2k', syntaxes.htj2k],
] as const)('%s of signed numbers', (_, codec, syntax) => {
  it.each([4, 8, 12])('keeps the negative ones of %i bits', async (bits) => {
    const shape = { rows: 37, columns: 52 };
    const values = picture(shape.rows, shape.columns, 1, bits, true);
    // An unsigned number is coded as the signed one that lies half the range below it (15444-1 G.1.2).
    const raised = values.map((value) => value + 2 ** (bits - 1));
    const codestream = await encoded(codec, raised, { ...shape, samples: 1, bits });
    codestream[42]! |= 0x80;
    const described = { bitsAllocated: bits <= 8 ? 8 : 16, bitsStored: bits, isSigned: true };
    expect(await valuesIn({ ...shape, syntax, ...described, pixels: [codestream] })).toEqual([...values]);
  });
});

describe('JPEG-LS with anything behind its end', () => {
  it('is whole', async () => {
    const shape = { rows: 11, columns: 13 };
    const values = picture(11, 13, 1, 8);
    const whole = await encoded('jpegLs', values, { ...shape, samples: 1, bits: 8 });
    const pixels = [Buffer.concat([whole, Buffer.of(0x20)])];
    expect(await valuesIn({ ...shape, syntax: syntaxes.jpegLs, bitsAllocated: 8, pixels })).toEqual([...values]);
  });
});

describe('JPEG-LS with a scan per colour', () => {
  it('comes interleaved', async () => {
    const shape = { rows: 11, columns: 13 };
    const values = picture(11, 13, 3, 8);
    const planes = [0, 1, 2].flatMap((sample) => [...values].filter((_, index) => index % 3 === sample));
    const pixels = [await encoded('jpegLs', planes, { ...shape, samples: 3, bits: 8, isPlanar: true })];
    expect(await valuesIn({ ...shape, syntax: syntaxes.jpegLs, samples: 3, bitsAllocated: 8, pixels })).toEqual([
      ...values,
    ]);
  });
});

describe('a frame in fragments', () => {
  const shape = { rows: 8, columns: 9 };
  const file = { ...shape, syntax: syntaxes.jpegLs, bitsAllocated: 8 };
  const pictures = [picture(8, 9, 1, 8), picture(8, 9, 1, 8).map((value) => 255 - value)];
  const codestreams = Promise.all(
    pictures.map((values) => encoded('jpegLs', values, { ...shape, samples: 1, bits: 8 })),
  );
  const halves = (bytes: Uint8Array): Uint8Array[] => [bytes.subarray(0, 40), bytes.subarray(40)];

  it('is joined where the instance has only that one', async () => {
    const [first] = await codestreams;
    expect(await valuesIn({ ...file, pixels: halves(first!) })).toEqual([...pictures[0]!]);
  });

  it('is found by the basic offset table', async () => {
    const [first, second] = await codestreams;
    const pixels = [...halves(first!), second!];
    const secondAt = 16 + 40 + first!.length - 40 + (first!.length % 2);
    const described = { ...file, frames: 2, pixels, basicOffsets: [0, secondAt] };
    expect(await valuesIn(described, 1)).toEqual([...pictures[0]!]);
    expect(await valuesIn(described, 2)).toEqual([...pictures[1]!]);
  });

  it('is found by its beginning where the table is missing, short, or points astray', async () => {
    const [first, second] = await codestreams;
    const pixels = [...halves(first!), second!];
    for (const basicOffsets of [[], [0], [0, 13]]) {
      expect(await valuesIn({ ...file, frames: 2, pixels, basicOffsets }, 2)).toEqual([...pictures[1]!]);
    }
  });

  it('is found without an item for the table, and in a value whose length is given', async () => {
    const large = { rows: 40, columns: 50 };
    const flat = new Uint8Array(2000).fill(7);
    const codestream = await encoded('jpegLs', flat, { ...large, samples: 1, bits: 8 });
    const described = { ...file, ...large };
    const bytes = Buffer.from(dicomFile({ ...described, pixels: [codestream] }));
    const value = bytes.lastIndexOf(Buffer.from('e07f10004f420000ffffffff', 'hex')) + 12;
    const readValues = async (content: Uint8Array, length: number): Promise<number[]> => {
      const whole = Buffer.concat([bytes.subarray(0, value), content]);
      whole.writeUInt32LE(length, value - 4);
      return [...storedValuesOf(await readFrame(whole, 1))];
    };
    const items = bytes.subarray(value);
    const withoutTable = items.subarray(8);
    const bare = withoutTable.subarray(8, -8);
    expect(await readValues(withoutTable, 0xffffffff)).toEqual([...flat]);
    for (const content of [items, withoutTable, bare])
      expect(await readValues(content, content.length)).toEqual([...flat]);
  });

  it('is refused where frames cannot be told apart', async () => {
    const [first] = await codestreams;
    expect(await codeOf({ ...file, frames: 2, pixels: halves(first!).concat(halves(first!).slice(1)) }, 2)).toBe(157);
  });
});

describe('what is asked', () => {
  it('is refused for a frame that does not exist', async () => {
    const file = { ...small, pixels: littleEndian([1, 2, 3, 4, 5, 6], 16) };
    for (const frame of [0, 2, 1.5]) expect(await codeOf(file, frame)).toBe(151);
  });

  it('is refused before allocation where the image claims to be enormous', async () => {
    const file = { ...small, rows: 65535, columns: 65535, pixels: new Uint8Array(4) };
    expect(await codeOf(file)).toBe(156);
  });

  it('is refused for an unknown transfer syntax and for impossible descriptions', async () => {
    expect(await codeOf({ ...small, syntax: '1.2.840.10008.1.2.4.100', pixels: [Uint8Array.of(1, 2)] })).toBe(153);
    expect(await codeOf({ ...small, bitsStored: 17, highBit: 15, pixels: new Uint8Array(12) })).toBe(152);
    expect(await codeOf({ ...small, bitsAllocated: 12, pixels: new Uint8Array(12) })).toBe(153);
    expect(await codeOf({ ...small, rows: 0, pixels: new Uint8Array(12) })).toBe(152);
  });

  it('comes with rescale and window, and with neutral ones where the file has none', async () => {
    const elements = [
      [0x00281050, 'DS', '40\\60'],
      [0x00281051, 'DS', '400\\300'],
      [0x00281052, 'DS', '-1024'],
      [0x00281053, 'DS', '2'],
    ] as const;
    const pixels = littleEndian([1, 2, 3, 4, 5, 6], 16);
    const frame = await readFrame(dicomFile({ ...small, elements, pixels }), 1);
    expect(frame).toMatchObject({
      rescaleSlope: 2,
      rescaleIntercept: -1024,
      windowCenter: 40,
      windowWidth: 400,
      modality: 'OT',
    });
    const plain = await readFrame(dicomFile({ ...small, pixels }), 1);
    expect(plain).toMatchObject({ rescaleSlope: 1, rescaleIntercept: 0, windowCenter: null, windowWidth: null });
  });

  it('says what its rescaled values are, and that they were compressed with loss, where the file does', async () => {
    const pixels = littleEndian([1, 2, 3, 4, 5, 6], 16);
    const said = [
      [0x00281054, 'LO', 'US'],
      [0x00282110, 'CS', '01'],
      [0x00282112, 'DS', '13.893'],
    ] as const;
    const frame = await readFrame(dicomFile({ ...small, elements: said, pixels }), 1);
    expect(frame).toMatchObject({ rescaleType: 'US', lossy: { ratio: 13.893 } });
    const withoutRatio = await readFrame(dicomFile({ ...small, elements: [[0x00282110, 'CS', '01']], pixels }), 1);
    expect(withoutRatio.lossy).toEqual({ ratio: null });
    const never = await readFrame(dicomFile({ ...small, elements: [[0x00282110, 'CS', '00']], pixels }), 1);
    expect(never.rescaleType).toBeUndefined();
    expect(never.lossy).toBeUndefined();
  });
});
