// Writes an arriving instance to a file: pieces are gathered and written together, since most instances fit one write.
import { closeSync, openSync, writeSync, writevSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const gatheredBytes = 1024 * 1024;

export class InstanceFile {
  readonly path: string;
  #pieces: Buffer[];
  #held: number;
  #bytes: number;
  #file: FileHandle | null = null;

  constructor(path: string, header: Buffer) {
    this.path = path;
    this.#pieces = [header];
    this.#held = header.length;
    this.#bytes = header.length;
  }

  /** All that came so far, the header included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Null where nothing has to be waited for. Rejects with the file system's error. */
  write(piece: Buffer): Promise<void> | null {
    this.#pieces.push(piece);
    this.#held += piece.length;
    this.#bytes += piece.length;
    return this.#held < gatheredBytes ? null : this.#flush();
  }

  async end(): Promise<void> {
    // In this thread: under a megabyte goes to the system's cache in a fraction of a millisecond, and the sender waits
    // for the answer; three turns through the thread pool take longer.
    if (this.#file === null) return this.#writeAtOnce();
    await this.#flush();
    return this.close();
  }

  /** Also for a file that is given up. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    this.#pieces = [];
    await file?.close();
  }

  async #flush(): Promise<void> {
    const pieces = this.#pieces;
    const held = this.#held;
    this.#pieces = [];
    this.#held = 0;
    this.#file ??= await open(this.path, 'wx', 0o600);
    const { bytesWritten } = await this.#file.writev(pieces);
    // A write is cut short on a disk that is full, and by a signal.
    if (bytesWritten === held) return;
    const rest = Buffer.concat(pieces).subarray(bytesWritten);
    for (let at = 0; at < rest.length;) at += (await this.#file.write(rest, at)).bytesWritten;
  }

  /** An instance that was gathered whole. */
  #writeAtOnce(): void {
    const file = openSync(this.path, 'wx', 0o600);
    try {
      let written = writevSync(file, this.#pieces);
      if (written < this.#held) {
        const whole = Buffer.concat(this.#pieces);
        while (written < whole.length) written += writeSync(file, whole, written);
      }
    } finally {
      closeSync(file);
    }
    this.#pieces = [];
  }
}
