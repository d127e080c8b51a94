// STOW-RS (PS3.18 10.5): files sent as multipart/related bodies, several to a request, read from disk as they go.
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pacsFault } from '../faults.ts';
import type { SendFile, SendOptions } from '../peer-client.ts';
import { firstCount, firstText, itemsOf } from './dicom-json.ts';
import { failureReason } from './failure-reason.ts';
import type { HttpExchange } from './http-exchange.ts';
import { dicomJsonType, parseDataSets, statusFault, wholeBody } from './json-answer.ts';
import { parseContentType } from './multipart.ts';
import { missingHead } from './part10-head.ts';

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
    const why = code === 'ENOENT' ? 'its file is gone' : `its file cannot be read (${code ?? 'unknown'})`;
    onFailure(`Instance ${file.sopInstanceUID}: ${why}.`);
    return null;
  }
}

async function storeParts(peer: StowPeer, parts: readonly Part[], options: SendOptions): Promise<void> {
  const boundary = randomUUID();
  const lines = (part: Part): Buffer =>
    Buffer.from(
      `--${boundary}\r\nContent-Type: application/dicom; transfer-syntax=${part.transferSyntaxUID}\r\n` +
        `Content-Length: ${part.head.length + part.bytes}\r\n\r\n`,
    );
  const end = Buffer.from(`--${boundary}--\r\n`);
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (const part of parts) {
      yield lines(part);
      yield part.head;
      // Its size was told in advance: bytes written to the file since then stay here.
      if (part.bytes > 0) yield* createReadStream(part.path, { end: part.bytes - 1, highWaterMark: 1 << 18 });
      yield Buffer.from('\r\n');
    }
    yield end;
  }
  const bytes = parts.reduce((sum, part) => sum + lines(part).length + part.head.length + part.bytes + 2, end.length);
  const answer = await peer.http.ask({
    method: 'POST',
    place: '/studies',
    accept: dicomJsonType,
    signal: options.signal,
    body: { type: `multipart/related; type="application/dicom"; boundary=${boundary}`, bytes, chunks: chunks() },
  });
  if (answer.status === 413 && parts.length > 1) {
    answer.drop();
    // Too much at once for this server: half of it, and so on down to single files.
    const half = parts.length >>> 1;
    await storeParts(peer, parts.slice(0, half), options);
    await storeParts(peer, parts.slice(half), options);
    return;
  }
  const { type } = parseContentType(answer.headers['content-type'] ?? '');
  const isJson = type === dicomJsonType || type === 'application/json';
  if (!acceptedStatuses.has(answer.status) && !(answer.status < 500 && isJson)) {
    answer.drop();
    if (answer.status === 413) tellAll(parts, options, 'the peer takes no file of this size');
    else throw statusFault(peer.name, answer.status);
    return;
  }
  const body = await wholeBody(peer.name, answer, peer.pageBytesLimit);
  if (isJson && body.length > 0) tellResults(peer, parts, options, { status: answer.status, body });
  // Without a list the status speaks for all (PS3.18 table 10.5.3-1): 200 is success of every instance.
  else if (answer.status === 200 || answer.status === 204)
    for (const part of parts) options.onSent(part.sopInstanceUID);
  else tellAll(parts, options, `the peer did not say which instances failed (HTTP ${answer.status})`);
}

/** All stored; accepted in part; none stored. */
const acceptedStatuses = new Set([200, 202, 204, 409]);

function tellAll(parts: readonly Part[], { onFailure }: SendOptions, why: string): void {
  for (const { sopInstanceUID } of parts) onFailure(`Instance ${sopInstanceUID}: ${why}.`);
}

function tellResults(
  peer: StowPeer,
  parts: readonly Part[],
  options: SendOptions,
  { status, body }: { status: number; body: Buffer },
): void {
  // One data set, or a list with one (PS3.18 10.5.3.2; servers differ).
  const text = body.toString('utf8').trimStart();
  const results = parseDataSets(peer.name, text.startsWith('[') ? body : Buffer.from(`[${text}]`));
  const stored = new Set<string>();
  const failed = new Map<string, number | null>();
  for (const result of results) {
    for (const item of itemsOf(result, '00081199')) stored.add(firstText(item, '00081155'));
    for (const item of itemsOf(result, '00081198'))
      failed.set(firstText(item, '00081155'), firstCount(item, '00081197'));
  }
  for (const { sopInstanceUID } of parts) {
    const code = failed.get(sopInstanceUID);
    if (code !== undefined) options.onFailure(`Instance ${sopInstanceUID}: ${failureReason(code)}.`);
    else if (stored.has(sopInstanceUID)) options.onSent(sopInstanceUID);
    else options.onFailure(`Instance ${sopInstanceUID}: the peer did not say that it stored it (HTTP ${status}).`);
  }
}
