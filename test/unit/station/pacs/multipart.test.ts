import { array, assert, asyncProperty, constantFrom, integer, oneof, uint8Array } from 'fast-check';
import { expect, test } from 'vitest';
import { MultipartError, parseContentType, readMultipart } from '../../../../src/station/pacs/dicomweb/multipart.ts';

interface Read {
  readonly parts: { headers: [string, string][]; bytes: string; end: 'whole' | 'aborted' | 'open' }[];
  readonly error: unknown;
}

async function readChunks(chunks: Iterable<Uint8Array>, boundary: string): Promise<Read> {
  const parts: Read['parts'] = [];
  async function* body(): AsyncGenerator<Buffer> {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  let error: unknown = null;
  try {
    await readMultipart(body(), boundary, (headers) => {
      const part: Read['parts'][number] = { headers: [...headers], bytes: '', end: 'open' };
      parts.push(part);
      return {
        write: async (bytes) => void (part.bytes += Buffer.from(bytes).toString('latin1')),
        end: async () => void (part.end = 'whole'),
        abort: async () => void (part.end = 'aborted'),
      };
    });
  } catch (thrown) {
    error = thrown;
  }
  return { parts, error };
}

/** In chunks of `size` bytes. */
function* inChunks(text: string, size: number): Generator<Uint8Array> {
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const body =
  'a preamble\r\n--b1 \t\r\nContent-Type: application/dicom\r\nX-Two:  b \r\n\r\nfirst\r\n-\r\n--b1x is content\r\n' +
  '\r\n--b1\r\n\r\nsecond\r\n--b1\r\nEmpty: yes\r\n\r\n--b1--\r\nan epilogue';
const expected = [
  {
    headers: [
      ['content-type', 'application/dicom'],
      ['x-two', 'b'],
    ],
    bytes: 'first\r\n-\r\n--b1x is content\r\n',
    end: 'whole',
  },
  { headers: [], bytes: 'second', end: 'whole' },
  { headers: [['empty', 'yes']], bytes: '', end: 'whole' },
];

test('a body is read alike however it is cut into chunks', async () => {
  for (let size = 1; size <= body.length; size += 1) {
    expect(await readChunks(inChunks(body, size), 'b1'), `${size}`).toEqual({ parts: expected, error: null });
  }
});

test('any bytes come out as they went in', async () => {
  const bytes = oneof(
    uint8Array({ maxLength: 300 }),
    constantFrom('\r\n--edg', '\r', '--edge', '\r\n--edge', '-').map((t) => Buffer.from(t)),
  );
  const boundary = 'edge-of-a-part';
  await assert(
    asyncProperty(
      array(array(bytes, { minLength: 1 }), { minLength: 1, maxLength: 5 }),
      integer({ min: 1, max: 400 }),
      async (parts, size) => {
        const texts = parts.map((pieces) => Buffer.concat(pieces).toString('latin1'));
        const whole = texts.map((text) => `--${boundary}\r\nA: b\r\n\r\n${text}\r\n`).join('') + `--${boundary}--`;
        const read = await readChunks(inChunks(whole, size), boundary);
        expect(read.error).toBeNull();
        expect(read.parts.map(({ bytes: text }) => text)).toEqual(texts);
      },
    ),
  );
});

test('a body that ends early aborts the part under way and keeps the whole ones', async () => {
  const cut = body.slice(0, body.indexOf('cond\r\n'));
  const { parts, error } = await readChunks(inChunks(cut, 7), 'b1');
  expect(error).toBeInstanceOf(MultipartError);
  expect(error).toMatchObject({ isCutOff: true });
  expect(parts.map(({ end }) => end)).toEqual(['whole', 'aborted']);
});

test.each([
  ['the wrong boundary', '--other\r\n\r\n'.repeat(10_000)],
  ['headers without an end', `--b1\r\n${'A: b\r\n'.repeat(10_000)}`],
  ['a boundary line without an end', `--b1${' '.repeat(10_000)}`],
])('%s is given up soon', async (_what, text) => {
  let taken = 0;
  function* counted(): Generator<Uint8Array> {
    for (const chunk of inChunks(text, 1_000)) {
      taken += chunk.length;
      yield chunk;
    }
  }
  const { error } = await readChunks(counted(), 'b1');
  expect(error).toMatchObject({ isCutOff: false });
  expect(taken).toBeLessThan(text.length);
});

test('content types are read with their parameters', () => {
  const { type, parameters } = parseContentType(
    'Multipart/Related; type="application/dicom";boundary="a \\"b\\"; c" ; x=1',
  );
  expect(type).toBe('multipart/related');
  expect([...parameters]).toEqual([
    ['type', 'application/dicom'],
    ['boundary', 'a "b"; c'],
    ['x', '1'],
  ]);
});
