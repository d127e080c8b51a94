// Brings the labels that are stored with studies together with the images of a draft.
import type { StoredLabel } from './cohort-library.ts';
import type { DraftTable, ImageKey } from './draft-table.ts';
import type { Stage } from './turns.ts';

const keys: Readonly<Record<StoredLabel['level'], ImageKey>> = {
  instance: 'sopInstanceUID',
  series: 'seriesInstanceUID',
  study: 'studyInstanceUID',
};

/** An instance's own label counts before its series', and that before its study's. @param stored of one level, at most one for each UID */
export async function labelFromStored(
  table: DraftTable,
  storedAt: (level: StoredLabel['level']) => Iterable<StoredLabel>,
  stage: Stage,
): Promise<void> {
  for (const level of ['instance', 'series', 'study'] as const)
    await stage.each(storedAt(level), ({ uid, label }) => table.labelRest(keys[level], uid, label));
}
