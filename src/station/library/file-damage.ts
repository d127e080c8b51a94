// Whether a file is whole, as it lies on the disk now: the index knows only what it was when it was read.
import { Fault } from '../../contract/fault.ts';
import { fileSystemReason } from './file-walk.ts';
import { readHeaderFile } from './header-file.ts';
import type { SeriesPlace } from './index-writer.ts';

/** `why` is for a person. Nobody knows of a file that cannot be opened just now: no right to it, too many files open, a share that is away. */
export type Wholeness = { readonly is: 'whole' | 'unknown' } | { readonly is: 'damaged'; readonly why: string };

/** What is known of the instance in a file. Its pixels are not decoded. */
export function wholenessOf(path: string): Wholeness {
  try {
    const why = readHeaderFile(path, { keepItems: false }).dataSet.damaged;
    return why === null ? { is: 'whole' } : { is: 'damaged', why };
  } catch (error) {
    if (error instanceof Fault) return { is: 'damaged', why: 'it is no DICOM file any more' };
    const { code } = error as { code?: unknown };
    if (code === 'ENOENT') return { is: 'damaged', why: 'it is gone' };
    return code === 'EIO' ? { is: 'damaged', why: `it cannot be read: ${fileSystemReason(error)}` } : { is: 'unknown' };
  }
}

/**
 * Why the file that the library holds of an instance is to make way for another one of the same SOP Instance UID: it is damaged
 * and the other is whole. Null where it stays.
 */
export function damageMended(held: string, other: string): string | null {
  const holding = wholenessOf(held);
  return holding.is === 'damaged' && wholenessOf(other).is === 'whole' ? holding.why : null;
}

/** A whole file of another series claims the UID of another image: a person has to look at that. */
export const isSameSeries = (a: SeriesPlace | null, b: SeriesPlace): boolean =>
  a?.studyInstanceUID === b.studyInstanceUID && a.seriesInstanceUID === b.seriesInstanceUID;

/** As the report of an import says it. */
export const replacedDamaged = (damage: string): string => `It replaced a damaged copy: ${damage}.`;
