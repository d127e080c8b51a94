// Which shards are known to lie on the disk as they were written: each is read and hashed once in a process's life, and again when
// it was changed or is doubted.
import { statSync } from 'node:fs';

export interface WholeShards {
  /** Whether the file of this path was found whole and is as it was then. */
  has(place: string): boolean;
  add(place: string): void;
  /** All of them are read again before they are used again. */
  doubt(): void;
}

export function wholeShards(): WholeShards {
  const versions = new Map<string, string>();
  return {
    has(place) {
      const known = versions.get(place);
      if (known !== undefined && known === versionOf(place)) return true;
      versions.delete(place);
      return false;
    },
    add(place) {
      const version = versionOf(place);
      if (version !== null) versions.set(place, version);
    },
    doubt: () => versions.clear(),
  };
}

/** Null where there is no such file. */
function versionOf(place: string): string | null {
  const stat = statSync(place, { throwIfNoEntry: false });
  return stat === undefined ? null : `${stat.size} ${stat.mtimeMs}`;
}
