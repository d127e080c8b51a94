// Reads multipart bodies (RFC 2046 5.1) as they arrive: parts go to their sinks chunk by chunk, and no more is held than one
// chunk and a delimiter. The parsers in common use (busboy, dicer) are made for forms: they want a disposition and a name.

export interface PartSink {
  write(bytes: Uint8Array): Promise<void>;
  /** The part is whole. */
  end(): Promise<void>;
  /** The body broke off inside this part. */
  abort(): Promise<void>;
}

/** Header names in lower case. */
export type PartHeaders = ReadonlyMap<string, string>;

export class MultipartError extends Error {
  /** The body ended before its closing delimiter; otherwise it is not a multipart body of this boundary. */
  readonly isCutOff: boolean;

  constructor(message: string, isCutOff: boolean) {
    super(message);
    this.name = 'MultipartError';
    this.isCutOff = isCutOff;
  }
}

const headerBytesLimit = 16_384;
const preambleBytesLimit = 65_536;
const epilogueBytesLimit = 65_536;
const paddingBytesLimit = 256;
const lineEnd = Buffer.from('\r\n');
const blankLine = Buffer.from('\r\n\r\n');
const nothing = Buffer.alloc(0);
const hyphen = 0x2d;
const carriageReturn = 0x0d;
const afterDelimiter: ReadonlySet<number> = new Set([carriageReturn, 0x20, 0x09]);

/**
 * Resolves with the number of parts when the closing delimiter has been read, and the little that may follow it.
 * @throws MultipartError, and whatever `body`, `openPart` or a sink throws. An unfinished part is aborted first.
 */
export async function readMultipart(
  body: AsyncIterable<Buffer>,
  boundary: string,
  openPart: (headers: PartHeaders) => PartSink,
): Promise<number> {
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  let state = 'preamble' as 'preamble' | 'delimited' | 'headers' | 'part' | 'closed';
  let skippedBytes = 0;
  let epilogueBytes = 0;
  let parts = 0;
  let sink: PartSink | null = null;

  /** Takes what it can from `bytes` and returns the rest, which waits for more. */
  async function consume(bytes: Buffer): Promise<Buffer> {
    let rest = bytes;
    for (;;) {
      if (state === 'preamble' || state === 'part') {
        const at = delimiterIn(rest, delimiter);
        const take = rest.subarray(0, at.content);
        if (state === 'part') {
          if (take.length > 0) await sink?.write(take);
        } else {
          skippedBytes += take.length;
          if (skippedBytes > preambleBytesLimit) throw new MultipartError('its boundary is not found', false);
        }
        rest = rest.subarray(at.content);
        if (!at.isDelimiter) return rest;
        rest = rest.subarray(delimiter.length);
        const ended = sink;
        sink = null;
        await ended?.end();
        state = 'delimited';
      } else if (state === 'delimited') {
        if (rest[0] === hyphen && rest[1] === hyphen) state = 'closed';
        else {
          const at = rest.indexOf(lineEnd);
          if (at > paddingBytesLimit || (at < 0 && rest.length > paddingBytesLimit)) {
            throw new MultipartError('a boundary line does not end', false);
          }
          if (at < 0) return rest;
          // The line end stays: a part without headers begins with a blank line.
          rest = rest.subarray(at);
          state = 'headers';
        }
      } else if (state === 'headers') {
        const at = rest.indexOf(blankLine);
        if (at > headerBytesLimit || (at < 0 && rest.length > headerBytesLimit)) {
          throw new MultipartError('the headers of a part do not end', false);
        }
        if (at < 0) return rest;
        // A part may be empty: its delimiter then shares the blank line's end.
        const after = rest.subarray(at + lineEnd.length);
        if (after.length < delimiter.length && delimiter.subarray(0, after.length).equals(after)) return rest;
        sink = openPart(headersOf(rest.toString('latin1', 0, at)));
        parts += 1;
        const isEmpty = after.subarray(0, delimiter.length).equals(delimiter);
        rest = isEmpty ? after : after.subarray(lineEnd.length);
        state = 'part';
      } else return rest;
    }
  }

  try {
    // The first delimiter may stand at the very beginning, without the line end that belongs to the others.
    let rest: Buffer = lineEnd;
    for await (const chunk of body) {
      rest = await consume(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]));
      if (state === 'closed') {
        // What follows means nothing, but a body read to its end leaves the connection fit for the next request.
        epilogueBytes += rest.length;
        rest = nothing;
        if (epilogueBytes > epilogueBytesLimit) break;
      }
    }
    if (state === 'closed') return parts;
    throw new MultipartError('it ends before its closing boundary', true);
  } finally {
    await (sink as PartSink | null)?.abort();
  }
}

/** How many of `bytes` certainly come before a delimiter, and whether one follows them. */
function delimiterIn(bytes: Buffer, delimiter: Buffer): { content: number; isDelimiter: boolean } {
  for (let at = bytes.indexOf(delimiter); at >= 0; at = bytes.indexOf(delimiter, at + 1)) {
    const next = bytes[at + delimiter.length];
    const second = bytes[at + delimiter.length + 1];
    if (next === undefined || (next === hyphen && second === undefined)) return { content: at, isDelimiter: false };
    // Anything else after it is content that happens to begin like one.
    if (afterDelimiter.has(next) || (next === hyphen && second === hyphen)) return { content: at, isDelimiter: true };
  }
  // Its end may be the beginning of a delimiter, if it holds a line end.
  const tail = Math.max(0, bytes.length - delimiter.length + 1);
  const line = bytes.indexOf(carriageReturn, tail);
  return { content: line < 0 ? bytes.length : line, isDelimiter: false };
}

function headersOf(text: string): PartHeaders {
  const headers = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}

/** The parts of a Content-Type: media type in lower case, and parameters by name in lower case, quotes removed. */
export function parseContentType(text: string): { type: string; parameters: ReadonlyMap<string, string> } {
  const [type = ''] = text.split(';', 1);
  const parameters = new Map<string, string>();
  const pattern = /;\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))/g;
  for (const [, name = '', quoted, plain] of text.slice(0, 4_096).matchAll(pattern)) {
    parameters.set(name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '');
  }
  return { type: type.trim().toLowerCase(), parameters };
}
