// What the blobs take on their disk, and what is left of it. Counted at most once a minute: there may be thousands.
import { readdir, stat, statfs } from 'node:fs/promises';
import path from 'node:path';

export interface BlobVolume {
  readonly blobBytes: number;
  readonly freeBytes: number;
}

const goodForMs = 60_000;

/** A reader of the volume of `folder`. */
export function openBlobVolume(folder: string): () => Promise<BlobVolume> {
  let counted: { readonly at: number; readonly volume: Promise<BlobVolume> } | null = null;
  return () => {
    const now = performance.now();
    if (counted !== null && now - counted.at <= goodForMs) return counted.volume;
    const volume = volumeOf(folder);
    const own = { at: now, volume };
    counted = own;
    // A failure is not kept for a minute.
    volume.catch(() => {
      if (counted === own) counted = null;
    });
    return volume;
  };
}

async function volumeOf(folder: string): Promise<BlobVolume> {
  const { bavail, bsize } = await statfs(folder);
  let blobBytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    // One that was thrown away meanwhile takes nothing.
    blobBytes += await stat(path.join(entry.parentPath, entry.name)).then(
      ({ size }) => size,
      () => 0,
    );
  }
  return { blobBytes, freeBytes: bavail * bsize };
}
