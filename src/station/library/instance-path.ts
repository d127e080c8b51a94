// Where the file of an instance lies, and where a person left it, from its row of the index.
import path from 'node:path';

/** Where a person left an instance's file; null for one that came over the network, and for copies of before this was kept. */
export function foundAt(instance: { path: string; isCopy: number; source: string | null }): string | null {
  if (instance.isCopy === 0) return instance.path;
  // What arrived keeps in the store the name that it got as it arrived.
  const isArrival = instance.source === null || path.basename(instance.source) === path.basename(instance.path);
  return isArrival ? null : instance.source;
}

/** The absolute path of an instance's file. */
export function absolutePath(folder: string, instance: { path: string; isCopy: number }): string {
  return instance.isCopy === 1 ? path.join(folder, instance.path) : instance.path;
}
