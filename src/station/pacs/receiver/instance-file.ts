// Writes an arriving instance to a file and keeps its first bytes: the sender waits for its answer, so the header is not
// read back, and hashing is left to the thread that places the file. Up to a megabyte is written in this thread as it
// comes, while the sender is still sending: that goes to the system's cache in less time than a turn through the thread
// pool takes, and the bytes are still in the processor's. The rest of a larger one is written by the pool.
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { headBytes } from '../../library/header-file.ts';
import type { SeenFile } from '../../library/read-instance.ts';

const writtenHereBytes = 1024 * 1024;
const gatheredBytes = 1024 * 1024;

export class InstanceFile {
  readonly path: string;
  readonly #head: Buffer;
  #headHeld = 0;
  #bytes = 0;
  #here: number | null;
  #inPool: FileHandle | null = null;
  /** What the pool is to write next. */
  #gathered: Buffer | null = null;
  #gatheredHeld = 0;

  /** Creates the file. @param head for its first bytes, `headBytes` of them. @throws the file system's error */
  constructor(path: string, head: Buffer) {
    this.path = path;
    this.#head = head;
    this.#here = openSync(path, 'wx', 0o600);
  }

  /** All that came so far, the header included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Null where nothing has to be waited for; the piece is not used afterwards. Throws and rejects with the file system's error. */
  write(piece: Buffer): Promise<void> | null {
    if (this.#headHeld < headBytes) this.#headHeld += piece.copy(this.#head, this.#headHeld);
    const isHere = this.#bytes < writtenHereBytes;
    this.#bytes += piece.length;
    if (isHere && this.#here !== null) {
      for (let at = 0; at < piece.length;) at += writeSync(this.#here, piece, at);
      return null;
    }
    this.#gathered ??= Buffer.allocUnsafeSlow(gatheredBytes);
    const copied = piece.copy(this.#gathered, this.#gatheredHeld);
    this.#gatheredHeld += copied;
    return this.#gatheredHeld < gatheredBytes ? null : this.#writeGathered(piece.subarray(copied));
  }

  /** What was seen of the file, which is whole and closed. */
  async end(): Promise<SeenFile> {
    if (this.#gatheredHeld > 0) await this.#writeGathered(null);
    const modifiedMs = this.#here === null ? Date.now() : fstatSync(this.#here).mtimeMs;
    await this.close();
    const head = this.#head.subarray(0, this.#headHeld);
    return { head, fileBytes: this.#bytes, modifiedMs };
  }

  /** Also for a file that is given up. */
  async close(): Promise<void> {
    const [here, inPool] = [this.#here, this.#inPool];
    this.#here = null;
    this.#inPool = null;
    this.#gathered = null;
    if (here !== null) closeSync(here);
    await inPool?.close();
  }

  async #writeGathered(rest: Buffer | null): Promise<void> {
    const gathered = this.#gathered;
    if (gathered === null) return;
    this.#inPool ??= await open(this.path, 'a');
    await writeAll(this.#inPool, gathered.subarray(0, this.#gatheredHeld));
    this.#gatheredHeld = 0;
    if (rest !== null) await writeAll(this.#inPool, rest);
  }
}

/** A write is cut short on a disk that is full, and by a signal. */
async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at)).bytesWritten;
}
