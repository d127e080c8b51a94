// Writes an arriving instance to a file and keeps its first bytes: the sender waits for its answer, so nothing is read back.
// What comes is gathered first: it comes in pieces of 64 KB and less, and a few large writes take half the time of many.
// The first megabyte is written in this thread: that goes to the system's cache in less time than a turn through the thread
// pool takes. The rest of a larger one is written by the pool.
import { closeSync, openSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { headBuffer, headBytes } from '../../library/header-file.ts';
import type { SeenFile } from '../../library/read-instance.ts';

const writtenHereBytes = 1024 * 1024;
/** As much as stays in a processor's own cache until it is written. */
const gatheredHereBytes = 256 * 1024;
const gatheredBytes = 1024 * 1024;

/** Memory of one association, whose instances come one after another. */
export interface ArrivalMemory {
  /** An instance's first bytes. */
  readonly head: Buffer;
  /** What is written next. */
  readonly gathered: Buffer;
}

export const arrivalMemory = (): ArrivalMemory => ({
  head: headBuffer(),
  gathered: Buffer.allocUnsafeSlow(gatheredHereBytes),
});

export class InstanceFile {
  readonly path: string;
  readonly #head: Buffer;
  #headHeld = 0;
  #bytes = 0;
  #writtenBytes = 0;
  #here: number | null;
  #inPool: FileHandle | null = null;
  #gathered: Buffer;
  #gatheredHeld = 0;
  #isClosed = false;

  /** Creates the file. @throws the file system's error */
  constructor(path: string, { head, gathered }: ArrivalMemory) {
    this.path = path;
    this.#head = head;
    this.#gathered = gathered;
    this.#here = openSync(path, 'wx', 0o600);
  }

  /** All that came so far, the header included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Null where nothing has to be waited for; the piece is not used afterwards. Throws and rejects with the file system's error. */
  write(piece: Buffer): Promise<void> | null {
    if (this.#headHeld < headBytes) this.#headHeld += piece.copy(this.#head, this.#headHeld);
    this.#bytes += piece.length;
    return this.#gather(piece);
  }

  /** What was seen of the file, which is whole and closed. */
  async end(): Promise<SeenFile> {
    if (this.#isForPool) await this.#writeInPool();
    else this.#writeHere();
    await this.close();
    const head = this.#head.subarray(0, this.#headHeld);
    return { head, fileBytes: this.#bytes, modifiedMs: Date.now() };
  }

  /** Also for a file that is given up. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const [here, inPool] = [this.#here, this.#inPool];
    this.#here = null;
    this.#inPool = null;
    if (here !== null) closeSync(here);
    await inPool?.close();
  }

  get #isForPool(): boolean {
    return this.#writtenBytes >= writtenHereBytes;
  }

  #gather(piece: Buffer): Promise<void> | null {
    let at = 0;
    while (at < piece.length) {
      // There is no file for it any more: waiting for room would not end.
      if (this.#isClosed) throw new Error('A piece came for an instance whose file is closed.');
      const copied = piece.copy(this.#gathered, this.#gatheredHeld, at);
      at += copied;
      this.#gatheredHeld += copied;
      if (this.#gatheredHeld < this.#gathered.length) continue;
      if (this.#isForPool) return this.#gatherAfterPool(piece.subarray(at));
      this.#writeHere();
    }
    return null;
  }

  async #gatherAfterPool(rest: Buffer): Promise<void> {
    await this.#writeInPool();
    await this.#gather(rest);
  }

  #writeHere(): void {
    const here = this.#here;
    if (here === null) return;
    for (let at = 0; at < this.#gatheredHeld;) at += writeSync(here, this.#gathered, at, this.#gatheredHeld - at);
    this.#taken();
    if (this.#isForPool) this.#gathered = Buffer.allocUnsafeSlow(gatheredBytes);
  }

  /** A write is cut short on a disk that is full, and by a signal. */
  async #writeInPool(): Promise<void> {
    const inPool = (this.#inPool ??= await open(this.path, 'a'));
    for (let at = 0; at < this.#gatheredHeld;)
      at += (await inPool.write(this.#gathered, at, this.#gatheredHeld - at)).bytesWritten;
    this.#taken();
  }

  #taken(): void {
    this.#writtenBytes += this.#gatheredHeld;
    this.#gatheredHeld = 0;
  }
}
