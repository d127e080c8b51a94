// Brings the labels that are stored with studies together with the images of a draft.
import type { StoredLabel } from './cohort-library.ts';
import type { DraftTable, ImageKey } from './draft-table.ts';

const keys: Readonly<Record<StoredLabel['level'], ImageKey>> = {
  instance: 'sopInstanceUID',
  series: 'seriesInstanceUID',
  study: 'studyInstanceUID',
};

/** An instance's own label counts before its series', and that before its study's. @param stored of one level, at most one for each UID */
export function labelFromStored(
  table: DraftTable,
  storedAt: (level: StoredLabel['level']) => Iterable<StoredLabel>,
): void {
  for (const level of ['instance', 'series', 'study'] as const)
    for (const { uid, label } of storedAt(level)) table.labelRest(keys[level], uid, label);
}
