// The situation of most tests of the library: a folder of files, and a library beside it that has none of them yet.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Library, openLibrary } from '../../../../src/station/library/library.ts';

export class FilesAndLibrary {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-library-'));
  /** Where files to import lie. */
  readonly files = path.join(this.folder, 'files');
  /** The library's own folder. */
  readonly home = path.join(this.folder, 'home');
  #library: Library;

  constructor() {
    mkdirSync(this.files);
    this.#library = openLibrary({ folder: this.home });
  }

  get library(): Library {
    return this.#library;
  }

  /** @param name below the files; folders are made. @returns the whole path */
  write(name: string, bytes: Uint8Array | string): string {
    const file = path.join(this.files, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    return file;
  }

  /** Closes the library and opens it again, as a station that is started anew. */
  reopen(): void {
    this.#library.close();
    this.#library = openLibrary({ folder: this.home });
  }

  /** All of it is gone afterwards. */
  close(): void {
    this.#library.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
