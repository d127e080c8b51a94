// Whether what was bundled for the window is older than the sources that the station runs from: in a clone that was updated and
// not built again, the two ends may not understand each other.
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';

/** What scripts/build.ts bundles, below src/. */
const bundled = ['contract', 'main', 'renderer'];

/**
 * A sentence for a person when the window has to be built again; null where it need not.
 * @param appFolder of a clone: a package has its sources and its bundle from one build
 */
export async function buildWarning(appFolder: string): Promise<string | null> {
  try {
    const { mtimeMs: builtMs } = await stat(path.join(appFolder, 'dist', 'renderer', 'index.html'));
    for (const part of bundled) {
      const folder = path.join(appFolder, 'src', part);
      for (const file of await readdir(folder, { recursive: true })) {
        if ((await stat(path.join(folder, file))).mtimeMs > builtMs) return oldBuild;
      }
    }
  } catch {
    // Without sources beside it there is nothing to compare, and what cannot be read is told where it matters.
  }
  return null;
}

const oldBuild =
  'This window was built before its sources were changed, and may not understand what runs behind it. Close it and start it with “npm start”, which builds it first.';
