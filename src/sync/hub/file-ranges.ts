// Many files read in turn, a piece of each at a time.
import { closeSync, fstatSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import type { ByteRanges } from '../aggregation/byte-ranges.ts';

/** Files that are kept open at a time; a system lets a process have a thousand or so, and sockets are among them. */
const mostOpen = 128;

export interface FileRanges {
  /** Of a file that does not change. @throws the system's error when it cannot be read. */
  of(file: string): ByteRanges;
  /** Writes a file that is there until these are closed. */
  scratch(file: string, bytes: Uint8Array): ByteRanges;
  close(): void;
}

export function openFileRanges(): FileRanges {
  /** The one that was read longest ago comes first. */
  const handles = new Map<string, number>();
  const handleOf = (file: string): number => {
    const handle = handles.get(file) ?? openSync(file, 'r');
    handles.delete(file);
    handles.set(file, handle);
    const [[oldest, closing]] = handles as unknown as [[string, number]];
    if (handles.size > mostOpen) {
      handles.delete(oldest);
      closeSync(closing);
    }
    return handle;
  };
  const scratches: string[] = [];
  const of = (file: string): ByteRanges => ({
    size: fstatSync(handleOf(file)).size,
    read(offset, into) {
      const handle = handleOf(file);
      for (let done = 0; done < into.byteLength;) {
        const count = readSync(handle, into, done, into.byteLength - done, offset + done);
        if (count === 0) throw new Error('a file ended before what was to be read from it');
        done += count;
      }
    },
  });
  return {
    of,
    scratch(file, bytes) {
      scratches.push(file);
      writeFileSync(file, bytes, { mode: 0o600 });
      return of(file);
    },
    close() {
      for (const handle of handles.values()) closeSync(handle);
      handles.clear();
      for (const file of scratches) rmSync(file, { force: true });
    },
  };
}
