// Finds the files under the paths of an import: recursively, each folder once however links lead to it.
import type { Dirent } from 'node:fs';
import { opendir, readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { systemReason } from '../../contract/system-reason.ts';
import { libraryFaults } from './faults.ts';

export type Found =
  /** `within`: the file's path below the one that was walked, with plain slashes; its name alone where it is that one. */
  | { readonly path: string; readonly within: string }
  /** Something that cannot be read and counts as refused. */
  | { readonly path: string; readonly reason: string };

/** Why the file system refused, for a person. */
export function fileSystemReason(error: unknown): string {
  const { code, path: asked } = error as { code?: unknown; path?: unknown };
  // Node gives a byte that is no UTF-8 as U+FFFD, and then asks the system for that other name.
  if (code === 'ENOENT' && typeof asked === 'string' && asked.includes('\uFFFD'))
    return 'its name, or that of its folder, is not written in UTF-8: rename it';
  return systemReason(code);
}

/**
 * The paths that do not exist or cannot be listed, each with the reason.
 * @throws Fault 100 naming the first one where no path can be read.
 */
export async function unreadablePaths(paths: readonly string[]): Promise<{ path: string; reason: string }[]> {
  const unreadable: { path: string; reason: string }[] = [];
  for (const one of paths) {
    try {
      const found = await stat(one);
      if (found.isDirectory()) await (await opendir(one)).close();
    } catch (error) {
      unreadable.push({ path: one, reason: fileSystemReason(error) });
    }
  }
  const [first] = unreadable;
  if (first !== undefined && unreadable.length === paths.length)
    throw libraryFaults.pathUnreadable(first.path, first.reason);
  return unreadable;
}

/** Files in the order of their names; stops between folders when `signal` is aborted. */
export async function* walkFiles(paths: readonly string[], signal: AbortSignal): AsyncGenerator<Found> {
  const visited = new Set<string>();
  for (const one of paths) {
    const absolute = path.resolve(one);
    const found = await stat(absolute).catch(() => null);
    if (found?.isDirectory() === true) yield* walkFolder(absolute, visited, signal);
    else
      yield found === null || found.isFile()
        ? { path: absolute, within: path.basename(absolute) }
        : { path: absolute, reason: 'Not a regular file.' };
  }
}

async function* walkFolder(folder: string, visited: Set<string>, signal: AbortSignal): AsyncGenerator<Found> {
  // An explicit stack: folders nest deeper than calls may.
  const pending = [folder];
  for (let current = pending.pop(); current !== undefined; current = pending.pop()) {
    if (signal.aborted) return;
    let entries: Dirent[];
    try {
      const real = await realpath(current);
      if (visited.has(real)) continue;
      visited.add(real);
      entries = await readdir(current, { withFileTypes: true });
    } catch (error) {
      yield { path: current, reason: `The folder cannot be read: ${fileSystemReason(error)}.` };
      continue;
    }
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    const folders: string[] = [];
    for (const entry of entries) {
      const inside = path.join(current, entry.name);
      const kind = entry.isSymbolicLink() ? await stat(inside).catch(() => null) : entry;
      if (kind === null) yield { path: inside, reason: 'The link leads nowhere.' };
      else if (kind.isDirectory()) folders.push(inside);
      else if (kind.isFile()) yield { path: inside, within: path.relative(folder, inside).replaceAll(path.sep, '/') };
      else yield { path: inside, reason: 'Not a regular file.' };
    }
    pending.push(...folders.reverse());
  }
}
