// STOW-RS (PS3.18 10.5): files sent as multipart/related bodies, several to a request, read from disk as they go.
import { systemReason } from '../../../contract/system-reason.ts';
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pacsFault } from '../faults.ts';
import type { SendFile, SendOptions } from '../peer-client.ts';
import { firstCount, firstText, itemsOf } from './dicom-json.ts';
import { failureReason } from './failure-reason.ts';
import type { HttpAnswer, HttpExchange } from './http-exchange.ts';
import { dicomJsonType, parseDataSets, statusFault, wholeBody } from './json-answer.ts';
import { parseContentType } from './multipart.ts';
import { missingHead } from './missing-head.ts';

export interface StowPeer {
  readonly name: string;
  readonly http: HttpExchange;
  readonly pageBytesLimit: number;
}

interface Part extends SendFile {
  /** What a Part 10 file begins with and this one lacks. */
  readonly head: Buffer;
  readonly bytes: number;
}

/** A request beyond these would be held in memory by many servers; one file alone may be larger. */
const requestLimits = { files: 100, bytes: 64 * 1024 * 1024 };

/** Resolves when each file was told to `onSent` or `onFailure`. @throws Faults of the exchange, 658 for other statuses. */
export async function storeFiles(peer: StowPeer, files: readonly SendFile[], options: SendOptions): Promise<void> {
  let batch: Part[] = [];
  let batchBytes = 0;
  const flush = async (): Promise<void> => {
    if (batch.length > 0) await storeParts(peer, batch, options);
    batch = [];
    batchBytes = 0;
  };
  for (const file of files) {
    if (options.signal.aborted) throw pacsFault.cancelled();
    const part = await partOf(file, options);
    if (part === null) continue;
    if (batch.length === requestLimits.files || batchBytes + part.bytes > requestLimits.bytes) await flush();
    batch.push(part);
    batchBytes += part.bytes;
  }
  await flush();
}

async function partOf(file: SendFile, { onFailure }: SendOptions): Promise<Part | null> {
  try {
    const head = await missingHead(file);
    return { ...file, head, bytes: (await stat(file.path)).size };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'its file is gone' : `its file cannot be read: ${systemReason(code)}`;
    onFailure(`Instance ${file.sopInstanceUID}: ${why}.`);
    return null;
  }
}

async function storeParts(peer: StowPeer, parts: readonly Part[], options: SendOptions): Promise<void> {
  let unreadable: Part | null = null;
  const boundary = randomUUID();
  // Bare: Orthanc 1.10 passes over parts whose type has a parameter, and answers 200. The files name their transfer syntax.
  const lines = Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`);
  const end = Buffer.from(`--${boundary}--\r\n`);
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (const part of parts) {
      yield lines;
      yield part.head;
      try {
        yield* wholeFile(part);
      } catch (error) {
        unreadable = part;
        throw error;
      }
      yield Buffer.from('\r\n');
    }
    yield end;
  }
  const bytes = parts.reduce((sum, part) => sum + lines.length + part.head.length + part.bytes + 2, end.length);
  const request = {
    method: 'POST',
    place: '/studies',
    accept: dicomJsonType,
    signal: options.signal,
    body: { type: `multipart/related; type="application/dicom"; boundary=${boundary}`, bytes, chunks: chunks() },
  } as const;
  let answer: HttpAnswer;
  try {
    answer = await peer.http.ask(request);
  } catch (error) {
    const lost = unreadable as Part | null;
    if (lost === null) throw error;
    // The peer is not to blame, and whether it kept those before is not known: the others go again.
    options.onFailure(`Instance ${lost.sopInstanceUID}: its file could not be read to its end.`);
    const others = parts.filter((part) => part !== lost);
    if (others.length > 0) await storeParts(peer, others, options);
    return;
  }
  const { status } = answer;
  if (status === 404 || status === 405 || status === 410 || status >= 500) {
    answer.drop();
    throw statusFault(peer.name, status);
  }
  const { type } = parseContentType(answer.headers['content-type'] ?? '');
  const isJson = type === dicomJsonType || type === 'application/json';
  const body = await wholeBody(peer.name, answer, peer.pageBytesLimit);
  const results = isJson && body.length > 0 ? resultsOf(peer.name, body) : null;
  const unsaid: Part[] = [];
  for (const part of parts) {
    const code = results?.failed.get(part.sopInstanceUID);
    if (code !== undefined) options.onFailure(`Instance ${part.sopInstanceUID}: ${failureReason(code)}.`);
    // Without a list the status speaks for all (PS3.18 table 10.5.3-1): 200 is success of every instance.
    else if (results === null ? status === 200 || status === 204 : results.stored.has(part.sopInstanceUID)) {
      options.onSent(part.sopInstanceUID);
    } else unsaid.push(part);
  }
  if (unsaid.length > 1 && status >= 400) {
    // One bad file, or too much at once, can cost all of a request: halves find out which it was.
    const half = unsaid.length >>> 1;
    await storeParts(peer, unsaid.slice(0, half), options);
    await storeParts(peer, unsaid.slice(half), options);
    return;
  }
  for (const { sopInstanceUID } of unsaid) options.onFailure(`Instance ${sopInstanceUID}: ${unsaidReason(status)}.`);
}

/** As many bytes as were told in advance: what was written to the file since then stays here. @throws where it has fewer. */
async function* wholeFile({ path, bytes }: Part): AsyncGenerator<Uint8Array> {
  if (bytes === 0) return;
  let left = bytes;
  for await (const chunk of createReadStream(path, {
    end: bytes - 1,
    highWaterMark: 1 << 18,
  }) as AsyncIterable<Buffer>) {
    left -= chunk.length;
    yield chunk;
  }
  if (left > 0) throw new Error('the file became shorter while it was sent');
}

function unsaidReason(status: number): string {
  if (status === 413) return 'the peer takes no file of this size';
  if (status >= 400) return `the peer refused it and did not say why (HTTP ${status})`;
  return `the peer did not say that it stored it (HTTP ${status})`;
}

interface StoreResults {
  readonly stored: ReadonlySet<string>;
  /** With FailureReason, null where there is none. */
  readonly failed: ReadonlyMap<string, number | null>;
}

/** One data set, or a list with one (PS3.18 10.5.3.2; servers differ). */
function resultsOf(peer: string, body: Buffer): StoreResults {
  const text = body.toString('utf8').trimStart();
  const stored = new Set<string>();
  const failed = new Map<string, number | null>();
  for (const result of parseDataSets(peer, text.startsWith('[') ? body : Buffer.from(`[${text}]`))) {
    for (const item of itemsOf(result, '00081199')) stored.add(firstText(item, '00081155'));
    for (const item of itemsOf(result, '00081198'))
      failed.set(firstText(item, '00081155'), firstCount(item, '00081197'));
  }
  return { stored, failed };
}
