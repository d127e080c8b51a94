// Whether a file is whole, as it lies on the disk now: the index knows only what it was when it was read.
import { Fault } from '../../contract/fault.ts';
import { fileSystemReason } from './file-walk.ts';
import { readHeaderFile } from './header-file.ts';
import type { SeriesPlace } from './index-writer.ts';

/** Why the instance in a file is not whole, for a person; null where it is. Its pixels are not decoded. */
export function fileDamage(path: string): string | null {
  try {
    return readHeaderFile(path, { keepItems: false }).dataSet.damaged;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return 'it is gone';
    return error instanceof Fault ? 'it is no DICOM file any more' : `it cannot be read: ${fileSystemReason(error)}`;
  }
}

/**
 * Why the file that the library holds of an instance is to make way for another one of the same SOP Instance UID: it is damaged
 * and the other is whole. Null where it stays.
 */
export function damageMended(held: string, other: string): string | null {
  const damage = fileDamage(held);
  return damage !== null && fileDamage(other) === null ? damage : null;
}

/** A whole file of another series claims the UID of another image: a person has to look at that. */
export const isSameSeries = (a: SeriesPlace | null, b: SeriesPlace): boolean =>
  a?.studyInstanceUID === b.studyInstanceUID && a.seriesInstanceUID === b.seriesInstanceUID;

/** As the report of an import says it. */
export const replacedDamaged = (damage: string): string => `It replaced a damaged copy: ${damage}.`;
